"""What callers are told when something is wrong: always the dialect's JSON, always the exception that the SDK documents."""

import json

import pytest
from e2b import SandboxException, SandboxNotFoundException

FLAVOURS = ["async"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/no/such/route"),
        ("GET", "/sandboxes/i0000000000000000000"),
        ("GET", "/sandboxes/UPPER_case"),
        ("POST", "/sandboxes/i0000000000000000000/pause"),
        ("POST", "/v2/sandboxes/i0000000000000000000/connect"),
        ("DELETE", "/sandboxes/i0000000000000000000"),
        ("DELETE", "/templates/none%2Fof%3Athis"),
        ("GET", "/templates/aliases/none-of-this"),
        ("GET", "/volumes/none-of-this"),
        ("GET", "/secrets/none-of-this"),
    ],
)
async def test_what_is_not_there_is_json(web, method, path):
    response = await web.control(method, path, **({"json": {}} if method == "POST" else {}))
    assert response.status_code == 404, response.text
    body = response.json()
    assert body["code"] == 404 and isinstance(body["message"], str) and body["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"templateID": 7}',
        b'{"templateID": ""}',
        b'{"templateID": "base", "timeout": "soon"}',
        b'{"templateID": "base", "timeout": 1.5}',
        b'{"templateID": "base", "metadata": {"a": 1}}',
        b'{"templateID": "base", "envVars": ["a"]}',
        b'{"templateID": "base", "network": {"denyOut": ["not-an-address.example"]}}',
        b'{"templateID": "base", "network": {"allowOut": ["example.com"]}}',
        b'{"templateID": "base", "autoResume": true}',
    ],
    ids=lambda body: body.decode(errors="replace")[:40] or "empty",
)
async def test_a_malformed_create_is_refused(web, body):
    response = await web.control("POST", "/v2/sandboxes", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400, response.text
    assert response.json()["code"] == 400 and response.json()["message"]


async def test_unknown_fields_of_a_create_are_ignored(web):
    response = await web.control("POST", "/v2/sandboxes", json={"templateID": "base", "timeout": 60, "ofTomorrow": {"a": 1}})
    assert response.status_code == 201, response.text
    await web.control("DELETE", f"/sandboxes/{response.json()['sandboxID']}")


async def test_the_create_of_old_has_the_time_of_old(web):
    response = await web.control("POST", "/sandboxes", json={"templateID": "base", "secure": True})
    assert response.status_code == 201, response.text
    made = response.json()
    try:
        assert {"templateID", "sandboxID", "clientID", "envdVersion", "envdAccessToken"} <= set(made)
        detail = (await web.control("GET", f"/sandboxes/{made['sandboxID']}")).json()
        required = {"templateID", "sandboxID", "clientID", "startedAt", "endAt", "cpuCount", "memoryMB", "diskSizeMB", "state", "envdVersion"}
        assert required <= set(detail)
    finally:
        await web.control("DELETE", f"/sandboxes/{made['sandboxID']}")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"timeout": "x"}', b'{"timeout": -1}', b'{"timeout": 100000000}'])
async def test_a_malformed_timeout_is_refused(web, box, body):
    response = await web.control("POST", f"/sandboxes/{box.sandbox_id}/timeout", content=body)
    assert response.status_code == 400, response.text
    assert response.json()["code"] == 400


async def test_a_method_that_a_route_has_not(web):
    response = await web.control("PATCH", "/v2/sandboxes")
    assert response.status_code in (404, 405)
    assert response.json()["code"] == response.status_code


async def test_an_unknown_sandbox(sdk):
    with pytest.raises(SandboxNotFoundException):
        await sdk.Sandbox.connect("i0000000000000000000")
    with pytest.raises(SandboxNotFoundException):
        await sdk.Sandbox.get_info("i0000000000000000000")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/process.Process/SendSignal", {"process": {"pid": 999999}, "signal": "SIGNAL_SIGKILL"}, "not_found"),
        ("/process.Process/SendInput", {"process": {"tag": "none"}, "input": {"stdin": "YQ=="}}, "not_found"),
        ("/process.Process/Update", {"process": {"pid": 999999}, "pty": {"size": {"cols": 1, "rows": 1}}}, "not_found"),
        ("/filesystem.Filesystem/Stat", {"path": "/gone"}, "not_found"),
        ("/filesystem.Filesystem/ListDir", {"path": "/etc/passwd"}, "invalid_argument"),
        ("/filesystem.Filesystem/GetWatcherEvents", {"watcherId": "none"}, "not_found"),
        ("/process.Process/NoSuchMethod", {}, None),
    ],
)
async def test_unary_calls_fail_in_the_protocols_words(box, web, path, body, code):
    token = getattr(box, "target", box)._envd_access_token
    headers = {"x-access-token": token, "connect-protocol-version": "1"}
    response = await web.port(box, 49983, path, "POST", json=body, headers=headers)
    statuses = {"not_found": 404, "invalid_argument": 400}
    if code is None:
        assert response.status_code in (404, 501)
        return
    assert response.status_code == statuses[code], response.text
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()["code"] == code and response.json()["message"]


async def test_unary_calls_take_both_spellings_of_fields(box, web):
    token = getattr(box, "target", box)._envd_access_token
    made = await web.port(
        box,
        49983,
        "/filesystem.Filesystem/CreateWatcher",
        "POST",
        json={"path": "/home/user", "include_entry": True},
        headers={"x-access-token": token},
    )
    assert made.status_code == 200, made.text
    watcher = made.json()["watcherId"]
    drained = await web.port(
        box, 49983, "/filesystem.Filesystem/GetWatcherEvents", "POST", json={"watcher_id": watcher}, headers={"x-access-token": token}
    )
    assert drained.status_code == 200, drained.text


async def test_the_default_values_of_events_are_left_out(box, web):
    token = getattr(box, "target", box)._envd_access_token
    message = json.dumps({"process": {"cmd": "/bin/bash", "args": ["-l", "-c", "echo hello"]}, "stdin": False}).encode()
    response = await web.port(
        box,
        49983,
        "/process.Process/Start",
        "POST",
        content=b"\0" + len(message).to_bytes(4, "big") + message,
        headers={"x-access-token": token, "content-type": "application/connect+json", "connect-protocol-version": "1"},
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/connect+json"
    frames, rest = [], response.content
    while rest:
        length = int.from_bytes(rest[1:5], "big")
        frames.append((rest[0], json.loads(rest[5 : 5 + length])))
        rest = rest[5 + length :]
    assert "pid" in frames[0][1]["event"]["start"]
    assert frames[1] == (0, {"event": {"data": {"stdout": "aGVsbG8K"}}})
    assert frames[-2][1]["event"]["end"] == {"exited": True, "status": "exit status 0"}
    assert frames[-1] == (2, {})


async def test_envd_tells_its_metrics_and_environment(boxes, web):
    box = await boxes(envs={"FOO": "bar"})
    headers = {"x-access-token": getattr(box, "target", box)._envd_access_token}
    metrics = (await web.port(box, 49983, "/metrics", headers=headers)).json()
    assert {"ts", "cpu_count", "cpu_used_pct", "mem_total", "mem_used", "disk_used", "disk_total"} <= set(metrics)
    assert (await web.port(box, 49983, "/envs", headers=headers)).json()["FOO"] == "bar"
    health = await web.port(box, 49983, "/health")
    assert health.status_code == 204 and health.content == b""


async def test_templates_that_do_not_fit_a_request(sdk):
    with pytest.raises(SandboxException):
        await sdk.Sandbox.create("Not A Template Name!")
