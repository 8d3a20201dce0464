"""Python's kernel: ipykernel, whose output waits for its reader, and which shows charts and tables as data.

Started with the connection file's name and the place of chart extraction's source.
"""

import asyncio
import codecs
import contextlib
import fcntl
import functools
import importlib.abc
import importlib.util
import os
import select
import signal
import struct
import sys
import termios
import threading

# It takes long to load, and nothing here debugs.
sys.modules.setdefault("debugpy", None)

import zmq
from ipykernel import iostream, ipkernel, kernelapp
from IPython.core.formatters import BaseFormatter
from traitlets import ObjectName, Unicode
from traitlets.config import Config

if sys.modules.get("debugpy", True) is None:
    del sys.modules["debugpy"]

HIGH_WATER = 16
PIECE = 64 * 1024
PENDING = 64


class BoundedThread(iostream.IOPubThread):
    """Publishes from a thread of its own, and lets whoever has too much to publish wait."""

    def __init__(self, *arguments, **options):
        self.room = threading.Semaphore(PENDING)
        super().__init__(*arguments, **options)

    def send_multipart(self, *arguments, **options):
        if not self.thread.is_alive() or threading.current_thread() is self.thread or not self._is_master_process():
            return super().send_multipart(*arguments, **options)
        self.room.acquire()

        def send():
            try:
                self._really_send(*arguments, **options)
            finally:
                self.room.release()

        self.schedule(send)


class BoundedStream(iostream.OutStream):
    """Standard output or error: no more than a piece is kept, whoever writes more waits until it is on its way."""

    # Until the reader reads on, or an interrupt.
    flush_timeout = None

    def __init__(self, *arguments, **options):
        self.unsent = 0
        self.taken = 0
        self.passed = 0
        self.progress = threading.Condition()
        super().__init__(*arguments, **options)

    def write(self, string):
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string).__name__}")
        if len(string) <= PIECE:
            self.write_piece(string)
        else:
            for start in range(0, len(string), PIECE):
                self.write_piece(string[start:start + PIECE])
        return len(string)

    def write_piece(self, string):
        super().write(string)
        self.unsent += len(string)
        if self.unsent >= PIECE:
            self.unsent = 0
            self.flush()

    def _watch_pipe_fd(self):
        """Reads what programs and libraries write past Python."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while self._should_watch:
            select.select([self._fid], [], [])
            with self.progress:
                read = os.read(self._fid, PIECE)
                self.taken += len(read)
            if not read:
                return
            text = decoder.decode(read)
            if text:
                self.write(text)
            with self.progress:
                self.passed += len(read)
                self.progress.notify_all()

    def settle(self):
        """Waits until what is in the pipe by now was read."""
        if not getattr(self, "_should_watch", False) or not self.watch_fd_thread.is_alive():
            return
        with self.progress:
            waiting = struct.unpack("i", fcntl.ioctl(self._fid, termios.FIONREAD, b"\0\0\0\0"))[0]
            end = self.taken + waiting
            self.progress.wait_for(lambda: self.passed >= end)


class Kernel(ipkernel.IPythonKernel):
    """Sets the environment that comes with a request, for its time."""

    async def execute_request(self, stream, ident, parent):
        wanted = (parent.get("metadata") or {}).get("environment") or {}
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            await super().execute_request(stream, ident, parent)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    @contextlib.contextmanager
    def _cancel_on_sigint(self, future):
        """As before, and the loop hears of it also while it waits."""
        loop = asyncio.get_running_loop()
        with super()._cancel_on_sigint(future):
            handle = signal.getsignal(signal.SIGINT)

            def wake(*arguments):
                handle(*arguments)
                loop.call_soon_threadsafe(lambda: None)

            signal.signal(signal.SIGINT, wake)
            yield

    async def do_execute(self, *arguments, **options):
        reply = await super().do_execute(*arguments, **options)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, BoundedStream):
                stream.settle()
        return reply


class Application(kernelapp.IPKernelApp):
    def _bind_socket(self, socket, port):
        if socket.type in (zmq.PUB, zmq.XPUB):
            # Wait for a slow reader, rather than to lose what it has not read.
            socket.sndhwm = HIGH_WATER
            socket.setsockopt(zmq.XPUB_NODROP, 1)
        return super()._bind_socket(socket, port)


class DataFormatter(BaseFormatter):
    """Values that have a form as data, by type."""

    format_type = Unicode("application/vnd.sandstorm.data+json")
    print_method = ObjectName("_sandstorm_data_")
    _return_type = dict


class ChartFormatter(DataFormatter):
    """Figures as charts. Not by the table of types, from which whoever chooses figures' formats takes them out."""

    format_type = Unicode("application/vnd.sandstorm.chart+json")
    print_method = ObjectName("_sandstorm_chart_")
    chart_of = None

    def __call__(self, value):
        figures = sys.modules.get("matplotlib.figure")
        if figures is not None and isinstance(value, figures.Figure):
            return self.chart_of(value)
        return super().__call__(value)


def table(frame):
    """A DataFrame as column → list, in JSON's types."""
    columns = {}
    for position, name in enumerate(frame.columns):
        columns[str(name)] = [plain(value) for value in frame.iloc[:, position].tolist()]
    return columns


def plain(value):
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if type(value).__name__ == "NaTType" or type(value).__name__ == "NAType":
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


class BoxPlotRecorder(importlib.abc.MetaPathFinder):
    """Keeps the figures of which a box plot is drawn: its lines don't tell what they are."""

    MODULE = "matplotlib.axes._axes"

    def find_spec(self, name, path, target=None):
        if name != self.MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                with contextlib.suppress(Exception):
                    self.record(module.Axes)

            spec.loader.exec_module = exec_module
        return spec

    def record(self, axes_class):
        draw = axes_class.bxp

        @functools.wraps(draw)
        def bxp(axes, bxpstats, *arguments, **options):
            artists = draw(axes, bxpstats, *arguments, **options)
            if isinstance(artists, dict) and artists.get("medians"):
                recorded = axes.__dict__.setdefault("_sandstorm_boxes", [])
                recorded[:] = [one for one in recorded if one[1][0].axes is axes]
                recorded.append((list(bxpstats), list(artists["medians"])))
            return artists

        axes_class.bxp = bxp


def install(shell, charts_source):
    formatters = shell.display_formatter.formatters
    data, chart = DataFormatter(parent=shell.display_formatter), ChartFormatter(parent=shell.display_formatter)
    for formatter in (data, chart):
        formatters[formatter.format_type] = formatter
        active = shell.display_formatter.active_types
        if active and formatter.format_type not in active:
            shell.display_formatter.active_types = [*active, formatter.format_type]

    module = {}

    def chart_of(figure):
        if not module:
            exec(compile(charts_source, "<charts>", "exec"), module)
        return module["chart_of"](figure)

    sys.meta_path.insert(0, BoxPlotRecorder())
    data.for_type_by_name("pandas.core.frame", "DataFrame", table)
    chart.chart_of = chart_of


def main():
    connection_file, charts_path, ipython_directory = sys.argv[1:4]
    os.makedirs(ipython_directory, mode=0o700, exist_ok=True)
    with open(charts_path) as file:
        charts_source = file.read()
    own_directory = sys.path.pop(0)
    sys.argv[1:] = []
    iostream.IOPubThread = kernelapp.IOPubThread = BoundedThread
    iostream.OutStream = BoundedStream
    # Some of IPython asks the environment; the user's home stays as it is.
    os.environ["IPYTHONDIR"] = ipython_directory
    settings = Config()
    settings.HistoryManager.hist_file = ":memory:"
    application = Application.instance(
        config=settings, kernel_class=Kernel, connection_file=connection_file, ipython_dir=ipython_directory, log_level=50
    )
    application.initialize([])
    install(application.shell, charts_source)
    del os.environ["IPYTHONDIR"]
    # As in an interactive session: modules beside the work are found, this program's are not.
    sys.path[:] = ["", *(path for path in sys.path if path not in ("", own_directory))]
    application.start()


main()
