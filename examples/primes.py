"""Prints the primes below 100 as they are found: what a sandbox prints is seen at once."""

import time


def primes(limit):
    found = []
    for number in range(2, limit):
        if all(number % prime for prime in found if prime * prime <= number):
            found.append(number)
            yield number


for prime in primes(100):
    print(prime, end=" ", flush=True)
    time.sleep(0.03)
print()
