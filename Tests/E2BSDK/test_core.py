"""The core of everything by every route: one URL and host names over TLS, HTTP/1.1 and HTTP/2; also by the SDK of old."""

import asyncio
import os

import e2b
import pytest
import pytest_asyncio
from e2b import CommandExitException, NotFoundException, PtySize

from support.flavours import Flavour, waiting_for
from support.gateway import OLD
from support.waiting import eventually

ROUTES = ["plain", "tls"] if OLD else ["tls", "tls-h1"]


FLAVOURS = [f"{flavour}-{route}" for route in ROUTES for flavour in ("sync", "async")]


@pytest.fixture
def sdk(request, gateway):
    flavour, route = request.param.split("-", 1)
    return Flavour(flavour, gateway.options(route))


async def test_a_whole_life(sdk, boxes, mark):
    box = await boxes(metadata={"mark": mark}, envs={"FOO": "bar"})
    assert await box.is_running()
    info = await box.get_info()
    assert info.sandbox_id == box.sandbox_id and info.metadata == {"mark": mark}
    await box.set_timeout(120)
    listed = await sdk.Sandbox.list(query=e2b.SandboxQuery(metadata={"mark": mark})).next_items()
    assert [each.sandbox_id for each in listed] == [box.sandbox_id]
    assert (await box.commands.run("echo $FOO")).stdout == "bar\n"
    again = await sdk.Sandbox.connect(box.sandbox_id)
    assert (await again.commands.run("echo again")).stdout == "again\n"
    assert await box.kill() is True
    assert await box.is_running() is False
    assert await box.kill() is False


async def test_commands(sdk, box):
    out: list[str] = []
    result = await box.commands.run("echo out; echo err >&2", on_stdout=out.append)
    assert (result.stdout, result.stderr, "".join(out)) == ("out\n", "err\n", "out\n")
    with pytest.raises(CommandExitException) as failure:
        await box.commands.run("exit 3")
    assert failure.value.exit_code == 3
    assert (await box.commands.run("id -un", user="root", cwd="/", envs={"A": "1"})).stdout == "root\n"
    assert await box.commands.kill(999_999) is False


async def test_commands_in_the_background(sdk, box):
    seen: list[str] = []
    command = await sdk.start(box, "cat", on_stdout=seen.append, stdin=True)
    async with waiting_for(command):
        assert command.pid in [each.pid for each in await box.commands.list()]
        await box.commands.send_stdin(command.pid, "fed\n")
        await eventually(lambda: "".join(seen) == "fed\n")
        other = await sdk.attach(box, command.pid)
        assert await other.kill() is True


async def test_a_command_that_takes_too_long(box):
    with pytest.raises(e2b.TimeoutException):
        await box.commands.run("sleep 30", timeout=1)
    assert (await box.commands.run("echo fine")).stdout == "fine\n"


async def test_many_commands_at_once(box):
    results = await asyncio.gather(*(box.commands.run(f"sleep 0.2; echo {number}") for number in range(12)))
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(12)]


async def test_a_lot_of_output(box):
    assert len((await box.commands.run("head -c 3000000 /dev/zero | tr '\\0' x")).stdout) == 3_000_000


async def test_files(sdk, box):
    await box.files.write("/home/user/a b/ü.txt", "text")
    assert await box.files.read("a b/ü.txt") == "text"
    data = os.urandom(2_500_000)
    await box.files.write("data.bin", data)
    assert bytes(await box.files.read("data.bin", format="bytes")) == data
    assert b"".join(await sdk.streamed(box, "data.bin")) == data
    await box.files.write_files([{"path": "m/one", "data": "1"}, {"path": "m/two", "data": b"2"}])
    assert [entry.name for entry in await box.files.list("m")] == ["one", "two"]
    assert await box.files.make_dir("m/dir") is True and await box.files.make_dir("m/dir") is False
    assert (await box.files.rename("m/one", "m/dir/one")).path == "/home/user/m/dir/one"
    assert (await box.files.get_info("m/dir/one")).size == 1
    await box.files.remove("m")
    assert await box.files.exists("m") is False
    with pytest.raises(NotFoundException):
        await box.files.read("m/two")


async def test_watching(sdk, box):
    await box.files.make_dir("watched")
    watch = await sdk.watch(box, "watched", recursive=True)
    await box.files.write("watched/f", "1")

    async def is_seen():
        return any(event.name == "f" for event in await watch.events())

    await eventually(is_seen)
    await watch.stop()


async def test_a_terminal(sdk, box):
    screen = bytearray()
    terminal = await sdk.terminal(box, PtySize(rows=24, cols=80), lambda data: screen.extend(data))
    async with waiting_for(terminal):
        await box.pty.send_stdin(terminal.pid, b"echo $((6*7))-answer\n")
        await eventually(lambda: b"42-answer" in screen)
        await box.pty.resize(terminal.pid, PtySize(rows=40, cols=120))
        await box.pty.send_stdin(terminal.pid, b"stty size\n")
        await eventually(lambda: b"40 120" in screen)
        assert await box.pty.kill(terminal.pid) is True


async def test_pause_and_connect(sdk, box):
    await box.files.write("kept", "kept")
    pause = box.pause if not OLD or hasattr(getattr(box, "target", box), "pause") else box.beta_pause
    await pause()
    assert await box.is_running() is False
    again = await sdk.Sandbox.connect(box.sandbox_id, timeout=60)
    assert await again.files.read("kept") == "kept"


async def test_fork_and_snapshot(sdk, boxes, box):
    await box.files.write("kept", "kept")
    [fork] = await box.fork(count=1)
    boxes.adopt(fork)
    assert await fork.files.read("kept") == "kept"
    snapshot = await box.create_snapshot()
    try:
        copy = await boxes(snapshot.snapshot_id)
        assert await copy.files.read("kept") == "kept"
    finally:
        assert await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id) is True


async def test_errors(sdk, stranger, box):
    with pytest.raises(NotFoundException):
        await stranger.Sandbox.get_info(box.sandbox_id)
    with pytest.raises(NotFoundException):
        await sdk.Sandbox.connect("i0000000000000000000")
    with pytest.raises(e2b.AuthenticationException):
        await sdk.Sandbox.create(api_key="e2b_" + "0" * 40)
    await box.kill()
    with pytest.raises(e2b.TimeoutException):
        await box.commands.run("echo no")


async def test_metrics(sdk, box):
    metrics = await eventually(box.get_metrics)
    assert metrics[-1].mem_total > 0


@pytest.mark.skipif(OLD, reason="the interpreter comes with the new SDK")
async def test_the_interpreter(sdk, boxes):
    box = await boxes(kind=sdk.Interpreter)
    out = []
    execution = await box.run_code("print('hi'); 1 + 2", on_stdout=out.append)
    assert execution.text == "3" and out[0].line == "hi\n"
    context = await box.create_code_context(cwd="/tmp")
    assert (await box.run_code("import os; os.getcwd()", context=context)).text == "/tmp"


@pytest.mark.skipif(OLD, reason="plain HTTP, which is the same for all")
@pytest.mark.parametrize("h2", [True, False])
async def test_the_server_speaks_both_protocols(gateway, h2):
    import ssl

    import httpx

    context = ssl.create_default_context(cafile=gateway.authority)
    port = int(gateway.domain.rsplit(":", 1)[1])
    name = f"api.{gateway.domain.rsplit(':', 1)[0]}"
    async with httpx.AsyncClient(http2=h2, verify=context) as client:
        response = await client.get(
            f"https://127.0.0.1:{port}/v2/sandboxes",
            headers={"host": f"{name}:{port}", "x-api-key": gateway.key},
            extensions={"sni_hostname": name},
        )
    assert response.status_code == 200, response.text
    assert response.http_version == ("HTTP/2" if h2 else "HTTP/1.1")
