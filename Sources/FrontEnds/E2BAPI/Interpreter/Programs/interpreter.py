"""The code interpreter: stateful contexts with kernels, behind HTTP. Runs inside of the sandbox, as its user.

Started with the port to listen on, the working directory of contexts that name none, and the directory of this program's files.
Says "ready" on standard output when it listens.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import traceback
import uuid

from http_server import Connection, EventStream, HTTPError, serve
from kernels import KernelUnavailable, error_event
from languages import kernel_for
from processes import KernelProcess

# How it exits when something else listens already.
PORT_TAKEN = 98
ALIASES = {"js": "javascript", "ts": "typescript"}
# Before the next reminder that a cell is not wanted any more.
INTERRUPT_SECONDS = [0.5, 1, 2, 5, 10, 30]


def normalized(language):
    if language is None:
        return None
    if not isinstance(language, str):
        raise HTTPError(422, "language is not a string")
    name = language.strip().lower()
    return ALIASES.get(name, name)


def text_of(body, name):
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise HTTPError(422, f"{name} is not a string")
    return value


def environment_of(body):
    value = body.get("env_vars")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise HTTPError(422, "env_vars is not an object")
    for name, one in value.items():
        if not isinstance(one, str) or not name or "=" in name or "\0" in name + one:
            raise HTTPError(422, f"env_vars has an entry that can't be set: {name}")
    return value


class Context:
    """A language, a working directory, and a kernel that remembers."""

    def __init__(self, language, cwd, directory):
        self.id = str(uuid.uuid4())
        self.language = language
        self.cwd = cwd
        self.directory = directory
        self.kernel = None
        self.turn = asyncio.Lock()
        self.starting = None
        self.is_removed = False

    @property
    def description(self):
        return {"id": self.id, "language": self.language, "cwd": self.cwd}

    async def start(self):
        """Makes sure of a living kernel."""
        if self.kernel is None or not self.kernel.is_alive:
            await self.restart()

    def started(self, task):
        self.starting = None
        if not task.cancelled():
            task.exception()

    async def replace(self):
        old, self.kernel = self.kernel, None
        if old is not None:
            await old.stop()
        if self.is_removed:
            raise KernelUnavailable("The context was removed")
        if not os.path.isdir(self.cwd):
            raise KernelUnavailable(f"The working directory {self.cwd} does not exist")
        kernel = kernel_for(self.language, self.directory)
        try:
            environment = {**os.environ, "PWD": self.cwd}
            await kernel.start(self.cwd, environment)
        except BaseException:
            await kernel.stop()
            raise
        if self.is_removed:
            await kernel.stop()
            raise KernelUnavailable("The context was removed")
        self.kernel = kernel

    async def run(self, code, environment, send, begun):
        """Runs a cell when those before it are done."""
        async with self.turn:
            while self.kernel is None or not self.kernel.is_alive:
                await self.start()
            begun()
            kernel = self.kernel
            await kernel.run(code, environment, send)
            if not kernel.is_alive:
                status = kernel.process.exited.result()
                if not kernel.is_orderly(status):
                    how = "was ended" if kernel is not self.kernel else kernel.ending(status)
                    await send(error_event("UnexpectedEndOfExecution", f"The kernel {how}; what it knew is lost"))

    async def restart(self):
        """A new kernel. What runs ends. Whoever comes meanwhile waits for the same one."""
        if self.starting is None:
            self.starting = asyncio.ensure_future(self.replace())
            self.starting.add_done_callback(self.started)
        await asyncio.shield(self.starting)

    async def remove(self):
        self.is_removed = True
        if self.starting is not None:
            await asyncio.gather(asyncio.shield(self.starting), return_exceptions=True)
        kernel, self.kernel = self.kernel, None
        if kernel is not None:
            await kernel.stop()


class Interpreter:
    def __init__(self, cwd, directory):
        self.cwd = cwd
        self.directory = directory
        self.contexts = {}
        self.defaults = {}

    def default(self, language):
        """The context of those who name none."""
        context = self.defaults.get(language)
        if context is None:
            context = Context(language, self.cwd, self.directory)
            self.defaults[language] = context
            self.contexts[context.id] = context
        return context

    def forget(self, context):
        self.contexts.pop(context.id, None)
        if self.defaults.get(context.language) is context:
            del self.defaults[context.language]

    def find(self, id):
        context = self.contexts.get(id)
        if context is None:
            raise HTTPError(404, f"Context {id} not found")
        return context

    async def handle(self, connection, request):
        """Answers a request; whether the connection can have another."""
        parts = [part for part in request.path.split("/") if part]
        route = (request.method, *parts[:1], *(["{id}"] if len(parts) > 1 else []), *parts[2:])
        keeps_alive = request.keeps_alive
        try:
            if route == ("GET", "health"):
                await connection.answer_json("OK", keeps_alive)
            elif route == ("POST", "execute"):
                return await self.execute(connection, request)
            elif route == ("GET", "contexts"):
                await connection.answer_json([context.description for context in self.contexts.values()], keeps_alive)
            elif route == ("POST", "contexts"):
                await connection.answer_json(await self.create(request.json()), keeps_alive)
            elif route == ("POST", "contexts", "{id}", "restart"):
                await self.find(parts[1]).restart()
                await connection.answer_json(None, keeps_alive)
            elif route == ("DELETE", "contexts", "{id}"):
                context = self.find(parts[1])
                self.forget(context)
                await context.remove()
                await connection.answer_json(None, keeps_alive)
            elif route[1:] in PATHS:
                raise HTTPError(405, f"{request.path} has no {request.method}")
            else:
                raise HTTPError(404, f"There is no {request.path}")
        except KernelUnavailable as error:
            raise HTTPError(500, str(error))
        return keeps_alive

    async def create(self, body):
        language = normalized(body.get("language")) or "python"
        context = Context(language, text_of(body, "cwd") or self.cwd, self.directory)
        self.contexts[context.id] = context
        try:
            await context.start()
        except BaseException:
            self.forget(context)
            raise
        return context.description

    async def execute(self, connection, request):
        body = request.json()
        code = body.get("code")
        if not isinstance(code, str):
            raise HTTPError(422, "code is not a string")
        environment = environment_of(body)
        id, language = text_of(body, "context_id"), normalized(body.get("language"))
        if id and language:
            raise HTTPError(400, "Only one of context_id and language can be given")
        context = self.find(id) if id else self.default(language or "python")
        stream = EventStream(connection, request)
        begun = asyncio.Event()
        run = asyncio.ensure_future(context.run(code, environment, stream.send, begun.set))
        gone = asyncio.ensure_future(connection.wait_until_gone())
        try:
            await asyncio.wait({run, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not run.done():
                stream.abort()
                await self.abandon(context, run, begun)
                return False
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            try:
                run.result()
            except KernelUnavailable as error:
                if context.kernel is None and context in self.defaults.values() and not context.turn.locked():
                    self.forget(context)
                if not stream.is_begun:
                    raise
                await stream.send(error_event("KernelUnavailable", str(error)))
            except Exception as error:
                traceback.print_exc()
                await stream.send(error_event("InterpreterError", f"{type(error).__name__}: {error}"))
            await stream.send({"type": "end_of_execution"})
            await stream.finish()
            return stream.keeps_alive and not stream.is_closed
        finally:
            gone.cancel()
            await asyncio.gather(stream.stop(), return_exceptions=True)

    async def abandon(self, context, run, begun):
        """Nobody waits for a cell any more: it ends, or never begins."""
        if not begun.is_set():
            run.cancel()
        for patience in [*INTERRUPT_SECONDS, *[60] * 1440]:
            if run.done() or context.kernel is None:
                break
            if begun.is_set():
                await context.kernel.interrupt()
            await asyncio.wait({run}, timeout=patience)
        await asyncio.gather(run, return_exceptions=True)

    async def stop(self):
        await asyncio.gather(*(context.remove() for context in self.contexts.values()), return_exceptions=True)


PATHS = {("health",), ("execute",), ("contexts",), ("contexts", "{id}"), ("contexts", "{id}", "restart")}


async def main():
    port, cwd, directory = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    loop = asyncio.get_running_loop()
    # By its protocol asyncio knows that what is written is to leave at once.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("0.0.0.0", port))
    except OSError as error:
        print(f"Port {port} is taken: {error.strerror}", file=sys.stderr)
        sys.exit(PORT_TAKEN)
    loop.add_signal_handler(signal.SIGCHLD, KernelProcess.reap)
    interpreter = Interpreter(cwd, directory)
    # These two are there from the beginning; the first one is also begun with.
    first = interpreter.default("python")
    interpreter.default("javascript")
    warming = asyncio.ensure_future(asyncio.gather(first.start(), return_exceptions=True))
    clients = set()

    async def client(reader, writer):
        clients.add(asyncio.current_task())
        writer.transport.set_write_buffer_limits(high=64 * 1024)
        try:
            await serve(Connection(reader, writer), interpreter.handle)
        except (ConnectionError, OSError):
            pass
        finally:
            clients.discard(asyncio.current_task())
            writer.close()

    server = await asyncio.start_server(client, sock=listener, limit=256 * 1024)
    print("ready", flush=True)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    server.close()
    warming.cancel()
    for task in list(clients):
        task.cancel()
    await interpreter.stop()
    shutil.rmtree(directory, ignore_errors=True)


asyncio.run(main())
