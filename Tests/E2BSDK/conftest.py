"""What the scenarios share: the gateway, the vendor's SDK in both flavours, and sandboxes that are gone when a scenario is over."""

import asyncio
import uuid

import pytest
import pytest_asyncio

from support.flavours import Flavour
from support.gateway import Gateway, spelled


@pytest.fixture(scope="session")
def gateway() -> Gateway:
    return Gateway.from_environment()


def pytest_generate_tests(metafunc):
    # What a module tests may be the server's doing alone: once is enough then.
    if "sdk" in metafunc.fixturenames:
        metafunc.parametrize("sdk", getattr(metafunc.module, "FLAVOURS", ["sync", "async"]), indirect=True)


@pytest.fixture
def sdk(request, gateway) -> Flavour:
    """The vendor's SDK, once blocking and once asynchronous."""
    return Flavour(request.param, gateway.options())


@pytest.fixture
def stranger(sdk, gateway) -> Flavour:
    """The same with another tenant's key."""
    return sdk.with_options(api_key=spelled(gateway.other_key))


@pytest_asyncio.fixture
async def boxes(sdk):
    """Makes sandboxes, and kills them in the end: `await boxes(template, …)`."""
    made = []

    async def make(*arguments, kind=None, **options):
        box = await (kind or sdk.Sandbox).create(*arguments, **{"timeout": 300, **options})
        made.append(box.sandbox_id)
        return box

    make.adopt = lambda box: made.append(box.sandbox_id) or box
    yield make
    # What a scenario has killed itself is no longer there, which is no error.
    await asyncio.gather(*(sdk.Sandbox.kill(each) for each in made))


@pytest_asyncio.fixture
async def box(boxes):
    """A sandbox of the default template."""
    return await boxes()


@pytest.fixture
def mark() -> str:
    """A word that no other scenario uses."""
    return uuid.uuid4().hex


@pytest_asyncio.fixture
async def web(gateway):
    from support.web import Web

    web = Web(gateway)
    yield web
    await web.client.aclose()

