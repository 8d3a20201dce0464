$total = 0;
while (($line = fgets(STDIN)) !== false) {
    [$name, $amount] = explode(' ', trim($line));
    $total += (int) $amount;
    echo strtoupper($name), "=$total\n";
}
fwrite(STDERR, "total $total\n");
exit($total);
