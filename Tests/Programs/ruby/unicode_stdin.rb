STDIN.each_line(chomp: true) do |line|
  puts "#{line.reverse} #{line.length} #{line.bytesize} #{line.upcase} #{line.valid_encoding?}"
end
puts "größe 日本 🏜".scan(/\p{L}+/).inspect
