<?php
declare(strict_types=1);

namespace Storm;

interface Shape { public function area(): float; }

enum Suit: string {
    case Hearts = 'H';
    case Spades = 'S';
    public function label(): string { return ucfirst(strtolower($this->name)); }
}

final class Circle implements Shape {
    public function __construct(private readonly float $radius) {}
    public function area(): float { return M_PI * $this->radius ** 2; }
}

function fibonacci(): \Generator {
    [$a, $b] = [0, 1];
    while (true) {
        yield $a;
        [$a, $b] = [$b, $a + $b];
    }
}

echo round((new Circle(2.0))->area(), 3), ' ', Suit::from('S')->label(), ' ', Circle::class, PHP_EOL;
foreach (fibonacci() as $index => $number) {
    if ($index > 10) break;
    echo $number, ' ';
}
echo PHP_EOL;
echo match (true) { $index > 10 => 'done', default => 'not' }, PHP_EOL;
