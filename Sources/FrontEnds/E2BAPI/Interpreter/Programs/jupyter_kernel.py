"""Kernels that speak Jupyter's protocol: ipykernel, and whatever else has a kernel specification."""

import asyncio
import hashlib
import hmac
import json
import os
import shutil
import socket
import sys
import uuid

import zmq
import zmq.asyncio

from kernels import Kernel, KernelUnavailable, error_event, first_of, now, result_event, stream_event
from processes import KernelProcess, ending

START_SECONDS = 60
# Messages under way on each side: small, so that output waits for its reader and not in memory.
HIGH_WATER = 16
DELIMITER = b"<IDS|MSG>"
PORTS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}


class JupyterKernel(Kernel):
    """A process and the two channels that matter: requests and replies, and what is published meanwhile."""

    context = None
    is_leaving = False

    def __init__(self, arguments, directory, environment=None, interrupt_by_message=False, transport="ipc", dresses=None):
        # Arguments with {connection_file} where its name belongs.
        self.arguments = arguments
        self.own_environment = environment or {}
        self.interrupt_by_message = interrupt_by_message
        # What code sets variables of the environment, and what sets them back; None for our own kernel, which is told beside the code.
        self.dresses = dresses
        # Kernels do not agree on how files of sockets are called: only ours have such.
        self.transport = transport
        self.id = uuid.uuid4().hex
        self.directory = os.path.join(directory, self.id[:8])
        self.key = uuid.uuid4().hex
        self.session = uuid.uuid4().hex
        self.sockets = []
        self.reader = None
        self.current = None
        # The kernel has said "idle" of the current request; its reply has come.
        self.idle = asyncio.Event()
        self.replies = asyncio.Queue()

    async def start(self, cwd, environment):
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        ports = PORTS if self.transport == "ipc" else free_ports()
        stem = os.path.join(self.directory, "s") if self.transport == "ipc" else "127.0.0.1"
        separator = "-" if self.transport == "ipc" else ":"
        connection = dict(ports, transport=self.transport, ip=stem, key=self.key, signature_scheme="hmac-sha256", kernel_name="")

        def address(channel):
            return f"{self.transport}://{stem}{separator}{ports[channel]}"

        path = os.path.join(self.directory, "connection.json")
        with open(path, "w") as file:
            json.dump(connection, file)
        arguments = [one.replace("{connection_file}", path) for one in self.arguments]
        with open(os.path.join(self.directory, "log"), "w+b") as log:
            try:
                self.process = KernelProcess(
                    arguments, cwd, {**environment, **self.own_environment}, stdin=-3, stdout=log, stderr=log
                )
            except OSError as error:
                raise KernelUnavailable(f"{arguments[0]} can't be started in {cwd}: {error.strerror}")
            if JupyterKernel.context is None:
                JupyterKernel.context = zmq.asyncio.Context()
                JupyterKernel.context.max_sockets = 16384
            self.shell = self.connect(zmq.DEALER, address("shell_port"))
            self.control = self.connect(zmq.DEALER, address("control_port"))
            self.iopub = self.connect(zmq.SUB, address("iopub_port"))
            self.iopub.subscribe(b"")
            self.reader = asyncio.ensure_future(self.read())
            done = await first_of(self.greet(), self.process.exited, timeout=START_SECONDS)
            if not done[0]:
                reason = f"it {ending(self.process.exited.result())}" if done[1] else f"it did not answer within {START_SECONDS} s"
                log.seek(max(0, log.tell() - 2000))
                said = log.read().decode("utf-8", "replace").strip()
                raise KernelUnavailable(f"The kernel did not start: {reason}" + (f"\n{said}" if said else ""))

    def connect(self, kind, address):
        made = JupyterKernel.context.socket(kind)
        made.linger = 0
        made.rcvhwm = HIGH_WATER
        made.reconnect_ivl = 5
        self.sockets.append(made)
        made.connect(address)
        return made

    async def greet(self):
        """Until the kernel answers and its publications are heard."""
        while True:
            self.current = None
            self.idle.clear()
            await self.request("kernel_info_request", {})
            done = await first_of(self.idle.wait(), timeout=0.5)
            if done[0]:
                break
        self.current = None

    async def request(self, kind, content, channel=None, send=None):
        header = {
            "msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self.session, "username": "user", "date": now(), "version": "5.3",
        }
        frames = [json.dumps(part).encode() for part in (header, {}, content.pop("metadata", {}), content)]
        if channel is None:
            while not self.replies.empty():
                self.replies.get_nowait()
            self.idle.clear()
            self.current = (header["msg_id"], send)
        await (channel or self.shell).send_multipart([DELIMITER, self.sign(frames), *frames])
        return header["msg_id"]

    def sign(self, frames):
        digest = hmac.new(self.key.encode(), digestmod=hashlib.sha256)
        for frame in frames:
            digest.update(frame)
        return digest.hexdigest().encode()

    # Reading: always, so that a kernel never waits for a cell that is over.

    async def read(self):
        shell = asyncio.ensure_future(self.read_replies())
        try:
            while True:
                frames = await self.iopub.recv_multipart()
                message = self.parse(frames)
                if message is None or self.current is None or message[1].get("msg_id") != self.current[0]:
                    continue
                header, _, content = message
                kind, send = header.get("msg_type"), self.current[1]
                if kind == "status":
                    if content.get("execution_state") == "idle":
                        self.idle.set()
                elif send is not None:
                    event = published(kind, header, content)
                    if event is not None:
                        await send(event)
        finally:
            shell.cancel()

    async def read_replies(self):
        while True:
            message = self.parse(await self.shell.recv_multipart())
            if message is not None and self.current is not None and message[1].get("msg_id") == self.current[0]:
                self.replies.put_nowait(message[2])

    def parse(self, frames):
        """Header, parent's header and content of a message that the kernel has signed."""
        if DELIMITER not in frames:
            return None
        signature, *parts = frames[frames.index(DELIMITER) + 1:]
        if len(parts) < 4 or not hmac.compare_digest(signature, self.sign(parts[:4])):
            return None
        try:
            return json.loads(parts[0]), json.loads(parts[1]), json.loads(parts[3])
        except ValueError:
            return None

    async def run(self, code, environment, send):
        if self.dresses is None or not environment:
            await self.run_cell(code, environment, send)
            return
        before, after = self.dresses(environment)
        await self.quietly(before)
        try:
            await self.run_cell(code, {}, send)
        finally:
            if self.is_alive:
                await self.quietly(after)

    async def quietly(self, code):
        """Runs code of which nobody hears."""
        await self.request(
            "execute_request", {"code": code, "silent": True, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        )
        await first_of(self.idle.wait(), self.process.exited)
        self.current = None

    async def run_cell(self, code, environment, send):
        heard = {"error": False}

        async def tell(event):
            heard["error"] = heard["error"] or event["type"] == "error"
            await send(event)

        await self.request(
            "execute_request",
            {
                "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": False,
                "metadata": {"environment": environment},
            },
            send=tell,
        )
        try:
            await first_of(self.idle.wait(), self.process.exited)
            if not self.idle.is_set():
                # What it has said before its death is still on the way.
                await first_of(self.idle.wait(), self.silence())
                return
            # An interrupt in the very last moment can take the reply away; its status has come then all the same.
            reply = {}
            if (await first_of(self.has_reply(), self.process.exited, timeout=1))[0]:
                reply = self.replies.get_nowait()
            if reply.get("status") == "error" and not heard["error"]:
                await send(error_event(reply.get("ename", ""), reply.get("evalue", ""), "\n".join(reply.get("traceback", []))))
            if any(one.get("source") == "ask_exit" for one in reply.get("payload") or []):
                # It ends a little later; the next cell is not for this one.
                await first_of(self.process.exited, timeout=1)
                self.is_leaving = True
                await self.process.kill()
        finally:
            self.current = None

    def is_orderly(self, status):
        return self.is_leaving

    async def has_reply(self):
        while self.replies.empty():
            await asyncio.sleep(0.002)

    async def silence(self):
        """Until nothing more comes from a dead kernel."""
        while await self.iopub.poll(200):
            await asyncio.sleep(0.05)

    async def interrupt(self):
        if self.interrupt_by_message:
            await self.request("interrupt_request", {}, channel=self.control)
        else:
            await super().interrupt()

    async def stop(self):
        await super().stop()
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)
        for socket in self.sockets:
            socket.close()
        self.sockets = []
        shutil.rmtree(self.directory, ignore_errors=True)


def published(kind, header, content):
    """The event that a publication of a kernel becomes, if any."""
    date = header.get("date")
    date = date if isinstance(date, str) else None
    if kind == "execute_input":
        return {"type": "number_of_executions", "execution_count": content.get("execution_count", 0)}
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return stream_event(name, content.get("text", ""), date)
    if kind in ("display_data", "execute_result"):
        return result_event(content.get("data", {}), kind == "execute_result")
    if kind == "error":
        return error_event(content.get("ename", ""), content.get("evalue", ""), "\n".join(content.get("traceback", [])))
    return None


def free_ports():
    """Ports for a kernel's five sockets, free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = {name: one.getsockname()[1] for name, one in zip(PORTS, sockets)}
    for one in sockets:
        one.close()
    return ports


# Kernel specifications of the system

SPECIFICATIONS = ["~/.local/share/jupyter/kernels", "/usr/local/share/jupyter/kernels", "/usr/share/jupyter/kernels"]


def specification(language):
    """The specification of a kernel for a language that is not among our own."""
    directories = [os.path.join(sys.prefix, "share/jupyter/kernels"), *map(os.path.expanduser, SPECIFICATIONS)]
    found = {}
    for directory in directories:
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            continue
        for name in names:
            try:
                with open(os.path.join(directory, name, "kernel.json")) as file:
                    one = json.load(file)
            except (OSError, ValueError):
                continue
            if not (isinstance(one, dict) and isinstance(one.get("argv"), list) and one["argv"]):
                continue
            found.setdefault(name.lower(), one)
            found.setdefault(str(one.get("language", "")).lower(), one)
    return found.get(language)
