"""From making a sandbox to its end: create, look, extend, expire, connect, kill."""

import asyncio
import datetime

import httpx
import pytest
from e2b import (
    InvalidArgumentException,
    SandboxException,
    SandboxNotFoundException,
    SandboxNotRunningException,
    SandboxState,
)

from support.waiting import eventually

UTC = datetime.timezone.utc
# Clocks are the same machine's; only rounding and a busy machine come between.
SLACK = datetime.timedelta(seconds=20)


def in_seconds(count: float) -> datetime.datetime:
    return datetime.datetime.now(UTC) + datetime.timedelta(seconds=count)


async def test_create_gives_a_running_sandbox_with_an_id_that_fits_a_host_name(box):
    assert await box.is_running()
    assert box.sandbox_id.isalnum() and box.sandbox_id == box.sandbox_id.lower()
    assert len(f"65535-{box.sandbox_id}") <= 63


async def test_create_keeps_metadata(sdk, boxes, mark):
    metadata = {"user": mark, "empty": "", "spaced out": "a b&c=d", "weiß": "ü🏜%20+"}
    box = await boxes(metadata=metadata)
    assert (await box.get_info()).metadata == metadata


async def test_create_without_metadata_has_none(box):
    assert (await box.get_info()).metadata == {}


async def test_environment_of_the_sandbox_is_every_commands(boxes):
    box = await boxes(envs={"GREETING": "hello world", "EMPTY": "", "QUOTED": "a'b\"c$d"})
    result = await box.commands.run('printf "%s|%s|%s" "$GREETING" "${EMPTY-unset}" "$QUOTED"')
    assert result.stdout == "hello world||a'b\"c$d"


async def test_create_honours_the_timeout(boxes):
    box = await boxes(timeout=120)
    info = await box.get_info()
    assert abs(info.end_at - in_seconds(120)) < SLACK
    assert info.end_at - info.started_at >= datetime.timedelta(seconds=119)


async def test_create_without_a_timeout_lives_five_minutes(sdk, boxes):
    box = boxes.adopt(await sdk.Sandbox.create())
    assert abs((await box.get_info()).end_at - in_seconds(300)) < SLACK


async def test_info_tells_what_the_sandbox_is(sdk, box):
    info = await box.get_info()
    assert info.sandbox_id == box.sandbox_id
    assert info.state == SandboxState.RUNNING
    assert "base" in (info.template_id, info.name)
    assert info.started_at <= datetime.datetime.now(UTC) + SLACK
    assert info.end_at > info.started_at
    assert info.cpu_count >= 1
    assert info.memory_mb >= 128
    assert tuple(int(part) for part in info.envd_version.split(".")) >= (0, 6, 4)
    assert info.volume_mounts == []
    assert (await sdk.Sandbox.get_info(box.sandbox_id)).sandbox_id == box.sandbox_id


async def test_info_tells_the_life_cycle(boxes):
    killed, paused = await asyncio.gather(boxes(), boxes(lifecycle={"on_timeout": "pause", "auto_resume": True}))
    assert (await killed.get_info()).lifecycle in (None, {"on_timeout": "kill", "auto_resume": False})
    assert (await paused.get_info()).lifecycle == {"on_timeout": "pause", "auto_resume": True}


async def test_base_is_the_default_template_and_can_be_named(boxes):
    default, named = await asyncio.gather(boxes(), boxes("base"))
    infos = await asyncio.gather(default.get_info(), named.get_info())
    assert infos[0].template_id == infos[1].template_id


async def test_create_of_an_unknown_template_is_refused(sdk, mark):
    with pytest.raises(SandboxException, match="(?i)template") as error:
        await sdk.Sandbox.create(f"no-such-{mark}")
    assert "404" in str(error.value)


@pytest.mark.parametrize("timeout", [0, -1])
async def test_create_with_no_time_to_live_is_refused(sdk, timeout):
    with pytest.raises(SandboxException, match="400"):
        await sdk.Sandbox.create(timeout=timeout)


async def test_create_beyond_the_longest_life_is_refused(sdk):
    with pytest.raises(SandboxException, match="400"):
        await sdk.Sandbox.create(timeout=10_000_000)


async def test_create_twice_with_one_idempotency_key_is_one_sandbox(boxes, mark):
    first = await boxes(idempotency_key=f"key-{mark}", metadata={"mark": mark})
    again = await boxes(idempotency_key=f"key-{mark}", metadata={"mark": mark})
    assert again.sandbox_id == first.sandbox_id
    assert (await again.commands.run("echo ready")).stdout == "ready\n"


async def test_create_at_once_with_one_idempotency_key_is_one_sandbox(sdk, boxes, mark):
    made = await asyncio.gather(*(boxes(idempotency_key=f"key-{mark}") for _ in range(3)), return_exceptions=True)
    # One that is still being made may be answered so, and is not made twice.
    ids = {each.sandbox_id for each in made if not isinstance(each, Exception)}
    assert len(ids) == 1, made
    assert all(isinstance(each, SandboxException) for each in made if isinstance(each, Exception))


async def test_an_idempotency_key_for_another_request_is_refused(sdk, boxes, mark):
    await boxes(idempotency_key=f"key-{mark}", metadata={"mark": "one"})
    with pytest.raises(SandboxException, match="409|422"):
        await boxes(idempotency_key=f"key-{mark}", metadata={"mark": "two"})


async def test_different_idempotency_keys_are_different_sandboxes(boxes, mark):
    first, second = await asyncio.gather(boxes(idempotency_key=f"{mark}-1"), boxes(idempotency_key=f"{mark}-2"))
    assert first.sandbox_id != second.sandbox_id


async def test_a_malformed_idempotency_key_is_refused_by_the_server_too(web):
    response = await web.control("POST", "/v2/sandboxes", json={"templateID": "base"}, headers={"idempotency-key": "Not OK!"})
    assert response.status_code == 400, response.text
    assert response.json()["code"] == 400


async def test_set_timeout_extends(box):
    await box.set_timeout(1200)
    assert abs((await box.get_info()).end_at - in_seconds(1200)) < SLACK


async def test_set_timeout_shortens(box):
    await box.set_timeout(60)
    assert abs((await box.get_info()).end_at - in_seconds(60)) < SLACK


async def test_set_timeout_by_id(sdk, box):
    await sdk.Sandbox.set_timeout(box.sandbox_id, 900)
    assert abs((await box.get_info()).end_at - in_seconds(900)) < SLACK


async def test_a_shortened_timeout_ends_the_sandbox(box):
    await box.set_timeout(1)
    await eventually(lambda: not_running(box))
    with pytest.raises(SandboxNotFoundException):
        await box.get_info()


async def test_shortened_then_lengthened_the_sandbox_lives_on(box):
    await box.set_timeout(3)
    await box.set_timeout(300)
    await asyncio.sleep(4)
    assert await box.is_running()
    assert (await box.commands.run("echo alive")).stdout == "alive\n"


async def test_set_timeout_to_nothing_expires_at_once(box):
    await box.set_timeout(0)
    await eventually(lambda: not_running(box))


async def test_the_time_runs_out(sdk, boxes):
    box = await boxes(timeout=2)
    assert await box.is_running()
    await eventually(lambda: not_running(box))
    assert await sdk.Sandbox.kill(box.sandbox_id) is False
    with pytest.raises(SandboxNotRunningException):
        await box.commands.run("echo late")


async def test_refreshes_only_extend(sdk, box, web):
    before = (await box.get_info()).end_at
    response = await web.control("POST", f"/sandboxes/{box.sandbox_id}/refreshes", json={"duration": 30})
    assert response.status_code == 204, response.text
    assert (await box.get_info()).end_at >= before - datetime.timedelta(seconds=1)
    response = await web.control("POST", f"/sandboxes/{box.sandbox_id}/refreshes", json={"duration": 1800})
    assert response.status_code == 204, response.text
    assert abs((await box.get_info()).end_at - in_seconds(1800)) < SLACK


async def test_kill(sdk, box):
    assert await box.kill() is True
    assert await box.is_running() is False
    with pytest.raises(SandboxNotFoundException):
        await box.get_info()


async def test_kill_of_what_is_gone_says_so(sdk, box, mark):
    assert await sdk.Sandbox.kill(box.sandbox_id) is True
    assert await box.kill() is False
    assert await sdk.Sandbox.kill(f"i{mark[:20]}") is False


async def test_set_timeout_of_what_is_gone_says_so(box):
    await box.kill()
    with pytest.raises(SandboxNotFoundException):
        await box.set_timeout(60)


async def test_connect_to_what_is_gone_says_so(sdk, box):
    await box.kill()
    with pytest.raises(SandboxNotFoundException):
        await sdk.Sandbox.connect(box.sandbox_id)


async def test_connect_reaches_the_same_sandbox(sdk, box):
    await box.files.write("note.txt", "from the first")
    again = await sdk.Sandbox.connect(box.sandbox_id)
    assert again.sandbox_id == box.sandbox_id
    assert await again.is_running()
    assert await again.files.read("note.txt") == "from the first"
    assert (await again.commands.run("echo $((6*7))")).stdout == "42\n"


async def test_connect_does_not_shorten_the_life(sdk, boxes):
    box = await boxes(timeout=600)
    before = (await box.get_info()).end_at
    await sdk.Sandbox.connect(box.sandbox_id, timeout=10)
    after = (await box.get_info()).end_at
    assert abs(after - before) < datetime.timedelta(seconds=2)


async def test_connect_extends_the_life(sdk, boxes):
    box = await boxes(timeout=60)
    await box.connect(timeout=900)
    assert abs((await box.get_info()).end_at - in_seconds(900)) < SLACK


async def test_an_id_with_the_suffix_of_old_is_accepted(sdk, box):
    info = await sdk.Sandbox.get_info(f"{box.sandbox_id}-6532622b")
    assert info.sandbox_id == box.sandbox_id


async def test_a_sandbox_is_killed_when_its_block_ends(sdk):
    if sdk.is_blocking:
        import e2b

        def whole():
            with e2b.Sandbox.create(timeout=60, **sdk.options) as sandbox:
                assert sandbox.is_running()
            return sandbox

        sandbox = await asyncio.to_thread(whole)
        assert await asyncio.to_thread(sandbox.is_running) is False
    else:
        async with await sdk.Sandbox.create(timeout=60) as sandbox:
            assert await sandbox.is_running()
        assert await sandbox.is_running() is False


async def test_the_client_object_of_the_sdk_works_like_the_classes(sdk, boxes, gateway):
    import e2b

    client = e2b.E2B(**gateway.options())
    if sdk.is_blocking:
        sandbox = await asyncio.to_thread(lambda: client.Sandbox.create(timeout=60))
    else:
        sandbox = await client.AsyncSandbox.create(timeout=60)
    boxes.adopt(sandbox)
    assert (await sdk.Sandbox.get_info(sandbox.sandbox_id)).state == SandboxState.RUNNING


async def test_a_slash_at_the_end_of_the_url_does_no_harm(sdk, boxes, gateway):
    slashed = sdk.with_options(api_url=gateway.url + "/", sandbox_url=gateway.url + "/")
    box = boxes.adopt(await slashed.Sandbox.create(timeout=60))
    assert (await box.commands.run("echo fine")).stdout == "fine\n"
    await box.files.write("f", "fine")
    assert await box.files.read("f") == "fine"


async def test_metrics_tell_what_is_used(sdk, box):
    await box.commands.run("head -c 20000000 /dev/zero | sha256sum")
    metrics = await eventually(box.get_metrics)
    latest = metrics[-1]
    assert latest.cpu_count >= 1
    assert latest.cpu_used_pct >= 0
    assert 0 < latest.mem_used <= latest.mem_total
    assert latest.mem_cache >= 0
    assert 0 <= latest.disk_used <= latest.disk_total and latest.disk_total > 0
    assert abs(latest.timestamp.astimezone(UTC) - datetime.datetime.now(UTC)) < 3 * SLACK
    info = await box.get_info()
    assert latest.mem_total == info.memory_mb << 20
    assert latest.cpu_count == info.cpu_count


async def test_metrics_can_be_asked_for_a_time(sdk, box):
    await eventually(box.get_metrics)
    past = datetime.datetime.now(UTC) - datetime.timedelta(hours=2)
    assert await box.get_metrics(start=past, end=past + datetime.timedelta(minutes=1)) == []
    assert len(await box.get_metrics(start=past, end=in_seconds(60))) > 0


async def test_metrics_of_what_is_gone_say_so(sdk, mark):
    with pytest.raises(SandboxNotFoundException):
        await sdk.Sandbox.get_metrics(f"i{mark[:20]}")


async def test_metrics_of_many_at_once(boxes, web):
    first, second = await asyncio.gather(boxes(), boxes())

    async def both():
        ids = f"{first.sandbox_id},{second.sandbox_id}"
        response = await web.control("GET", "/sandboxes/metrics", params={"sandbox_ids": ids})
        assert response.status_code == 200, response.text
        found = response.json()["sandboxes"]
        return found if len(found) == 2 else None

    found = await eventually(both)
    assert set(found) == {first.sandbox_id, second.sandbox_id}
    required = {"timestamp", "timestampUnix", "cpuCount", "cpuUsedPct", "memUsed", "memTotal", "memCache", "diskUsed", "diskTotal"}
    assert required <= set(found[first.sandbox_id])


async def test_logs_have_the_dialects_shape(box, web):
    await box.commands.run("echo for the log")
    response = await web.control("GET", f"/v2/sandboxes/{box.sandbox_id}/logs", params={"limit": 10, "direction": "forward"})
    assert response.status_code == 200, response.text
    for line in response.json()["logs"]:
        assert {"timestamp", "level", "message", "fields"} <= set(line)
    old = await web.control("GET", f"/sandboxes/{box.sandbox_id}/logs")
    assert old.status_code == 200, old.text
    assert {"logs", "logEntries"} <= set(old.json())
    missing = await web.control("GET", "/v2/sandboxes/i0000000000000000000/logs")
    assert missing.status_code == 404 and missing.json()["code"] == 404


async def test_teams_and_their_metrics(box, web):
    teams = await web.control("GET", "/teams")
    assert teams.status_code == 200, teams.text
    team = teams.json()[0]["teamID"]

    async def is_counted():
        response = await web.control("GET", f"/teams/{team}/metrics")
        assert response.status_code == 200, response.text
        assert all({"timestamp", "timestampUnix", "concurrentSandboxes", "sandboxStartRate"} <= set(each) for each in response.json())
        most = await web.control("GET", f"/teams/{team}/metrics/max", params={"metric": "concurrent_sandboxes"})
        assert most.status_code == 200 and {"timestamp", "timestampUnix", "value"} <= set(most.json()), most.text
        return most.json()["value"] >= 1

    await eventually(is_counted)
    assert (await web.control("GET", "/teams/of-another/metrics")).status_code == 403
    assert (await web.control("GET", f"/teams/{team}/metrics/max", params={"metric": "happiness"})).status_code == 400


async def test_workload_identity_is_refused_where_nothing_issues_tokens(sdk):
    with pytest.raises(SandboxException, match="400|403"):
        await sdk.Sandbox.create(iam={"tokens": {"aws": {"audience": "x", "token_type": "JWT-SVID"}}})


async def test_tools_for_agents_are_refused_where_there_is_no_template_for_them(sdk):
    with pytest.raises(SandboxException, match="404"):
        await sdk.Sandbox.create(mcp={"exa": {"apiKey": "x"}})


async def test_the_dialects_health_needs_no_key(gateway):
    async with httpx.AsyncClient() as client:
        response = await client.get(gateway.url + "/health")
    assert response.status_code == 204, response.text


async def test_a_life_cycle_that_makes_no_sense_is_refused(sdk, web):
    with pytest.raises(InvalidArgumentException):
        await sdk.Sandbox.create(lifecycle={"on_timeout": "explode"})
    body = {"templateID": "base", "autoPauseMemory": False}
    response = await web.control("POST", "/v2/sandboxes", json=body)
    assert response.status_code == 400, response.text


async def not_running(box) -> bool:
    return not await box.is_running()
