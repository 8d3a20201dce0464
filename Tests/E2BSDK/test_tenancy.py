"""One tenant never sees another's sandbox: not by a route, not by a header, not by a guessed id."""

import asyncio

import pytest
from e2b import (
    AuthenticationException,
    NotFoundException,
    SandboxException,
    SandboxNotFoundException,
    SandboxQuery,
)

from support.inside import serve


def token(box) -> str:
    return getattr(box, "target", box)._envd_access_token


async def test_a_wrong_key_is_refused(sdk):
    for key in ["wrong", "sandstorm_" + "0" * 64, "e2b_" + "0" * 40]:
        with pytest.raises(AuthenticationException):
            await sdk.Sandbox.create(api_key=key)
        with pytest.raises(AuthenticationException):
            await sdk.Sandbox.list(api_key=key).next_items()


async def test_no_key_is_refused(web, gateway):
    for path in ["/v2/sandboxes", "/sandboxes/i1", "/snapshots", "/v2/templates"]:
        response = await web.client.get(gateway.url + path)
        assert response.status_code == 401, path
        assert response.json()["code"] == 401 and response.json()["message"]


async def test_the_sandboxes_of_another_are_not_there(stranger, box):
    id = box.sandbox_id
    with pytest.raises(SandboxNotFoundException):
        await stranger.Sandbox.get_info(id)
    with pytest.raises(SandboxNotFoundException):
        await stranger.Sandbox.connect(id)
    with pytest.raises(SandboxNotFoundException):
        await stranger.Sandbox.set_timeout(id, 1)
    with pytest.raises(SandboxNotFoundException):
        await stranger.Sandbox.pause(id)
    with pytest.raises(SandboxNotFoundException):
        await stranger.Sandbox.get_metrics(id)
    with pytest.raises(SandboxNotFoundException):
        await stranger.Sandbox.fork(id)
    with pytest.raises(NotFoundException):
        await stranger.Sandbox.create_snapshot(id)
    with pytest.raises(SandboxNotFoundException):
        await stranger.Sandbox.update_network(id, {"deny_out": ["0.0.0.0/0"]})
    assert await stranger.Sandbox.kill(id) is False
    assert await box.is_running()


async def test_the_sandboxes_of_another_are_not_listed(stranger, boxes, mark):
    box = await boxes(metadata={"mark": mark})
    assert await stranger.Sandbox.list(query=SandboxQuery(metadata={"mark": mark})).next_items() == []
    # Another scenario may have made one for the stranger.
    assert box.sandbox_id not in [each.sandbox_id for each in await stranger.Sandbox.list().next_items()]


async def test_routes_without_a_method_do_not_show_them_either(web, gateway, box):
    id, key = box.sandbox_id, gateway.other_key
    for method, path in [
        ("GET", f"/sandboxes/{id}"),
        ("GET", f"/v2/sandboxes/{id}/logs"),
        ("GET", f"/sandboxes/{id}/logs"),
        ("POST", f"/sandboxes/{id}/refreshes"),
        ("POST", f"/sandboxes/{id}/resume"),
        ("POST", f"/v2/sandboxes/{id}/connect"),
        ("GET", f"/sandboxes/{id}-6532622b"),
    ]:
        response = await web.control(method, path, key=key, **({"json": {}} if method == "POST" else {}))
        assert response.status_code == 404, (path, response.text)
        assert response.json()["code"] == 404
    many = await web.control("GET", "/sandboxes/metrics", key=key, params={"sandbox_ids": id})
    assert id not in many.text


async def test_the_snapshots_of_another_are_not_there(sdk, stranger, box):
    snapshot = await box.create_snapshot()
    try:
        with pytest.raises(SandboxException):
            await stranger.Sandbox.create(snapshot.snapshot_id)
        assert await stranger.Sandbox.delete_snapshot(snapshot.snapshot_id) is False
        listed = await stranger.Sandbox.list_snapshots().next_items()
        assert snapshot.snapshot_id not in [each.snapshot_id for each in listed]
        assert await stranger.Sandbox.list_snapshots(sandbox_id=box.sandbox_id).next_items() == []
    finally:
        assert await sdk.Sandbox.delete_snapshot(snapshot.snapshot_id) is True


async def test_an_idempotency_key_is_of_one_tenant(stranger, boxes, mark):
    mine = await boxes(idempotency_key=mark)
    theirs = await stranger.Sandbox.create(idempotency_key=mark, timeout=60)
    try:
        assert theirs.sandbox_id != mine.sandbox_id
    finally:
        await theirs.kill()


async def test_without_its_token_a_sandbox_is_closed(box, web):
    for headers in [{}, {"x-access-token": "wrong"}, {"x-access-token": ""}]:
        response = await web.port(box, 49983, "/files", params={"path": "/etc/hostname"}, headers=headers)
        assert response.status_code == 401, response.text
        assert response.json()["code"] == 401
        unary = await web.port(box, 49983, "/process.Process/List", "POST", json={}, headers=headers)
        assert unary.status_code == 401, unary.text
        assert unary.json()["message"]
        environment = await web.port(box, 49983, "/envs", headers=headers)
        assert environment.status_code == 401, environment.text


async def test_a_token_is_of_one_sandbox(sdk, boxes, web):
    one, other = await asyncio.gather(boxes(), boxes())
    assert token(one) and token(one) != token(other)
    response = await web.port(one, 49983, "/process.Process/List", "POST", json={}, headers={"x-access-token": token(other)})
    assert response.status_code == 401
    response = await web.port(one, 49983, "/process.Process/List", "POST", json={}, headers={"x-access-token": token(one)})
    assert response.status_code == 200, response.text


async def test_the_key_is_no_token(box, web, gateway):
    for key in [gateway.key, gateway.other_key]:
        headers = {"x-access-token": key, "x-api-key": key}
        response = await web.port(box, 49983, "/process.Process/List", "POST", json={}, headers=headers)
        assert response.status_code == 401


async def test_the_token_stays_the_same_for_all_who_connect(sdk, box):
    again = await sdk.Sandbox.connect(box.sandbox_id)
    assert token(again) == token(box)


async def test_the_health_of_another_tells_nothing_more_than_of_none(sdk, stranger, box, web):
    await serve(sdk, box, 8080)
    missing = await web.port(type("Box", (), {"sandbox_id": "i0000000000000000000"}), 8080)
    assert missing.status_code == 502 and "was not found" in missing.json()["message"]


async def test_what_is_private_is_not_in_lists(web, box):
    response = await web.control("GET", "/v2/sandboxes")
    assert token(box) not in response.text


async def test_another_tenants_template_is_not_there(sdk, stranger, mark):
    import e2b

    name = f"private-{mark[:12]}"
    template = (e2b.Template if sdk.is_blocking else e2b.AsyncTemplate)().from_template("base").run_cmd("true")
    built = await sdk.Template.build(template, name)
    try:
        with pytest.raises(SandboxException, match="403|404"):
            await stranger.Sandbox.create(name)
        assert await sdk.Template.exists(name) is True
    finally:
        assert await sdk.Sandbox.delete_snapshot(built.template_id) is True
