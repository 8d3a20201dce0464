from fractions import Fraction
from math import factorial

print(2**200)
print(factorial(50))
print(sum(Fraction(1, n) for n in range(1, 21)))
print(pow(3, 10**18, 10**9 + 7), -7 // 2, -7 % 3)
