# Writes standard input back in capitals, line by line.
$stdin.each_line { |line| puts line.upcase }
