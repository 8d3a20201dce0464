set -euo pipefail
declare -A heights=([star]=300 [seif]=100)
height() { local name=$1; echo "${heights[$name]:-unknown}"; }
for name in star seif none; do echo "$name: $(height "$name")"; done
factorial() { (($1 < 2)) && echo 1 || echo $(($1 * $(factorial $(($1 - 1))))); }
factorial 15
while IFS=, read -r a b; do echo "$b-$a"; done <<< $'1,2\n3,4'
echo "$# arguments"
