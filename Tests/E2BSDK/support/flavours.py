"""The vendor's two SDKs, blocking and asynchronous, behind one manner of calling, so that each scenario is written once.

Nothing of the SDK is changed or replaced: the blocking one's calls are made in threads, and what differs in shape between the two (who
is given callbacks, and when) has a method here.
"""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import e2b

try:
    import e2b_code_interpreter
except ImportError:  # Not beside the SDK of old.
    e2b_code_interpreter = None

# Calls that wait for commands each hold one.
_threads = ThreadPoolExecutor(max_workers=96)


async def _in_thread(call, *arguments, **options):
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads, lambda: call(*arguments, **options))


# What both SDKs answer without asking anybody.
_IMMEDIATE = {"get_host", "download_url", "upload_url", "get_mcp_url", "get_mcp_token", "list_snapshots"}
_BLOCKING_MODULES = ("e2b.sandbox_sync", "e2b_code_interpreter.code_interpreter_sync", "e2b.volume.volume_sync", "e2b.secret.secret_sync")


def _wrapped(value):
    if isinstance(value, list):
        return [_wrapped(each) for each in value]
    if type(value).__module__.startswith(_BLOCKING_MODULES):
        return Blocking(value)
    return value


class Blocking:
    """An object of the blocking SDK whose methods can be awaited."""

    def __init__(self, target):
        self.target = target

    def __getattr__(self, name):
        value = getattr(self.target, name)
        if not callable(value):
            return _wrapped(value)
        if name in _IMMEDIATE:
            return lambda *arguments, **options: _wrapped(value(*arguments, **options))

        async def call(*arguments, **options):
            return _wrapped(await _in_thread(value, *arguments, **options))

        return call


class Static:
    """A class of either SDK whose class methods are given where the gateway is and which key to use."""

    def __init__(self, target, options: dict, immediate: set[str]):
        self.target = target
        self.options = options
        self.immediate = immediate

    def __getattr__(self, name):
        value = getattr(self.target, name)

        def call(*arguments, **options):
            options = {**self.options, **options}
            if self.target.__name__.startswith("Async"):
                return value(*arguments, **options)
            if name in self.immediate:
                return _wrapped(value(*arguments, **options))
            return self._in_thread(value, arguments, options)

        return call

    @staticmethod
    async def _in_thread(value, arguments, options):
        return _wrapped(await _in_thread(value, *arguments, **options))


class Command:
    """A command or terminal under way, from either SDK."""

    def __init__(self, handle, **callbacks):
        self.handle = handle
        self.callbacks = {name: each for name, each in callbacks.items() if each is not None}

    @property
    def pid(self) -> int:
        return self.handle.pid

    async def wait(self):
        return await self.handle.wait(**self.callbacks)

    async def kill(self) -> bool:
        return await self.handle.kill()

    async def disconnect(self) -> None:
        await self.handle.disconnect()

    async def send_stdin(self, data) -> None:
        await self.handle.send_stdin(data)

    async def close_stdin(self) -> None:
        await self.handle.close_stdin()


class Watch:
    """What happened in a directory so far, from either SDK."""

    def __init__(self, handle, seen: list, asks: bool):
        self.handle = handle
        self.seen = seen
        self.asks = asks

    async def events(self) -> list:
        if self.asks:
            self.seen.extend(await self.handle.get_new_events())
        return self.seen

    async def stop(self) -> None:
        await self.handle.stop()


class Flavour:
    """One of the two SDKs towards one gateway, by one route, with one key."""

    def __init__(self, name: str, options: dict):
        self.name = name
        self.options = options
        self.is_blocking = name == "sync"
        prefix = "" if self.is_blocking else "Async"
        self.Sandbox = Static(getattr(e2b, f"{prefix}Sandbox"), options, {"list", "list_snapshots"})
        self.Template = Static(getattr(e2b, f"{prefix}Template"), options, set())
        # Not all of them are there in the SDK of old.
        for kind, immediate in [("Volume", set()), ("Secret", {"list"})]:
            if hasattr(e2b, prefix + kind):
                setattr(self, kind, Static(getattr(e2b, prefix + kind), options, immediate))
        if e2b_code_interpreter is not None:
            self.Interpreter = Static(getattr(e2b_code_interpreter, f"{prefix}Sandbox"), options, {"list", "list_snapshots"})

    def with_options(self, **options) -> "Flavour":
        return Flavour(self.name, {**self.options, **options})

    async def start(self, box, command: str, on_stdout=None, on_stderr=None, **options) -> Command:
        """Starts a command in the background. Callbacks are sure to be called only while it is waited for."""
        if self.is_blocking:
            return Command(await box.commands.run(command, background=True, **options), on_stdout=on_stdout, on_stderr=on_stderr)
        return Command(await box.commands.run(command, background=True, on_stdout=on_stdout, on_stderr=on_stderr, **options))

    async def attach(self, box, pid: int, on_stdout=None, on_stderr=None, **options) -> Command:
        if self.is_blocking:
            return Command(await box.commands.connect(pid, **options), on_stdout=on_stdout, on_stderr=on_stderr)
        return Command(await box.commands.connect(pid, on_stdout=on_stdout, on_stderr=on_stderr, **options))

    async def terminal(self, box, size, on_data, **options) -> Command:
        if self.is_blocking:
            return Command(await box.pty.create(size, **options), on_pty=on_data)
        return Command(await box.pty.create(size, on_data, **options))

    async def attach_terminal(self, box, pid: int, on_data, **options) -> Command:
        if self.is_blocking:
            return Command(await box.pty.connect(pid, **options), on_pty=on_data)
        return Command(await box.pty.connect(pid, on_data, **options))

    async def watch(self, box, path: str, **options) -> Watch:
        seen: list = []
        if self.is_blocking:
            return Watch(await box.files.watch_dir(path, **options), seen, asks=True)
        return Watch(await box.files.watch_dir(path, on_event=seen.append, **options), seen, asks=False)

    async def stream_input(self, module, pid: int, chunks: list) -> None:
        """Through `module`, the commands or the terminals of a sandbox."""
        if self.is_blocking:
            await module.stream_input(pid, chunks)
            return
        async with module.stream_input(pid) as stream:
            for chunk in chunks:
                await stream.send(chunk)

    def pieces(self, parts: list[bytes]):
        """An iterable of the kind that the SDK streams from."""
        if self.is_blocking:
            return iter(parts)

        async def each():
            for part in parts:
                yield part

        return each()

    async def streamed(self, box, path: str, **options) -> list[bytes]:
        """A file's content, as it came in pieces."""
        stream = await box.files.read(path, format="stream", **options)
        if self.is_blocking:
            return await _in_thread(lambda: [bytes(chunk) for chunk in stream])
        return [bytes(chunk) async for chunk in stream]


@contextlib.asynccontextmanager
async def waiting_for(command: Command):
    """Waits for a command beside what the body does, so that its callbacks are called; what it ended with is not looked at."""
    task = asyncio.create_task(command.wait())
    try:
        yield task
    finally:
        if not task.done():
            with contextlib.suppress(Exception):
                await command.kill()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
