trap 'echo trapped' EXIT
false || echo "false gives $?"
(exit 5) || exit $(($? + 100))
