printf '%s\n' dune arch crag arch | sort | uniq -c | awk '{print $2, $1}'
seq 1 1000 | paste -sd+ | sed 's/^/0+/' | tr -d '\n' | wc -c
x=$(echo nested "$(echo deeper)")
echo "${x^^} ${#x} $((2 ** 62)) $((7 % 3))"
