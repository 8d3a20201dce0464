"""Which kernel runs which language."""

import importlib.util
import os
import shutil
import sys

from bash_kernel import BashKernel
from kernels import KernelUnavailable
from pipe_kernel import PipeKernel

HERE = os.path.dirname(os.path.abspath(__file__))


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


SOURCES = {name: read(name) for name in os.listdir(HERE) if os.path.isfile(os.path.join(HERE, name))}


def placed(directory, name):
    """Where a kernel's program is; put there again if somebody has swept it away."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(SOURCES[name])
    return path


def program(name, package):
    """A program of the system."""
    path = shutil.which(name)
    if path is None:
        raise KernelUnavailable(f"{name} is not installed here; it comes with the package {package}")
    return path


def python(directory):
    if importlib.util.find_spec("ipykernel") is None:
        raise KernelUnavailable("Python's kernel is not installed here; it comes with the package python3-ipykernel")
    from jupyter_kernel import JupyterKernel

    return JupyterKernel(
        [
            sys.executable, placed(directory, "python_kernel.py"), "{connection_file}", placed(directory, "charts.py"),
            os.path.join(directory, "ipython"),
        ],
        directory,
    )


def javascript(directory, language="javascript"):
    node = program("node", "nodejs")
    return PipeKernel([node, placed(directory, "javascript_kernel.js"), "{input}", "{output}", language], package="nodejs")


def typescript(directory):
    return javascript(directory, "typescript")


def bash(directory):
    program("bash", "bash")
    return BashKernel()


OWN = {"python": python, "python3": python, "javascript": javascript, "typescript": typescript, "bash": bash}


def kernel_for(language, directory):
    """A kernel, not yet started.

    Ours, else one of the system's specifications, which is how Jupyter knows its kernels.
    """
    if language in OWN:
        return OWN[language](directory)
    specification = None
    if importlib.util.find_spec("zmq") is not None:
        import jupyter_kernel

        specification = jupyter_kernel.specification(language)
    if specification is None:
        raise KernelUnavailable(f"There is no kernel for {language}; here are {', '.join(sorted(OWN))}")
    return jupyter_kernel.JupyterKernel(
        [str(one) for one in specification["argv"]], directory, specification.get("env"),
        interrupt_by_message=specification.get("interrupt_mode") == "message",
    )
