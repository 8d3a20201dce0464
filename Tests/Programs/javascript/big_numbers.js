let a = 0n, b = 1n;
for (let i = 0; i < 300; i++) [a, b] = [b, a + b];
console.log(a.toString());
console.log((2n ** 128n).toLocaleString("en-US"));
console.log(0.1 + 0.2, Number.MAX_SAFE_INTEGER, 7 % -3);
