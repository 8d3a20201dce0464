class Storm < StandardError; end

puts "before"
begin
  Integer("dune")
rescue ArgumentError => e
  raise Storm, "because #{e.message}"
ensure
  puts "ensure"
end
