"""What all kinds of kernels have in common."""

import asyncio
import datetime
import signal

from processes import ending


class KernelUnavailable(Exception):
    """A kernel can't be started, and why."""


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def stream_event(name, text, timestamp=None):
    return {"type": name, "text": text, "timestamp": timestamp or now()}


def error_event(name, value, traceback=""):
    return {"type": "error", "name": name, "value": value, "traceback": traceback}


def without_quotes(text):
    """A string's representation without its quotes."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


KINDS = {
    "text/plain": "text",
    "text/html": "html",
    "text/markdown": "markdown",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpeg",
    "application/pdf": "pdf",
    "text/latex": "latex",
    "application/json": "json",
    "application/javascript": "javascript",
    "application/vnd.sandstorm.data+json": "data",
    "application/vnd.sandstorm.chart+json": "chart",
}
BINARY = {"png", "jpeg", "pdf"}


def result_event(bundle, is_main):
    """A result of a cell, from its representations by MIME type."""
    event = {"type": "result", "is_main_result": is_main}
    extra = {}
    for mime, value in bundle.items():
        kind = KINDS.get(mime)
        if value is None:
            continue
        if kind is None:
            extra[mime] = value
        elif kind == "text" and isinstance(value, str):
            event[kind] = without_quotes(value)
        elif kind in BINARY and isinstance(value, str):
            event[kind] = "".join(value.split())
        else:
            event[kind] = value
    event["extra"] = extra
    return event


class Kernel:
    """A living interpreter. Subclasses say how it is started, asked and interrupted.

    `process` is there once it was started.
    """

    process = None

    async def start(self, cwd, environment):
        raise NotImplementedError

    async def run(self, code, environment, send):
        """Runs a cell and sends what it does, except its end; returns when the kernel is ready for the next one.

        Ends early when the kernel dies.
        """
        raise NotImplementedError

    def is_orderly(self, status):
        """Whether an end in the middle of a cell is what the cell has asked for."""
        return False

    def ending(self, status):
        return ending(status)

    async def interrupt(self):
        self.process.signal_group(signal.SIGINT)

    async def stop(self):
        """Ends its processes and frees what it holds."""
        if self.process is not None:
            await self.process.kill()

    @property
    def is_alive(self):
        return self.process is not None and self.process.is_alive


async def first_of(*awaitables, timeout=None):
    """Waits for the first to be done, cancels those that are tasks of this call, and says which are done."""
    tasks = [asyncio.ensure_future(one) for one in awaitables]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return [task.done() for task in tasks]
    finally:
        for task, awaitable in zip(tasks, awaitables):
            if task is not awaitable:
                task.cancel()
        await asyncio.gather(*(task for task, awaitable in zip(tasks, awaitables) if task is not awaitable), return_exceptions=True)
