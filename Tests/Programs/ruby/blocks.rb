Dune = Struct.new(:name, :height) do
  include Comparable
  def <=>(other) = height <=> other.height
end

module Loud
  def shout = "#{name.upcase}!"
end
Dune.include(Loud)

dunes = [Dune.new("star", 300), Dune.new("seif", 100), Dune.new("barchan", 30)]
puts dunes.min.shout, dunes.sort.map(&:name).join(" ")
puts dunes.group_by { |d| d.height > 50 }.transform_values(&:count).inspect.tr(" ", "")
counter = Enumerator.new { |y| a, b = 0, 1; loop { y << a; a, b = b, a + b } }
puts counter.lazy.select(&:even?).first(6).inspect
case { kind: "storm", strength: 9 }
in { kind: String => kind, strength: Integer => n } if n > 5 then puts "#{kind} #{n}"
end
puts __FILE__ == $0, ARGV.inspect
