"""Pause and resume, by calls and by time; forks and snapshots."""

import asyncio
import datetime

import pytest
from e2b import (
    NotFoundException,
    SandboxException,
    SandboxNotFoundException,
    SandboxNotRunningException,
    SandboxState,
)

from support.waiting import eventually

PAUSES = {"lifecycle": {"on_timeout": "pause"}}
WAKES = {"lifecycle": {"on_timeout": "pause", "auto_resume": True}}


async def state(sdk, box) -> SandboxState:
    return (await sdk.Sandbox.get_info(box.sandbox_id)).state


async def is_paused(sdk, box) -> bool:
    return await state(sdk, box) == SandboxState.PAUSED


async def test_pause_and_connect(sdk, box):
    assert await box.pause() is True
    assert await state(sdk, box) == SandboxState.PAUSED
    assert await box.is_running() is False
    await box.connect()
    assert await state(sdk, box) == SandboxState.RUNNING
    assert await box.is_running()
    assert (await box.commands.run("echo back")).stdout == "back\n"


async def test_pausing_twice_says_so(box):
    assert await box.pause() is True
    assert await box.pause() is False


async def test_pause_and_connect_by_id(sdk, box):
    assert await sdk.Sandbox.pause(box.sandbox_id) is True
    again = await sdk.Sandbox.connect(box.sandbox_id, timeout=200)
    assert again.sandbox_id == box.sandbox_id
    assert await again.is_running()
    assert abs((await again.get_info()).end_at - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(seconds=220)


async def test_pause_keeps_files_and_processes(sdk, box):
    await box.files.write("kept.txt", "kept")
    counter = await sdk.start(box, "i=0; while true; do i=$((i+1)); echo $i > count; sleep 0.1; done", timeout=0)
    await eventually(lambda: box.files.exists("count"))
    await box.pause()
    await box.connect()
    assert await box.files.read("kept.txt") == "kept"
    assert counter.pid in [process.pid for process in await box.commands.list()]
    before = int(await box.files.read("count") or 0)

    async def counts_on():
        return int(await box.files.read("count") or 0) > before

    await eventually(counts_on)
    await counter.kill()


async def test_a_paused_sandbox_runs_no_commands(sdk, box):
    await box.pause()
    with pytest.raises(SandboxNotRunningException):
        await box.commands.run("echo no")
    with pytest.raises(SandboxNotRunningException):
        await box.files.read("/etc/hostname")


async def test_a_paused_sandbox_has_no_timeout_to_set(box):
    await box.pause()
    with pytest.raises(SandboxNotFoundException):
        await box.set_timeout(60)


async def test_a_paused_sandbox_can_be_killed(sdk, box):
    await box.pause()
    assert await box.kill() is True
    with pytest.raises(SandboxNotFoundException):
        await sdk.Sandbox.connect(box.sandbox_id)


async def test_pause_of_what_is_gone_says_so(box):
    await box.kill()
    with pytest.raises(SandboxNotFoundException):
        await box.pause()


async def test_a_paused_sandbox_outlives_its_time(sdk, boxes):
    box = await boxes(timeout=3)
    await box.pause()
    await asyncio.sleep(4)
    assert await state(sdk, box) == SandboxState.PAUSED
    await box.connect(timeout=60)
    assert await box.is_running()


async def test_when_time_runs_out_it_pauses_if_asked_to(sdk, boxes):
    box = await boxes(timeout=2, **PAUSES)
    await box.files.write("kept.txt", "kept")
    await eventually(lambda: is_paused(sdk, box))
    with pytest.raises(SandboxNotRunningException):
        await box.files.read("kept.txt")
    await box.connect(timeout=60)
    assert await box.files.read("kept.txt") == "kept"


async def test_traffic_wakes_a_sandbox_that_was_made_so(sdk, boxes):
    box = await boxes(timeout=2, **WAKES)
    await box.files.write("kept.txt", "kept")
    await eventually(lambda: is_paused(sdk, box))
    assert await box.files.read("kept.txt") == "kept"
    assert await state(sdk, box) == SandboxState.RUNNING
    # Woken by traffic it lives five minutes at least.
    left = (await box.get_info()).end_at - datetime.datetime.now(datetime.timezone.utc)
    assert left > datetime.timedelta(seconds=60)


async def test_a_command_wakes_a_sandbox_that_was_made_so(sdk, boxes):
    box = await boxes(**WAKES)
    await box.pause()
    assert (await box.commands.run("echo woken")).stdout == "woken\n"
    assert await state(sdk, box) == SandboxState.RUNNING


async def test_many_at_once_wake_a_sandbox_once(sdk, boxes):
    box = await boxes(**WAKES)
    await box.pause()
    results = await asyncio.gather(*(box.commands.run(f"echo {number}") for number in range(5)))
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(5)]


async def test_the_resume_of_old(web, box):
    path = f"/sandboxes/{box.sandbox_id}/resume"
    running = await web.control("POST", path, json={"timeout": 60})
    assert running.status_code == 409, running.text
    await box.pause()
    resumed = await web.control("POST", path, json={"timeout": 60})
    assert resumed.status_code == 201, resumed.text
    assert resumed.json()["sandboxID"] == box.sandbox_id
    assert await box.is_running()


async def test_connect_tells_whether_it_resumed(web, box):
    path = f"/v2/sandboxes/{box.sandbox_id}/connect"
    assert (await web.control("POST", path, json={})).status_code == 200
    await box.pause()
    assert (await web.control("POST", path, json={"timeout": 60})).status_code == 201
    assert (await web.control("POST", path, json={"timeout": 60})).status_code == 200


async def test_pause_without_a_body(web, sdk, box):
    response = await web.control("POST", f"/sandboxes/{box.sandbox_id}/pause")
    assert response.status_code == 204, response.text
    assert await state(sdk, box) == SandboxState.PAUSED


async def test_fork_doubles_a_sandbox(sdk, boxes, box):
    await box.files.write("origin.txt", "from the origin")
    [fork] = await box.fork(timeout=120)
    boxes.adopt(fork)
    assert fork.sandbox_id != box.sandbox_id
    assert await fork.files.read("origin.txt") == "from the origin"
    await fork.files.write("origin.txt", "changed")
    assert await box.files.read("origin.txt") == "from the origin"
    assert await box.is_running()


async def test_fork_makes_as_many_as_asked_for(sdk, boxes, box):
    await box.commands.run("echo shared > shared.txt")
    forks = [boxes.adopt(fork) for fork in await sdk.Sandbox.fork(box.sandbox_id, count=3)]
    assert len({fork.sandbox_id for fork in forks} | {box.sandbox_id}) == 4
    for fork in forks:
        assert await fork.files.read("shared.txt") == "shared\n"
        await fork.commands.run("echo own > own.txt")
    assert not await box.files.exists("own.txt")


async def test_a_fork_has_a_time_of_its_own(sdk, boxes, box):
    before = (await box.get_info()).end_at
    [fork] = await box.fork(timeout=900)
    boxes.adopt(fork)
    left = (await fork.get_info()).end_at - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(seconds=850) < left <= datetime.timedelta(seconds=901)
    assert abs((await box.get_info()).end_at - before) < datetime.timedelta(seconds=2)


async def test_fork_of_what_is_gone_says_so(box):
    await box.kill()
    with pytest.raises(SandboxNotFoundException):
        await box.fork()


async def all_snapshots(paginator) -> list:
    found = []
    while paginator.has_next:
        found += await paginator.next_items()
    return found


async def test_a_snapshot_is_a_template_for_others(sdk, boxes, box):
    await box.files.write("kept.txt", "in the snapshot")
    snapshot = await box.create_snapshot()
    try:
        await box.files.write("kept.txt", "after the snapshot")
        copies = await asyncio.gather(boxes(snapshot.snapshot_id), boxes(snapshot.snapshot_id))
        for copy in copies:
            assert copy.sandbox_id != box.sandbox_id
            assert await copy.files.read("kept.txt") == "in the snapshot"
        assert await box.files.read("kept.txt") == "after the snapshot"
    finally:
        assert await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id) is True


async def test_a_snapshot_outlives_its_sandbox(sdk, boxes, box):
    await box.files.write("kept.txt", "kept")
    snapshot = await sdk.Sandbox.create_snapshot(box.sandbox_id)
    try:
        await box.kill()
        copy = await boxes(snapshot.snapshot_id)
        assert await copy.files.read("kept.txt") == "kept"
    finally:
        await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id)


async def test_snapshots_are_listed_by_sandbox(sdk, boxes):
    one, other = await asyncio.gather(boxes(), boxes())
    snapshots = [await one.create_snapshot(), await one.create_snapshot(), await other.create_snapshot()]
    try:
        own = await all_snapshots(one.list_snapshots())
        assert {each.snapshot_id for each in own} == {snapshots[0].snapshot_id, snapshots[1].snapshot_id}
        paged = await all_snapshots(one.list_snapshots(limit=1))
        assert {each.snapshot_id for each in paged} == {each.snapshot_id for each in own}
        everyone = await all_snapshots(sdk.Sandbox.list_snapshots())
        assert {each.snapshot_id for each in snapshots} <= {each.snapshot_id for each in everyone}
    finally:
        for each in snapshots:
            await sdk.Sandbox.delete_snapshot(each.snapshot_id)


async def test_a_snapshot_can_have_a_name(sdk, boxes, box, mark):
    name = f"snap-{mark[:12]}"
    await box.files.write("kept.txt", "named")
    snapshot = await box.create_snapshot(name)
    try:
        assert any(name in each for each in snapshot.names)
        [listed] = await all_snapshots(sdk.Sandbox.list_snapshots(name=name))
        assert listed.snapshot_id == snapshot.snapshot_id
        copy = await boxes(name)
        assert await copy.files.read("kept.txt") == "named"
    finally:
        assert await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id) is True
    assert await all_snapshots(sdk.Sandbox.list_snapshots(name=name)) == []


async def test_a_deleted_snapshot_is_gone(sdk, box):
    snapshot = await box.create_snapshot()
    assert await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id) is True
    assert await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id) is False
    with pytest.raises(SandboxException, match="404"):
        await sdk.Sandbox.create(snapshot.snapshot_id)


async def test_snapshot_of_what_is_gone_says_so(box):
    await box.kill()
    with pytest.raises((SandboxNotFoundException, NotFoundException)):
        await box.create_snapshot()


async def starts_anew(sdk, box, pause, resume) -> None:
    """Pauses and resumes, and sees that files are kept and processes are not."""
    await box.files.write("kept.txt", "kept")
    await sdk.start(box, "exec -a of-before sleep 300", timeout=0)
    assert await pause() is True
    assert await state(sdk, box) == SandboxState.PAUSED
    await resume()
    assert await box.files.read("kept.txt") == "kept"
    assert (await box.commands.run("pgrep -f 'of-[b]efore' || echo none")).stdout == "none\n"


async def test_a_pause_that_keeps_files_only(sdk, box):
    await starts_anew(sdk, box, lambda: box.pause(mode="filesystem"), box.connect)


async def test_a_resume_that_keeps_files_only(sdk, box):
    await starts_anew(sdk, box, box.pause, lambda: box.connect(on_resume="reboot"))


async def test_when_time_runs_out_it_keeps_files_only_if_asked_to(sdk, boxes):
    box = await boxes(timeout=3, lifecycle={"on_timeout": {"action": "pause", "mode": "filesystem"}})
    await box.files.write("kept.txt", "kept")
    await eventually(lambda: is_paused(sdk, box))
    await box.connect(timeout=60)
    assert await box.files.read("kept.txt") == "kept"


async def test_a_pause_that_wants_a_healthy_sandbox(sdk, box):
    assert await box.pause(strict=True) is True
    await box.connect()
    assert await box.is_running()


async def test_a_snapshot_of_files_only(sdk, boxes, box):
    await box.files.write("kept.txt", "kept")
    snapshot = await box.create_snapshot(mode="filesystem")
    try:
        assert await (await boxes(snapshot.snapshot_id)).files.read("kept.txt") == "kept"
    finally:
        await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id)


async def test_a_snapshot_with_memory_is_taken_or_refused_in_the_dialects_words(sdk, box):
    try:
        snapshot = await box.create_snapshot(mode="full")
    except SandboxException as error:
        assert str(error).startswith("400") and "memory" in str(error)
        assert await box.is_running()
        return
    await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id)


async def test_a_sandbox_can_be_paused_many_times(sdk, box):
    for number in range(4):
        await box.commands.run(f"echo {number} >> log")
        assert await box.pause() is True
        await box.connect()
    assert (await box.files.read("log")).split() == ["0", "1", "2", "3"]


async def test_a_fork_of_a_fork(sdk, boxes, box):
    await box.files.write("a", "1")
    [child] = await box.fork()
    boxes.adopt(child)
    await child.files.write("b", "2")
    [grandchild] = await child.fork()
    boxes.adopt(grandchild)
    assert (await grandchild.commands.run("cat a b")).stdout == "12"


async def test_a_snapshot_keeps_what_root_changed(sdk, boxes, box):
    await box.commands.run("mkdir -p /opt/tool && echo made > /opt/tool/f && ln -s /opt/tool/f /usr/local/lib/made-link", user="root")
    snapshot = await box.create_snapshot()
    try:
        copy = await boxes(snapshot.snapshot_id)
        assert (await copy.commands.run("cat /opt/tool/f /usr/local/lib/made-link")).stdout == "made\nmade\n"
    finally:
        await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id)
