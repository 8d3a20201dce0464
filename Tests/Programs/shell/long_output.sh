for i in {1..4000}; do echo "line $i"; done
head -c 100000 /dev/zero | tr '\0' x
