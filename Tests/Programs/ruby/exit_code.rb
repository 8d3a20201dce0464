at_exit { puts "goodbye" }
warn "leaving"
exit 42
