<?php
class Storm extends RuntimeException {}
echo "before\n";
try {
    intdiv(1, 0);
} catch (DivisionByZeroError $error) {
    throw new Storm('too much sand', 7, $error);
} finally {
    echo "finally\n";
}
