for i in 3 1 2; do (sleep "0.0$i"; echo "$i" > "job$i") & done
wait
cat job1 job2 job3
kill -TERM $$
echo never printed
