"""Commands: run, stream, feed, signal, list, connect."""

import asyncio
import base64
import shlex
import time

import pytest
from e2b import (
    CommandExitException,
    InvalidArgumentException,
    NotFoundException,
    SandboxException,
    SandboxNotRunningException,
    TimeoutException,
)

from support.flavours import waiting_for
from support.waiting import eventually


async def pids(box) -> list[int]:
    return [process.pid for process in await box.commands.list()]


async def test_run(box):
    result = await box.commands.run("echo 'Hello, World!'")
    assert (result.stdout, result.stderr, result.exit_code, result.error) == ("Hello, World!\n", "", 0, None)


@pytest.mark.parametrize(
    "text",
    ["!@#$%^&*()_+-=[]{};:,.<>/?|\\`~\"", "two\nlines\nthree", "tab\there", "ünïcödé 🏜️ 日本語", "'single' \"double\"", " leading and trailing  "],
)
async def test_run_with_any_text(box, text):
    result = await box.commands.run(f"printf '%s' {shlex.quote(text)}")
    assert result.stdout == text


async def test_output_that_is_no_text_is_replaced(box):
    result = await box.commands.run(r"printf 'a\xffb\xc3'")
    assert result.stdout == "a\ufffdb\ufffd"


async def test_characters_cut_by_frames_stay_whole(box):
    # Two bytes each behind one byte, so that every even boundary cuts one.
    result = await box.commands.run("python3 -c \"print('a' + 'é' * 300000, end='')\"")
    assert result.stdout == "a" + "é" * 300_000


async def test_stderr_is_apart(box):
    result = await box.commands.run("echo out; echo err >&2")
    assert (result.stdout, result.stderr) == ("out\n", "err\n")


async def test_no_output(box):
    result = await box.commands.run("true")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)


@pytest.mark.parametrize("code", [1, 3, 127, 255])
async def test_exit_codes(box, code):
    with pytest.raises(CommandExitException) as failure:
        await box.commands.run(f"echo out; echo err >&2; exit {code}")
    error = failure.value
    assert (error.exit_code, error.stdout, error.stderr) == (code, "out\n", "err\n")
    assert error.error == f"exit status {code}"


async def test_unknown_command(box):
    with pytest.raises(CommandExitException) as failure:
        await box.commands.run("no-such-command-anywhere")
    assert failure.value.exit_code == 127
    assert "not found" in failure.value.stderr


async def test_a_signal_that_ends_a_command_is_told(box):
    with pytest.raises(CommandExitException) as failure:
        await box.commands.run("kill -9 $$")
    assert failure.value.exit_code == -1
    assert failure.value.error == "signal: killed"


async def test_commands_run_in_a_login_shell(box):
    assert (await box.commands.run("shopt -q login_shell && echo login")).stdout == "login\n"


async def test_the_usual_user_and_home(box):
    result = await box.commands.run('echo "$(whoami) $HOME $USER $LOGNAME $PWD"')
    assert result.stdout == "user /home/user user user /home/user\n"


async def test_the_home_is_writable(box):
    assert (await box.commands.run("echo x > ~/f && cat ~/f")).stdout == "x\n"


async def test_as_root(box):
    result = await box.commands.run('echo "$(id -u) $(whoami) $HOME $USER"', user="root")
    assert result.stdout == "0 root /root root\n"


async def test_root_may_write_where_the_user_may_not(box):
    with pytest.raises(CommandExitException):
        await box.commands.run("touch /etc/by-user")
    await box.commands.run("touch /etc/by-root && mkdir -p /srv/own", user="root")
    assert (await box.commands.run("ls /etc/by-root")).stdout == "/etc/by-root\n"


async def test_an_unknown_user_is_refused(box):
    with pytest.raises(Exception) as failure:
        await box.commands.run("true", user="nobody-of-this-name")
    assert type(failure.value).__name__ in ("AuthenticationException", "InvalidArgumentException")


async def test_working_directory(box):
    await box.files.make_dir("/home/user/deep/er")
    assert (await box.commands.run("pwd", cwd="/tmp")).stdout == "/tmp\n"
    assert (await box.commands.run("pwd", cwd="/home/user/deep/er")).stdout == "/home/user/deep/er\n"


async def test_a_working_directory_that_is_none_is_refused(box):
    with pytest.raises(InvalidArgumentException):
        await box.commands.run("pwd", cwd="/no/such/directory")


async def test_environment_of_one_command(box):
    assert (await box.commands.run('echo "$FOO"', envs={"FOO": "bar baz"})).stdout == "bar baz\n"
    assert (await box.commands.run('echo "[$FOO]"')).stdout == "[]\n"


async def test_a_commands_environment_beats_the_sandboxes(boxes):
    box = await boxes(envs={"FOO": "sandbox", "OTHER": "kept"})
    assert (await box.commands.run('echo "$FOO $OTHER"', envs={"FOO": "command"})).stdout == "command kept\n"
    assert (await box.commands.run('echo "$FOO"')).stdout == "sandbox\n"


async def test_an_environment_of_bash_stays_in_its_command(box):
    await box.commands.run("export FOO=bar")
    assert (await box.commands.run('echo "[$FOO]"')).stdout == "[]\n"


async def test_the_programs_that_templates_have(box):
    result = await box.commands.run("for p in bash python3 python node git curl tar gzip grep sed awk; do command -v $p >/dev/null || echo $p; done")
    assert result.stdout == "", "missing"


async def test_the_system_says_what_it_is(box):
    assert "ID=" in (await box.commands.run("cat /etc/os-release")).stdout


async def test_root_can_install_for_all(box):
    await box.commands.run("printf '#!/bin/sh\\necho installed\\n' > /usr/local/bin/own-tool && chmod 755 /usr/local/bin/own-tool", user="root")
    assert (await box.commands.run("own-tool")).stdout == "installed\n"


async def test_root_can_become_the_user(box):
    assert (await box.commands.run("su user -c 'id -un'", user="root")).stdout == "user\n"


async def test_callbacks_get_output_as_it_comes(box):
    seen: list[tuple[str, float]] = []
    result = await box.commands.run(
        "for i in 1 2 3; do echo $i; sleep 0.4; done", on_stdout=lambda text: seen.append((text, time.monotonic()))
    )
    assert "".join(text for text, _ in seen) == result.stdout == "1\n2\n3\n"
    assert seen[-1][1] - seen[0][1] > 0.5


async def test_callbacks_for_both_outputs(box):
    out: list[str] = []
    err: list[str] = []
    await box.commands.run("echo a; echo b >&2; echo c", on_stdout=out.append, on_stderr=err.append)
    assert ("".join(out), "".join(err)) == ("a\nc\n", "b\n")


async def test_output_need_not_be_kept(box):
    seen: list[str] = []
    result = await box.commands.run("seq 1000", on_stdout=seen.append, retain_output=False)
    assert result.stdout is None
    assert "".join(seen).split() == [str(number) for number in range(1, 1001)]


@pytest.mark.parametrize("size", [70_000, 5_000_000])
async def test_big_output(box, size):
    result = await box.commands.run(f"head -c {size} /dev/zero | tr '\\0' x")
    assert len(result.stdout) == size and set(result.stdout) == {"x"}


async def test_big_output_on_both_at_once(box):
    result = await box.commands.run("seq 50000 & seq 50000 >&2; wait")
    expected = "".join(f"{number}\n" for number in range(1, 50_001))
    assert result.stdout == expected
    assert result.stderr == expected


async def test_a_long_command_line(box):
    text = "x" * 100_000
    assert (await box.commands.run(f"printf %s {text} | wc -c")).stdout.strip() == "100000"


async def test_a_command_that_takes_too_long(box):
    started = time.monotonic()
    with pytest.raises(TimeoutException):
        await box.commands.run("sleep 61.5", timeout=1)
    assert time.monotonic() - started < 15
    # It is dead inside, too.
    async def is_dead():
        return "dead" in (await box.commands.run("pgrep -f '^sleep 61.[5]' >/dev/null || echo dead")).stdout

    await eventually(is_dead)


async def test_without_a_timeout(box):
    assert (await box.commands.run("sleep 1; echo done", timeout=0)).stdout == "done\n"


async def test_in_the_background(sdk, box):
    command = await sdk.start(box, "sleep 0.5; echo done")
    assert command.pid > 0
    assert command.pid in await pids(box)
    result = await command.wait()
    assert (result.stdout, result.exit_code) == ("done\n", 0)

    async def is_gone():
        return command.pid not in await pids(box)

    await eventually(is_gone)


async def test_in_the_background_with_an_exit_code(sdk, box):
    command = await sdk.start(box, "echo partly; exit 7")
    with pytest.raises(CommandExitException) as failure:
        await command.wait()
    assert failure.value.exit_code == 7
    assert failure.value.stdout == "partly\n"


async def test_the_blocking_handle_can_be_iterated(sdk, box):
    if not sdk.is_blocking:
        command = await sdk.start(box, "echo a; exit 0")
        await command.wait()
        assert (command.handle.stdout, command.handle.exit_code) == ("a\n", 0)
        return

    def whole():
        handle = box.target.commands.run("echo a; echo b >&2", background=True)
        out, err = "", ""
        for stdout, stderr, _ in handle:
            out += stdout or ""
            err += stderr or ""
        return out, err

    assert await asyncio.to_thread(whole) == ("a\n", "b\n")


async def test_many_in_the_background(sdk, box):
    commands = [await sdk.start(box, f"sleep 0.2; echo {number}") for number in range(6)]
    assert len({command.pid for command in commands}) == 6
    results = await asyncio.gather(*(command.wait() for command in commands))
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(6)]


async def test_list_tells_what_runs(sdk, box):
    command = await sdk.start(box, "sleep 300", cwd="/tmp", envs={"COLOUR": "green"})
    [process] = [each for each in await box.commands.list() if each.pid == command.pid]
    assert process.cmd == "/bin/bash"
    assert process.args == ["-l", "-c", "sleep 300"]
    assert process.cwd == "/tmp"
    assert process.envs.get("COLOUR") == "green"
    assert process.tag is None
    await command.kill()


async def test_kill_by_handle(sdk, box):
    command = await sdk.start(box, "sleep 300")
    assert await command.kill() is True
    with pytest.raises(CommandExitException) as failure:
        await command.wait()
    assert failure.value.exit_code == -1 and failure.value.error == "signal: killed"


async def test_kill_by_pid(sdk, box):
    command = await sdk.start(box, "sleep 300")
    assert await box.commands.kill(command.pid) is True

    async def is_gone():
        return command.pid not in await pids(box)

    await eventually(is_gone)
    assert await box.commands.kill(command.pid) is False


async def test_kill_of_no_process_says_so(box):
    assert await box.commands.kill(999_999) is False


async def test_stdin(sdk, box):
    seen: list[str] = []
    command = await sdk.start(box, "cat", on_stdout=seen.append, stdin=True)
    async with waiting_for(command):
        await box.commands.send_stdin(command.pid, "Hello, World!")
        await eventually(lambda: "".join(seen) == "Hello, World!")
        await command.send_stdin(" again")
        await eventually(lambda: "".join(seen) == "Hello, World! again")


@pytest.mark.parametrize("text", ["", "!@#$%^&*()_+'\"\\`", "line one\nline two\n", "日本語 🏜\n"])
async def test_stdin_takes_any_text(sdk, box, text):
    command = await sdk.start(box, "cat", stdin=True)
    await box.commands.send_stdin(command.pid, text)
    await command.close_stdin()
    assert (await command.wait()).stdout == text


async def test_stdin_takes_bytes(sdk, box):
    command = await sdk.start(box, "od -An -tx1", stdin=True)
    await box.commands.send_stdin(command.pid, bytes([0, 255, 10]))
    await command.close_stdin()
    assert (await command.wait()).stdout.split() == ["00", "ff", "0a"]


async def test_much_stdin(sdk, box):
    command = await sdk.start(box, "wc -c", stdin=True)
    for _ in range(4):
        await box.commands.send_stdin(command.pid, "x" * 500_000)
    await command.close_stdin()
    assert (await command.wait()).stdout.strip() == "2000000"


async def test_without_stdin_there_is_its_end(box):
    assert (await box.commands.run("cat; echo end", timeout=20)).stdout == "end\n"


async def test_stdin_of_no_process_says_so(box):
    with pytest.raises(NotFoundException):
        await box.commands.send_stdin(999_999, "x")
    with pytest.raises(NotFoundException):
        await box.commands.close_stdin(999_999)


async def test_stdin_as_a_stream(sdk, box):
    command = await sdk.start(box, "cat", stdin=True)
    await sdk.stream_input(box.commands, command.pid, ["a", "b", b"c\n"])
    await command.close_stdin()
    assert (await command.wait()).stdout == "abc\n"


async def test_a_stream_of_stdin_is_acted_on_as_it_comes(sdk, box):
    seen: list[str] = []
    command = await sdk.start(box, "cat", on_stdout=seen.append, stdin=True)
    async with waiting_for(command):
        if sdk.is_blocking:
            # The iterable goes on only once the first part has come back.
            def parts():
                yield "first"
                deadline = time.monotonic() + 20
                while "".join(seen) != "first" and time.monotonic() < deadline:
                    time.sleep(0.02)
                yield " second" if "".join(seen) == "first" else " too late"

            await box.commands.stream_input(command.pid, parts())
        else:
            async with box.commands.stream_input(command.pid) as stream:
                await stream.send("first")
                await eventually(lambda: "".join(seen) == "first")
                await stream.send(" second")
        await eventually(lambda: "".join(seen) == "first second")


async def test_a_stream_of_stdin_to_no_process_says_so(sdk, box):
    with pytest.raises(NotFoundException):
        await sdk.stream_input(box.commands, 999_999, ["x"])


async def test_connect_to_a_command(sdk, box):
    command = await sdk.start(box, "sleep 1; echo done")
    other = await sdk.attach(box, command.pid)
    assert other.pid == command.pid
    results = await asyncio.gather(command.wait(), other.wait())
    assert [result.stdout for result in results] == ["done\n", "done\n"]


async def test_a_command_survives_its_client(sdk, box):
    command = await sdk.start(box, "sleep 1.5; echo survived; exit 0")
    await command.disconnect()
    assert command.pid in await pids(box)
    again = await sdk.attach(box, command.pid)
    assert "survived" in (await again.wait()).stdout


async def test_connect_to_a_command_that_just_ended(sdk, box):
    command = await sdk.start(box, "exit 4")
    with pytest.raises(CommandExitException):
        await command.wait()
    again = await sdk.attach(box, command.pid)
    with pytest.raises(CommandExitException) as failure:
        await again.wait()
    assert failure.value.exit_code == 4


async def test_connect_to_no_command_says_so(sdk, box):
    with pytest.raises(NotFoundException):
        await sdk.attach(box, 999_999)


async def test_a_background_command_outlives_the_connection_of_another_client(sdk, box):
    command = await sdk.start(box, "sleep 300")
    other = await sdk.Sandbox.connect(box.sandbox_id)
    assert command.pid in await pids(other)
    assert await other.commands.kill(command.pid) is True


async def test_children_left_behind_do_not_hold_up_the_command(box):
    started = time.monotonic()
    result = await box.commands.run("nohup sleep 60 >/dev/null 2>&1 & echo started")
    assert result.stdout == "started\n"
    assert time.monotonic() - started < 15


async def test_commands_of_a_killed_sandbox(box):
    await box.kill()
    with pytest.raises(SandboxNotRunningException):
        await box.commands.run("echo no")
    with pytest.raises(SandboxNotRunningException):
        await box.commands.list()


async def test_killing_the_sandbox_ends_its_commands(sdk, box):
    command = await sdk.start(box, "sleep 300", timeout=0)
    wait = asyncio.create_task(command.wait())
    await asyncio.sleep(0.3)
    await box.kill()
    with pytest.raises(SandboxException):
        async with asyncio.timeout(30):
            await wait


async def test_binary_data_through_a_pipe(box):
    result = await box.commands.run("head -c 100000 /dev/urandom | tee /tmp/random | base64 -w0")
    assert base64.b64decode(result.stdout) == bytes(await box.files.read("/tmp/random", format="bytes"))


async def test_forty_commands_at_once(box):
    results = await asyncio.gather(*(box.commands.run(f"echo {number}") for number in range(40)))
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(40)]


async def test_git_through_the_sdks_module(box):
    await box.git.init("/home/user/repo", initial_branch="main")
    await box.git.configure_user("Someone", "someone@example.com")
    await box.files.write("/home/user/repo/a.txt", "a")
    status = await box.git.status("/home/user/repo")
    assert [each.name for each in status.file_status] == ["a.txt"]
    await box.git.add("/home/user/repo")
    await box.git.commit("/home/user/repo", "First")
    assert (await box.git.status("/home/user/repo")).is_clean
    branches = await box.git.branches("/home/user/repo")
    assert branches.current_branch == "main"
