import json
from pathlib import Path

data = {"name": "dune", "sizes": [1, 2.5, None, True], "nested": {"ü": "ß"}}
path = Path("data/file.json")
path.parent.mkdir()
path.write_text(json.dumps(data, ensure_ascii=False, sort_keys=True))
print(path.read_text())
print(json.loads(path.read_text()) == data, path.resolve().relative_to(Path.cwd()))
print(sorted(p.name for p in path.parent.iterdir()), __name__, Path(__file__).name)
