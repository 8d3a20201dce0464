"""Volumes, which outlive sandboxes, and secrets, which are never shown again."""

import contextlib

import pytest
import pytest_asyncio
from e2b import SandboxException, SecretException, SecretNotFoundException, VolumeException, VolumeNotFoundException


@pytest_asyncio.fixture
async def volume(sdk, mark):
    made = await sdk.Volume.create(f"volume-{mark[:12]}")
    yield made
    await sdk.Volume.destroy(made.volume_id)


async def test_a_volume_is_there_until_destroyed(sdk, mark):
    name = f"volume-{mark[:12]}"
    made = await sdk.Volume.create(name)
    try:
        assert made.name == name and made.volume_id and made.token
        info = await sdk.Volume.get_info(made.volume_id)
        assert (info.volume_id, info.name) == (made.volume_id, name) and info.token
        assert made.volume_id in [each.volume_id for each in await sdk.Volume.list()]
        assert (await sdk.Volume.connect(made.volume_id)).name == name
    finally:
        assert await sdk.Volume.destroy(made.volume_id) is True
    assert await sdk.Volume.destroy(made.volume_id) is False
    with pytest.raises(VolumeNotFoundException):
        await sdk.Volume.get_info(made.volume_id)
    assert made.volume_id not in [each.volume_id for each in await sdk.Volume.list()]


async def test_a_volume_of_another_is_not_there(stranger, volume):
    with pytest.raises(VolumeNotFoundException):
        await stranger.Volume.get_info(volume.volume_id)
    assert await stranger.Volume.destroy(volume.volume_id) is False
    assert volume.volume_id not in [each.volume_id for each in await stranger.Volume.list()]


async def test_a_volume_with_a_bad_name_is_refused(sdk):
    with pytest.raises((VolumeException, SandboxException)):
        await sdk.Volume.create("not a name/../")


async def test_a_volume_name_can_be_taken_once(sdk, volume):
    with pytest.raises((VolumeException, SandboxException)):
        again = await sdk.Volume.create(volume.name)
        await sdk.Volume.destroy(again.volume_id)


async def test_a_mounted_volume_is_shared_or_refused_in_the_dialects_words(sdk, boxes, volume):
    try:
        first = await boxes(volume_mounts={"/home/user/shared": volume.name})
    except SandboxException as error:
        # A place that can't mount says so, and makes nothing.
        assert str(error).startswith("400") and len(str(error)) > 10
        return
    assert (await first.get_info()).volume_mounts == [{"name": volume.name, "path": "/home/user/shared"}]
    await first.files.write("/home/user/shared/note.txt", "from the first")
    await first.kill()
    second = await boxes(volume_mounts={"/mnt/other": volume.name})
    assert await second.files.read("/mnt/other/note.txt") == "from the first"


async def test_mounting_an_unknown_volume_is_refused(sdk, mark):
    with pytest.raises(SandboxException, match="400|404"):
        await sdk.Sandbox.create(volume_mounts={"/mnt/x": f"none-{mark[:12]}"})


async def test_the_content_of_a_volume_is_served_or_refused_in_the_dialects_words(volume):
    try:
        await volume.write_file("/note.txt", "in the volume")
    except VolumeException as error:
        # A place that keeps no content says so, at every route of it.
        assert str(error)[:3] in ("400", "501") and len(str(error)) > 10
        for call in [volume.read_file("/note.txt"), volume.list("/"), volume.make_dir("/d"), volume.remove("/note.txt")]:
            with pytest.raises(VolumeException):
                await call
        return
    assert await volume.read_file("/note.txt") == "in the volume"
    assert [entry.name for entry in await volume.list("/")] == ["note.txt"]


@pytest_asyncio.fixture
async def secret(sdk, mark):
    made = await sdk.Secret.create(f"secret-{mark[:12]}", "the value", metadata={"team": "blue"})
    yield made
    with contextlib.suppress(SecretNotFoundException):
        await sdk.Secret.destroy(made.secret_id)


async def test_a_secret_is_there_until_destroyed(sdk, secret):
    assert secret.secret_id and secret.version >= 1 and secret.metadata == {"team": "blue"}
    for reference in [secret.secret_id, secret.name]:
        info = await sdk.Secret.get_info(reference)
        assert (info.secret_id, info.name, info.metadata) == (secret.secret_id, secret.name, {"team": "blue"})
        assert await sdk.Secret.exists(reference) is True
    assert await sdk.Secret.destroy(secret.secret_id) is True
    assert await sdk.Secret.destroy(secret.secret_id) is False
    assert await sdk.Secret.exists(secret.secret_id) is False
    with pytest.raises(SecretNotFoundException):
        await sdk.Secret.get_info(secret.secret_id)


async def test_secrets_are_listed(sdk, secret):
    found = []
    paginator = sdk.Secret.list(limit=50)
    while paginator.has_next:
        found += await paginator.next_items()
    assert secret.secret_id in [each.secret_id for each in found]


async def test_the_value_of_a_secret_is_never_shown(web, secret):
    for path in ["/secrets", f"/secrets/{secret.secret_id}"]:
        response = await web.control("GET", path)
        assert response.status_code == 200, response.text
        assert "the value" not in response.text


async def test_a_new_value_is_a_new_version(sdk, secret):
    updated = await sdk.Secret.update(secret.secret_id, "another", metadata={"team": "red"})
    assert updated.version > secret.version
    assert (await sdk.Secret.get_info(secret.secret_id)).metadata == {"team": "red"}


async def test_a_secrets_name_can_be_taken_once(sdk, secret):
    with pytest.raises(SecretException, match="409"):
        await sdk.Secret.create(secret.name, "other")


async def test_a_secret_of_another_is_not_there(stranger, secret):
    with pytest.raises(SecretNotFoundException):
        await stranger.Secret.get_info(secret.secret_id)
    assert await stranger.Secret.destroy(secret.secret_id) is False
    assert await stranger.Secret.exists(secret.name) is False


async def test_an_unknown_secret_says_so(sdk, mark):
    assert await sdk.Secret.exists(f"none-{mark[:12]}") is False
    with pytest.raises(SecretNotFoundException):
        await sdk.Secret.update(f"none-{mark[:12]}", "x")
