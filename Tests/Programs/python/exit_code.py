import atexit
import sys

atexit.register(lambda: print("goodbye"))
print("leaving", file=sys.stderr)
sys.exit(42)
