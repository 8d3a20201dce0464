"""What sandboxes may reach, tried with a server of this machine: no internet is needed."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import os

import pytest
from e2b import ALL_TRAFFIC, SandboxException, SandboxNotFoundException

# An address of this machine that the gateway lets sandboxes reach, as far as each may.
ADDRESS = os.environ.get("SANDSTORM_E2B_ADDRESS", "")
needs_address = pytest.mark.skipif(not ADDRESS, reason="this machine has no address but loopback")


@pytest.fixture(scope="session")
def outside():
    """A server outside all sandboxes; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"outside")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((ADDRESS or "127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()


async def reaches(box, port: int) -> bool:
    result = await box.commands.run(f"curl -s -m 3 http://{ADDRESS}:{port}/ || true")
    return result.stdout == "outside"


@needs_address
async def test_by_default_everything_is_reached(box, outside):
    assert await reaches(box, outside)


@needs_address
async def test_without_internet_access_nothing_is(boxes, outside):
    box = await boxes(allow_internet_access=False)
    assert not await reaches(box, outside)
    assert (await box.get_info()).allow_internet_access is False


@needs_address
async def test_denying_all_is_no_internet_access(boxes, outside):
    box = await boxes(network={"deny_out": [ALL_TRAFFIC]})
    assert not await reaches(box, outside)
    assert (await box.get_info()).network["deny_out"] == [ALL_TRAFFIC]


@needs_address
async def test_allowing_beats_denying(boxes, outside):
    box = await boxes(network={"allow_out": [ADDRESS], "deny_out": [ALL_TRAFFIC]})
    assert await reaches(box, outside)
    network = (await box.get_info()).network
    assert network["allow_out"] == [ADDRESS] and network["deny_out"] == [ALL_TRAFFIC]


@needs_address
async def test_what_is_not_allowed_is_not_reached(boxes, outside):
    box = await boxes(network={"allow_out": ["192.0.2.7"], "deny_out": [ALL_TRAFFIC]})
    assert not await reaches(box, outside)


@needs_address
async def test_rules_can_be_callables(boxes, outside):
    box = await boxes(network={"deny_out": lambda context: [context.all_traffic]})
    assert not await reaches(box, outside)


@needs_address
async def test_an_update_takes_effect_or_is_refused_in_the_dialects_words(box, outside):
    try:
        await box.update_network({"deny_out": [ALL_TRAFFIC]})
    except SandboxException as error:
        # A place that can't change the network of what runs says so, and nothing has changed.
        assert str(error)[:3] in ("400", "409", "501") and len(str(error)) > 10
        assert await reaches(box, outside)
        return
    assert not await reaches(box, outside)
    await box.update_network({})
    assert await reaches(box, outside)


async def test_info_shows_the_network_as_it_was_asked_for(boxes):
    box = await boxes(network={"allow_public_traffic": False, "mask_request_host": "${PORT}.example.com"})
    network = (await box.get_info()).network
    assert network["allow_public_traffic"] is False
    assert network["mask_request_host"] == "${PORT}.example.com"


async def test_domains_are_only_allowed_where_the_rest_is_denied(sdk):
    with pytest.raises(SandboxException, match="400"):
        await sdk.Sandbox.create(network={"allow_out": ["example.com"]})


async def test_domains_can_not_be_denied(sdk):
    with pytest.raises(SandboxException, match="400"):
        await sdk.Sandbox.create(network={"deny_out": ["example.com"]})


async def test_the_agents_port_can_not_speak_tls(sdk):
    with pytest.raises(SandboxException, match="400"):
        await sdk.Sandbox.create(network={"https_ports": [49983]})


async def test_update_of_what_is_gone_says_so(box):
    await box.kill()
    with pytest.raises(SandboxNotFoundException):
        await box.update_network({})


async def test_update_of_a_paused_sandbox_says_so(box):
    await box.pause()
    with pytest.raises(SandboxNotFoundException):
        await box.update_network({})


async def test_a_proxy_for_what_goes_out_is_refused_where_there_is_none(sdk):
    with pytest.raises(SandboxException, match="400|403"):
        await sdk.Sandbox.create(network={"egress_proxy": {"address": "proxy.example.com:1080"}})


async def test_headers_for_what_goes_out_are_refused_where_nothing_adds_them(sdk):
    rules = {"api.example.com": [{"transform": {"headers": {"x-a": "b"}}}]}
    with pytest.raises(SandboxException, match="400|403"):
        await sdk.Sandbox.create(network={"allow_out": ["api.example.com"], "deny_out": [ALL_TRAFFIC], "rules": rules})


async def test_loopback_inside_is_always_there(boxes):
    box = await boxes(allow_internet_access=False)
    script = "python3 -m http.server 9000 >/dev/null 2>&1 & for i in $(seq 50); do curl -s -o /dev/null http://127.0.0.1:9000/ && echo yes && break; sleep 0.1; done; kill %1"
    assert (await box.commands.run(script)).stdout == "yes\n"
