"""Servers inside sandboxes, reached from outside by both forms of address."""

import asyncio
import ssl
import time

import pytest
import websockets

from support.inside import serve

PORT = 8080
FLAVOURS = ["async"]


def url(box, gateway, port: int = PORT, path: str = "/") -> str:
    return f"https://{port}-{box.sandbox_id}.{gateway.domain}{path}"


async def test_get_host_names_the_port_and_the_sandbox(sdk, boxes, gateway):
    box = await sdk.with_options(domain=gateway.domain).Sandbox.create(timeout=60, sandbox_url=None, api_url=None)
    boxes.adopt(box)
    assert box.get_host(3000) == f"3000-{box.sandbox_id}.{gateway.domain}"


async def test_a_server_by_its_host_name(sdk, box, web, gateway):
    await serve(sdk, box, PORT)
    response = await web.host(url(box, gateway, path="/some/path?q=1&r=%20"))
    assert response.status_code == 200, response.text
    assert response.json()["path"] == "/some/path?q=1&r=%20"
    assert response.headers["x-from-inside"] == "yes"


async def test_a_server_by_routing_headers(sdk, box, web):
    await serve(sdk, box, PORT)
    response = await web.port(box, PORT, "/by/header")
    assert response.status_code == 200, response.text
    assert response.json()["path"] == "/by/header"


async def test_methods_bodies_statuses_and_headers_pass(sdk, box, web):
    await serve(sdk, box, PORT)
    said = (await web.port(box, PORT, "/p", "POST", content="the body", headers={"x-mine": "1"})).json()
    assert (said["method"], said["body"]) == ("POST", "the body")
    assert {name.lower(): value for name, value in said["headers"].items()}["x-mine"] == "1"
    teapot = await web.port(box, PORT, "/teapot", "PUT", content=b"x" * 100_000)
    assert (teapot.status_code, teapot.text) == (418, "short and stout")
    assert len((await web.port(box, PORT, "/big")).content) == 3_000_000


async def test_the_gateways_own_paths_belong_to_the_server_on_other_ports(sdk, box, web):
    await serve(sdk, box, PORT)
    for path in ["/health", "/files", "/sandboxes", "/v2/sandboxes", "/process.Process/List"]:
        response = await web.port(box, PORT, path)
        assert response.status_code == 200 and response.json()["path"] == path, (path, response.text)


async def test_secrets_of_the_gateway_do_not_reach_the_server(sdk, box, web, gateway):
    await serve(sdk, box, PORT)
    said = (await web.port(box, PORT, headers={"x-api-key": gateway.key})).text
    assert gateway.key not in said


async def test_answers_stream(sdk, box, web, gateway):
    await serve(sdk, box, PORT)
    times = []
    headers = {"e2b-sandbox-id": box.sandbox_id, "e2b-sandbox-port": str(PORT)}
    async with web.client.stream("GET", gateway.url + "/slow", headers=headers) as response:
        async for _ in response.aiter_raw():
            times.append(time.monotonic())
    assert times[-1] - times[0] > 0.5


async def test_web_sockets_by_host_name(sdk, box, gateway):
    await serve(sdk, box, PORT)
    context = ssl.create_default_context(cafile=gateway.authority)
    port = int(gateway.domain.rsplit(":", 1)[1])
    address = f"wss://{PORT}-{box.sandbox_id}.{gateway.domain}/ws"
    async with websockets.connect(address, ssl=context, host="127.0.0.1", port=port, proxy=None) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"
        await socket.send(b"\x00\xff" * 1000)
        assert await socket.recv() == b"\x00\xff" * 1000


async def test_web_sockets_by_routing_headers(sdk, box, gateway):
    await serve(sdk, box, PORT)
    address = gateway.url.replace("http://", "ws://") + "/ws"
    headers = {"e2b-sandbox-id": box.sandbox_id, "e2b-sandbox-port": str(PORT)}
    async with websockets.connect(address, additional_headers=headers, proxy=None) as socket:
        await socket.send("hello")
        assert await socket.recv() == "hello"


async def test_where_nothing_listens_the_proxy_says_so(box, web, gateway):
    for response in [await web.port(box, 8199), await web.host(url(box, gateway, 8199))]:
        assert response.status_code == 502
        body = response.json()
        assert body["code"] == 502 and "port is not open" in body["message"] and body["port"] == 8199
        assert body["sandboxId"] == box.sandbox_id


async def test_of_no_sandbox_the_proxy_says_so(box, web, gateway):
    await box.kill()
    for response in [await web.port(box, PORT), await web.host(url(box, gateway))]:
        assert response.status_code == 502
        body = response.json()
        assert body["code"] == 502 and "was not found" in body["message"] and body["sandboxId"] == box.sandbox_id


@pytest.mark.parametrize("headers", [{"e2b-sandbox-id": "i123"}, {"e2b-sandbox-port": "80"}, {"e2b-sandbox-id": "../x", "e2b-sandbox-port": "80"}])
async def test_half_an_address_is_refused(web, gateway, headers):
    response = await web.client.get(gateway.url + "/", headers=headers)
    assert 400 <= response.status_code < 503 and response.content


async def test_without_public_traffic_a_token_is_needed(sdk, boxes, web, gateway):
    box = await boxes(network={"allow_public_traffic": False})
    assert box.traffic_access_token
    await serve(sdk, box, PORT)
    for token in [None, "wrong", "ea600b8c69a1cf79"]:
        headers = {"e2b-traffic-access-token": token} if token else {}
        for response in [await web.port(box, PORT, headers=headers), await web.host(url(box, gateway), headers=headers)]:
            assert response.status_code == 403, response.text
            assert response.json()["code"] == 403
    headers = {"e2b-traffic-access-token": box.traffic_access_token}
    assert (await web.port(box, PORT, headers=headers)).status_code == 200
    assert (await web.host(url(box, gateway), headers=headers)).status_code == 200


async def test_a_traffic_token_is_of_one_sandbox(sdk, boxes, web):
    one, other = await asyncio.gather(*(boxes(network={"allow_public_traffic": False}) for _ in range(2)))
    await serve(sdk, one, PORT)
    assert one.traffic_access_token != other.traffic_access_token
    response = await web.port(one, PORT, headers={"e2b-traffic-access-token": other.traffic_access_token})
    assert response.status_code == 403


async def test_with_public_traffic_no_token_is_needed(sdk, box, web):
    assert box.traffic_access_token is None
    await serve(sdk, box, PORT)
    assert (await web.port(box, PORT)).status_code == 200


async def test_the_host_shown_to_the_server_can_be_masked(sdk, boxes, web):
    box = await boxes(network={"mask_request_host": "${PORT}-masked.example.com"})
    await serve(sdk, box, PORT)
    headers = (await web.port(box, PORT)).json()["headers"]
    assert {name.lower(): value for name, value in headers.items()}["host"] == f"{PORT}-masked.example.com"


async def test_a_server_of_a_paused_sandbox_wakes_it_if_it_was_made_so(sdk, boxes, web):
    box = await boxes(lifecycle={"on_timeout": "pause", "auto_resume": True})
    await serve(sdk, box, PORT)
    await box.pause()
    assert (await web.port(box, PORT, "/woken")).json()["path"] == "/woken"


async def test_control_routes_of_the_agent_are_not_for_outside(box, web):
    headers = {"x-access-token": box.connection_config.sandbox_headers.get("X-Access-Token", "")}
    for path in ["/init", "/freeze", "/unfreeze", "/collapse"]:
        response = await web.port(box, 49983, path, "POST", headers=headers)
        assert response.status_code in (401, 404), (path, response.text)
