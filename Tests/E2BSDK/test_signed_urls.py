"""URLs that carry their own right to one file, over host names as the SDK makes them."""

import time

import pytest
import pytest_asyncio
from e2b import get_signature

FLAVOURS = ["async"]


@pytest_asyncio.fixture
async def named(sdk, boxes, gateway):
    """A sandbox reached by host names."""
    named = sdk.with_options(**gateway.options("tls"), api_url=None, sandbox_url=None)
    return boxes.adopt(await named.Sandbox.create(timeout=300))


async def test_download(named, web):
    await named.files.write("note ü&.txt", "signed content")
    response = await web.host(named.download_url("note ü&.txt"))
    assert (response.status_code, response.text) == (200, "signed content")


async def test_download_of_an_absolute_path_as_root(named, web):
    await named.files.write("/root/secret.txt", "root's", user="root")
    response = await web.host(named.download_url("/root/secret.txt", user="root"))
    assert (response.status_code, response.text) == (200, "root's")


async def test_download_with_an_expiration(named, web):
    await named.files.write("note.txt", "x")
    response = await web.host(named.download_url("note.txt", use_signature_expiration=60))
    assert (response.status_code, response.text) == (200, "x")


async def test_download_after_the_expiration(named, web):
    await named.files.write("note.txt", "x")
    signature = get_signature("note.txt", "read", None, named_token(named), -10)
    url = named.download_url("note.txt").split("?")[0]
    parameters = {"path": "note.txt", "signature": signature["signature"], "signature_expiration": str(signature["expiration"])}
    response = await web.host(url, params=parameters)
    assert response.status_code == 401
    assert response.json()["code"] == 401


async def test_an_expiration_can_not_be_put_off(named, web):
    await named.files.write("note.txt", "x")
    signature = get_signature("note.txt", "read", None, named_token(named), 60)
    url = named.download_url("note.txt").split("?")[0]
    for expiration in [str(int(time.time()) + 3600), "", "x"]:
        parameters = {"path": "note.txt", "signature": signature["signature"], "signature_expiration": expiration}
        response = await web.host(url, params=parameters)
        assert response.status_code in (400, 401), expiration


async def test_upload(named, web):
    response = await web.host(named.upload_url("up.txt"), "POST", files={"file": ("up.txt", b"uploaded")})
    assert response.status_code == 200, response.text
    [entry] = response.json()
    assert (entry["name"], entry["path"], entry["type"]) == ("up.txt", "/home/user/up.txt", "file")
    assert await named.files.read("up.txt") == "uploaded"


async def test_upload_with_an_expiration(named, web):
    response = await web.host(named.upload_url("up.txt", use_signature_expiration=60), "POST", files={"file": ("x", b"up")})
    assert response.status_code == 200, response.text
    assert await named.files.read("up.txt") == "up"


async def test_a_signature_is_for_one_path_and_one_direction(named, web):
    await named.files.write("note.txt", "x")
    await named.files.write("other.txt", "y")
    read, write = named.download_url("note.txt"), named.upload_url("note.txt")
    assert (await web.host(read.replace("note.txt", "other.txt"))).status_code == 401
    assert (await web.host(write)).status_code == 401
    assert (await web.host(read, "POST", files={"file": ("x", b"z")})).status_code == 401
    assert (await web.host(read + "&username=root")).status_code == 401
    assert await named.files.read("note.txt") == "x"


async def test_no_signature_and_no_token_is_refused(named, web):
    url = named.download_url("note.txt").split("?")[0]
    response = await web.host(url, params={"path": "note.txt"})
    assert response.status_code == 401 and response.json()["code"] == 401
    response = await web.host(url, params={"path": "note.txt", "signature": "v1_nonsense"})
    assert response.status_code == 401


@pytest.mark.parametrize("range, expected", [("bytes=2-4", "234"), ("bytes=7-", "789"), ("bytes=-3", "789")])
async def test_download_of_a_part(named, web, range, expected):
    await named.files.write("digits.txt", "0123456789")
    headers = {"range": range, "accept-encoding": "identity"}
    response = await web.host(named.download_url("digits.txt"), headers=headers)
    assert (response.status_code, response.text) == (206, expected)
    assert response.headers["content-range"].endswith("/10")


async def test_download_of_a_part_that_is_not_there(named, web):
    await named.files.write("digits.txt", "0123456789")
    headers = {"range": "bytes=50-60", "accept-encoding": "identity"}
    assert (await web.host(named.download_url("digits.txt"), headers=headers)).status_code == 416


def named_token(box) -> str:
    """The sandbox's token, which the SDK keeps to itself."""
    target = getattr(box, "target", box)
    return target._envd_access_token
