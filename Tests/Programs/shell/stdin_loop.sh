n=0
while read -r line || [ -n "$line" ]; do
    n=$((n + 1))
    echo "$n: $line (${#line})"
done
echo "read $n lines" >&2
