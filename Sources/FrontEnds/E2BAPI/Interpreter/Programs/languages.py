"""Which kernel runs which language."""

import base64
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

R_LIBRARIES = ["/usr/local/lib/R/site-library", "/usr/lib/R/site-library", "/usr/lib/R/library"]


class JavaKernel(PipeKernel):
    async def ask(self, code, environment):
        words = [code, *(word for pair in environment.items() for word in pair)]
        line = " ".join(base64.b64encode(word.encode("utf-8", "replace")).decode() for word in words)
        await self.input.write(f"run {line}\n".encode())

    async def interrupt(self):
        await self.input.write(b"interrupt\n")


def java(directory):
    program("jshell", "default-jdk-headless")
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g", "--add-modules", "jdk.jshell"]
    return JavaKernel(
        [program("java", "default-jdk-headless"), *options, placed(directory, "JavaKernel.java"), "{input}", "{output}"],
        package="default-jdk-headless",
    )


def r(directory):
    program("R", "r-base-core")
    if not any(os.path.isdir(os.path.join(library, "IRkernel")) for library in R_LIBRARIES):
        raise KernelUnavailable("R's kernel is not installed here; it comes with the package r-cran-irkernel")
    from jupyter_kernel import JupyterKernel

    arguments = ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
    return JupyterKernel(arguments, directory, transport="tcp", dresses=r_environment)


def r_environment(environment):
    """R code that sets variables of the environment, and code that sets them back."""

    def quoted(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    names = ", ".join(map(quoted, environment))
    values = ", ".join(map(quoted, environment.values()))
    assign = "function(n, v) if (is.na(v)) Sys.unsetenv(n) else do.call(Sys.setenv, stats::setNames(list(v), n))"
    before = f"options(sandstorm.environment = Sys.getenv(c({names}), unset = NA, names = TRUE)); mapply({assign}, c({names}), c({values}))"
    after = f"local({{ old <- getOption('sandstorm.environment'); mapply({assign}, names(old), old) }})"
    return before, after


def no_environment(environment):
    raise KernelUnavailable("Variables of the environment can't be set for a single execution in this language")


OWN = {"r": r, "java": java, "python": python, "python3": python, "javascript": javascript, "typescript": typescript, "bash": bash}


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
        interrupt_by_message=specification.get("interrupt_mode") == "message", transport="tcp",
        dresses=no_environment,
    )
