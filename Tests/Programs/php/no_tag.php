$dunes = ['barchan' => 30, 'star' => 300, 'seif' => 100];
arsort($dunes);
foreach ($dunes as $name => $height) {
    printf("%-8s %4d\n", $name, $height);
}
echo array_sum(array_map(fn($h) => $h ** 2, $dunes)), ' ', PHP_INT_MAX, ' ', intdiv(-7, 2), ' ', -7 % 3, "\n";
