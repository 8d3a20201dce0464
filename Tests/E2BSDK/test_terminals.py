"""Terminals: create, type, resize, connect, kill."""

import asyncio

import pytest
from e2b import CommandExitException, NotFoundException, PtySize

from support.flavours import waiting_for
from support.gateway import OLD
from support.waiting import eventually

SIZE = PtySize(rows=24, cols=80)


class Screen:
    def __init__(self):
        self.bytes = b""

    def __call__(self, data: bytes):
        self.bytes += bytes(data)

    def shows(self, text: str):
        return lambda: text.encode() in self.bytes


async def test_type_and_read(sdk, box):
    screen = Screen()
    terminal = await sdk.terminal(box, SIZE, screen)
    async with waiting_for(terminal):
        await box.pty.send_stdin(terminal.pid, b"echo $((6*7))-answer\n")
        await eventually(screen.shows("42-answer"))


async def test_it_is_a_terminal_with_its_environment(sdk, box):
    screen = Screen()
    terminal = await sdk.terminal(box, SIZE, screen, envs={"FOO": "bar"}, cwd="/tmp")
    async with waiting_for(terminal):
        await box.pty.send_stdin(terminal.pid, b'test -t 0 && echo "[$TERM][$LANG][$FOO][$PWD][$(whoami)]"\n')
        await eventually(screen.shows("[xterm-256color][C.UTF-8][bar][/tmp][user]"))


async def test_as_root(sdk, box):
    screen = Screen()
    terminal = await sdk.terminal(box, SIZE, screen, user="root")
    async with waiting_for(terminal):
        await box.pty.send_stdin(terminal.pid, b'echo "[$(id -u)]"\n')
        await eventually(screen.shows("[0]"))


async def test_size_and_resize(sdk, box):
    screen = Screen()
    terminal = await sdk.terminal(box, PtySize(rows=30, cols=100), screen)
    async with waiting_for(terminal):
        await box.pty.send_stdin(terminal.pid, b'echo "[$(stty size)]"\n')
        await eventually(screen.shows("[30 100]"))
        await box.pty.resize(terminal.pid, PtySize(rows=40, cols=133))
        await box.pty.send_stdin(terminal.pid, b'echo "[$(stty size)]"\n')
        await eventually(screen.shows("[40 133]"))


async def test_exit(sdk, box):
    screen = Screen()
    terminal = await sdk.terminal(box, SIZE, screen)
    async with waiting_for(terminal) as task:
        await box.pty.send_stdin(terminal.pid, b"exit\n")
        assert (await asyncio.wait_for(asyncio.shield(task), 20)).exit_code == 0


async def test_exit_with_a_code(sdk, box):
    terminal = await sdk.terminal(box, SIZE, Screen())
    async with waiting_for(terminal) as task:
        await box.pty.send_stdin(terminal.pid, b"exit 5\n")
        with pytest.raises(CommandExitException) as failure:
            await asyncio.wait_for(asyncio.shield(task), 20)
        assert failure.value.exit_code == 5


async def test_control_c_interrupts(sdk, box):
    screen = Screen()
    terminal = await sdk.terminal(box, SIZE, screen)
    async with waiting_for(terminal):
        await box.pty.send_stdin(terminal.pid, b"echo get''ting; sleep 300\n")
        await eventually(screen.shows("getting"))
        await asyncio.sleep(0.3)
        await box.pty.send_stdin(terminal.pid, b"\x03")
        await box.pty.send_stdin(terminal.pid, b"echo inter''rupted\n")
        await eventually(screen.shows("interrupted"))


async def test_kill(sdk, box):
    terminal = await sdk.terminal(box, SIZE, Screen())
    assert await box.pty.kill(terminal.pid) is True
    with pytest.raises(CommandExitException):
        await terminal.wait()
    assert await box.pty.kill(terminal.pid) is False


async def test_connect(sdk, box):
    first, second = Screen(), Screen()
    terminal = await sdk.terminal(box, SIZE, first)
    await box.pty.send_stdin(terminal.pid, b"FOO=kept\n")
    await terminal.disconnect()
    again = await sdk.attach_terminal(box, terminal.pid, second)
    assert again.pid == terminal.pid
    async with waiting_for(again):
        await box.pty.send_stdin(terminal.pid, b'echo "[$FOO]"\n')
        await eventually(second.shows("[kept]"))


@pytest.mark.skipif(OLD, reason="streams of input came later")
async def test_a_stream_of_input(sdk, box):
    screen = Screen()
    terminal = await sdk.terminal(box, SIZE, screen)
    async with waiting_for(terminal):
        await sdk.stream_input(box.pty, terminal.pid, ["echo ", b"str''eamed", "\n"])
        await eventually(screen.shows("streamed"))


async def test_input_to_no_terminal_says_so(box):
    with pytest.raises(NotFoundException):
        await box.pty.send_stdin(999_999, b"x")
    with pytest.raises(NotFoundException):
        await box.pty.resize(999_999, SIZE)
    assert await box.pty.kill(999_999) is False
