"""The E2B SDK as it is, on sandboxes of Sandstorm: see README.md beside this file."""

from e2b import Sandbox

sandbox = Sandbox.create()
try:
    print(sandbox.commands.run("echo hi").stdout, end="")
    sandbox.files.write("/home/user/primes.py", "print([n for n in range(2, 50) if all(n % d for d in range(2, n))])")
    print(sandbox.commands.run("python3 primes.py").stdout, end="")
finally:
    sandbox.kill()
