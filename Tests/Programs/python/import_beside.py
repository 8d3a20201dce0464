import sys
from pathlib import Path

Path("dunes").mkdir()
Path("dunes/__init__.py").write_text("from .height import height\n")
Path("dunes/height.py").write_text("def height(n):\n    return n * 1.5\n")
from dunes import height

print(height(4), sys.argv[1:], list(Path("dunes").glob("**/*.pyc")))
