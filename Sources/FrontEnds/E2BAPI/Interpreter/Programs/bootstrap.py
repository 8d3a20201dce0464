import json, os, runpy, sys, tempfile
directory = tempfile.mkdtemp(prefix=".interpreter-")
for name, text in json.load(sys.stdin).items():
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text)
sys.path.insert(0, directory)
sys.dont_write_bytecode = True
sys.argv = ["interpreter.py", *sys.argv[1:], directory]
runpy.run_path(os.path.join(directory, "interpreter.py"), run_name="__main__")
