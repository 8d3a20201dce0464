"""Kernels of ours: a process that is told what to run over one pipe, says what came of it over another, and writes to two more.

Messages are JSON objects, one a line. To the kernel: {"code", "environment"} and {"interrupt": true}. From it: {"ready": true} once, then for
each cell any number of {"stdout": text}, {"stderr": text}, {"result": {MIME type: value}, "main": …} and {"error": {"name", "value", "traceback"}}, and {"done": true}; or
{"exit": status} as its last word, where the status of its process says something else.
"""

import asyncio
import codecs
import fcntl
import json
import os
import signal
import struct
import termios

from kernels import Kernel, KernelUnavailable, error_event, first_of, result_event, stream_event
from processes import KernelProcess, ending

START_SECONDS = 60
PIECE = 64 * 1024
PAUSE_SECONDS = 0.003


class Pipe:
    """The reading end of a pipe: hands on what comes, one piece after the other."""

    def __init__(self, descriptor, take):
        self.descriptor = descriptor
        self.take = take
        self.taken = 0
        self.passed = 0
        self.progress = asyncio.Event()
        os.set_blocking(descriptor, False)
        self.task = asyncio.ensure_future(self.read())

    async def readable(self):
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        loop.add_reader(self.descriptor, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            loop.remove_reader(self.descriptor)

    async def read(self):
        clock = asyncio.get_running_loop().time
        last = 0.0
        while True:
            try:
                piece = os.read(self.descriptor, PIECE)
            except BlockingIOError:
                await self.readable()
                continue
            if not piece:
                return
            self.taken += len(piece)
            await self.take(piece)
            self.passed += len(piece)
            self.progress.set()
            # Many lines, written one by one, are read in larger pieces.
            if clock() - last < PAUSE_SECONDS:
                await asyncio.sleep(PAUSE_SECONDS)
            last = clock()

    async def settle(self):
        """Waits until what is in the pipe by now was handed on."""
        waiting = struct.unpack("i", fcntl.ioctl(self.descriptor, termios.FIONREAD, b"\0\0\0\0"))[0]
        end = self.taken + waiting
        while self.passed < end and not self.task.done():
            self.progress.clear()
            await first_of(self.progress.wait(), self.task)

    async def close(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        os.close(self.descriptor)


class Writer:
    """The writing end of a pipe."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        os.set_blocking(descriptor, False)

    async def write(self, data):
        loop = asyncio.get_running_loop()
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.descriptor, view):]
            except BlockingIOError:
                room = loop.create_future()
                loop.add_writer(self.descriptor, lambda: room.done() or room.set_result(None))
                try:
                    await room
                finally:
                    loop.remove_writer(self.descriptor)
            except BrokenPipeError:
                return

    def close(self):
        os.close(self.descriptor)


class PipeKernel(Kernel):
    """A kernel of ours. Its arguments have {input} and {output} where the numbers of its ends belong."""

    def __init__(self, arguments, environment=None, package=None):
        self.arguments = arguments
        self.own_environment = environment or {}
        self.package = package
        self.count = 0
        self.send = None
        self.pipes = []
        self.input = None
        self.exit = None
        self.line = b""
        self.ready = asyncio.Event()
        self.done = asyncio.Event()
        # What it has said before it was ready.
        self.noise = b""

    async def start(self, cwd, environment):
        pairs = [os.pipe() for _ in range(4)]
        readers, writers = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        theirs, ours = [readers[0], *writers[1:]], [writers[0], *readers[1:]]
        arguments = [one.replace("{input}", str(theirs[0])).replace("{output}", str(theirs[1])) for one in self.arguments]
        try:
            self.process = KernelProcess(
                arguments, cwd, {**environment, **self.own_environment}, **self.streams(theirs)
            )
        except OSError as error:
            for one in ours:
                os.close(one)
            hint = f"; it comes with the package {self.package}" if self.package and isinstance(error, FileNotFoundError) else ""
            raise KernelUnavailable(f"{arguments[0]} can't be started: {error.strerror}{hint}")
        finally:
            for one in theirs:
                os.close(one)
        self.input = Writer(ours[0])
        self.messages = Pipe(ours[1], self.take_messages)
        self.stdout = Pipe(ours[2], self.taker("stdout"))
        self.stderr = Pipe(ours[3], self.taker("stderr"))
        self.pipes = [self.messages, self.stdout, self.stderr]
        await self.greet()
        done = await first_of(self.ready.wait(), self.process.exited, timeout=START_SECONDS)
        if not done[0]:
            reason = f"it {ending(self.process.exited.result())}" if done[1] else f"it was not ready within {START_SECONDS} s"
            await first_of(self.stderr.settle(), timeout=1)
            said = self.noise.decode("utf-8", "replace").strip()
            raise KernelUnavailable(f"The kernel did not start: {reason}" + (f"\n{said}" if said else ""))

    def streams(self, theirs):
        return {"stdin": -3, "stdout": theirs[2], "stderr": theirs[3], "pass_fds": theirs[:2]}

    def ending(self, status):
        return ending(status if self.exit is None else self.exit)

    async def greet(self):
        """Says what a kernel has to hear before it is ready."""

    def taker(self, name):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")

        async def take(piece):
            if not self.ready.is_set():
                self.noise = (self.noise + piece)[-4000:]
                return
            text = decoder.decode(piece)
            if text and self.send is not None:
                await self.send(stream_event(name, text))

        return take

    async def take_messages(self, piece):
        *lines, self.line = (self.line + piece).split(b"\n")
        for line in lines:
            await self.take_message(json.loads(line))

    async def take_message(self, message):
        if "ready" in message:
            self.ready.set()
        elif "done" in message:
            self.done.set()
        elif "exit" in message:
            self.exit = message["exit"]
            self.process.signal_group(signal.SIGKILL)
        elif self.send is None:
            pass
        elif "stdout" in message or "stderr" in message:
            name, text = next(iter(message.items()))
            await self.send(stream_event(name, text))
        elif "result" in message:
            await self.send(result_event(message["result"], message.get("main", True)))
        elif "error" in message:
            one = message["error"]
            await self.send(error_event(one["name"], one["value"], one["traceback"]))

    async def run(self, code, environment, send):
        self.done.clear()
        self.send = send
        try:
            self.count += 1
            await send({"type": "number_of_executions", "execution_count": self.count})
            asking = asyncio.ensure_future(self.ask(code, environment))
            try:
                await first_of(self.done.wait(), self.process.exited)
            finally:
                asking.cancel()
            if not self.process.is_alive:
                # All that its pipes still hold; what it has left running may keep them open.
                await self.messages.settle()
            await asyncio.gather(self.stdout.settle(), self.stderr.settle())
        finally:
            self.send = None

    async def ask(self, code, environment):
        await self.tell({"code": code, "environment": environment})

    async def tell(self, message):
        await self.input.write(json.dumps(message).encode() + b"\n")

    async def interrupt(self):
        await super().interrupt()
        await self.tell({"interrupt": True})

    async def stop(self):
        await super().stop()
        for pipe in self.pipes:
            await pipe.close()
        self.pipes = []
        if self.input is not None:
            self.input.close()
            self.input = None
