require "json"
require "set"

File.write("data.json", JSON.pretty_generate({ "clé" => "été", list: [1, 2.5, nil, true] }))
data = JSON.parse(File.read("data.json"), symbolize_names: true)
puts data[:clé], data[:list].compact.size, Set.new([1, 1, 2]).size
queue = Queue.new
threads = 4.times.map { |id| Thread.new { 10.times { |n| queue << id * n } } }
threads.each(&:join)
puts queue.size, Array.new(queue.size) { queue.pop }.sum
