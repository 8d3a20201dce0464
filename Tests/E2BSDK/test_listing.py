"""Lists of sandboxes: filters, order, pages."""

import asyncio
import datetime

import pytest
import pytest_asyncio
from e2b import SandboxException, SandboxQuery, SandboxState


async def everything(paginator) -> list:
    found = []
    while paginator.has_next:
        found += await paginator.next_items()
    return found


def ids(sandboxes) -> list[str]:
    return [each.sandbox_id for each in sandboxes]


@pytest_asyncio.fixture
async def trio(boxes, mark):
    """Three sandboxes one after the other, the oldest first."""
    return [await boxes(metadata={"mark": mark, "number": str(number)}) for number in range(3)]


async def test_a_new_sandbox_is_listed(sdk, boxes, mark):
    box = await boxes(metadata={"mark": mark})
    [listed] = await everything(sdk.Sandbox.list(query=SandboxQuery(metadata={"mark": mark})))
    info = await box.get_info()
    assert listed.sandbox_id == box.sandbox_id
    assert listed.state == SandboxState.RUNNING
    assert listed.metadata == {"mark": mark}
    assert (listed.template_id, listed.started_at, listed.cpu_count, listed.memory_mb) == (
        info.template_id,
        info.started_at,
        info.cpu_count,
        info.memory_mb,
    )


async def test_a_list_without_filter_has_all(sdk, boxes):
    box = await boxes()
    assert box.sandbox_id in ids(await everything(sdk.Sandbox.list()))


async def test_a_killed_sandbox_is_not_listed(sdk, boxes, mark):
    box = await boxes(metadata={"mark": mark})
    await box.kill()
    assert await everything(sdk.Sandbox.list(query=SandboxQuery(metadata={"mark": mark}))) == []


@pytest.mark.parametrize("value", ["v 1&2", "a=b", "100%", "a+b", "ü🏜", "a%20b", "x,y;z", "slash/back\\", '"quoted"', ""])
async def test_metadata_filter_takes_any_character(sdk, boxes, mark, value):
    box, _ = await asyncio.gather(boxes(metadata={mark: value, "k&=": "x"}), boxes(metadata={mark: "another"}))
    found = await everything(sdk.Sandbox.list(query=SandboxQuery(metadata={mark: value})))
    assert ids(found) == [box.sandbox_id]


async def test_metadata_filter_takes_any_character_in_keys(sdk, boxes, mark):
    key = f"{mark} & = % + ü"
    box = await boxes(metadata={key: "1"})
    assert ids(await everything(sdk.Sandbox.list(query=SandboxQuery(metadata={key: "1"})))) == [box.sandbox_id]


async def test_metadata_filter_wants_all_of_it(sdk, trio, mark):
    query = SandboxQuery(metadata={"mark": mark, "number": "1"})
    assert ids(await everything(sdk.Sandbox.list(query=query))) == [trio[1].sandbox_id]
    query = SandboxQuery(metadata={"mark": mark, "number": "9"})
    assert await everything(sdk.Sandbox.list(query=query)) == []


async def test_pages(sdk, trio, mark):
    paginator = sdk.Sandbox.list(query=SandboxQuery(metadata={"mark": mark}), limit=1)
    pages = []
    while paginator.has_next:
        pages.append(await paginator.next_items())
    pages = [page for page in pages if page]
    assert [len(page) for page in pages] == [1, 1, 1]
    assert [page[0].sandbox_id for page in pages] == [box.sandbox_id for box in reversed(trio)]
    assert not paginator.next_token


async def test_pages_go_on_from_a_token(sdk, trio, mark):
    query = SandboxQuery(metadata={"mark": mark})
    first = sdk.Sandbox.list(query=query, limit=2)
    assert len(await first.next_items()) == 2
    rest = await everything(sdk.Sandbox.list(query=query, limit=2, next_token=first.next_token))
    assert ids(rest) == [trio[0].sandbox_id]


async def test_pages_do_not_repeat_when_sandboxes_are_made_between(sdk, boxes, trio, mark):
    paginator = sdk.Sandbox.list(query=SandboxQuery(metadata={"mark": mark}), limit=2)
    seen = ids(await paginator.next_items())
    await boxes(metadata={"mark": mark, "number": "late"})
    while paginator.has_next:
        seen += ids(await paginator.next_items())
    assert seen == [box.sandbox_id for box in reversed(trio)]


async def test_a_made_up_token_is_refused(sdk):
    with pytest.raises(SandboxException, match="400"):
        await sdk.Sandbox.list(next_token="nonsense!").next_items()


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_order_by_start(sdk, trio, mark, order):
    found = ids(await everything(sdk.Sandbox.list(query=SandboxQuery(metadata={"mark": mark}), order=order, limit=2)))
    expected = [box.sandbox_id for box in trio]
    assert found == (expected if order == "asc" else expected[::-1])


async def test_filter_by_state(sdk, boxes, mark):
    running, paused = await asyncio.gather(boxes(metadata={"mark": mark}), boxes(metadata={"mark": mark}))
    await paused.pause()
    metadata = {"mark": mark}

    async def listed(*states):
        return set(ids(await everything(sdk.Sandbox.list(query=SandboxQuery(metadata=metadata, state=list(states) or None)))))

    assert await listed(SandboxState.RUNNING) == {running.sandbox_id}
    assert await listed(SandboxState.PAUSED) == {paused.sandbox_id}
    assert await listed(SandboxState.RUNNING, SandboxState.PAUSED) == {running.sandbox_id, paused.sandbox_id}
    assert await listed() == {running.sandbox_id, paused.sandbox_id}


async def test_filter_by_start(sdk, trio, mark):
    started = (await trio[1].get_info()).started_at
    query = SandboxQuery(metadata={"mark": mark}, started_after=started)
    assert set(ids(await everything(sdk.Sandbox.list(query=query)))) == {trio[1].sandbox_id, trio[2].sandbox_id}
    query.started_after = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    assert await everything(sdk.Sandbox.list(query=query)) == []


async def test_filter_by_template(sdk, boxes, mark):
    box = await boxes("base", metadata={"mark": mark})
    metadata = {"mark": mark}
    assert ids(await everything(sdk.Sandbox.list(query=SandboxQuery(metadata=metadata, template="base")))) == [box.sandbox_id]
    assert await everything(sdk.Sandbox.list(query=SandboxQuery(metadata=metadata, template="code-interpreter-v1"))) == []
    assert await everything(sdk.Sandbox.list(query=SandboxQuery(metadata=metadata, template=f"none-{mark}"))) == []


async def test_filter_by_template_with_a_tag_is_refused(sdk):
    with pytest.raises(SandboxException, match="400"):
        await sdk.Sandbox.list(query=SandboxQuery(template="base:latest")).next_items()


@pytest.mark.parametrize("parameters", [{"limit": "0"}, {"limit": "x"}, {"state": "asleep"}, {"order": "sideways"}, {"startedAfter": "noon"}])
async def test_a_filter_that_makes_no_sense_is_refused(web, parameters):
    response = await web.control("GET", "/v2/sandboxes", params=parameters)
    assert response.status_code == 400, response.text
    assert response.json()["code"] == 400 and response.json()["message"]


async def test_the_list_of_old_has_the_running_ones(web, boxes, mark):
    running, paused = await asyncio.gather(boxes(metadata={"mark": mark}), boxes(metadata={"mark": mark}))
    await paused.pause()
    response = await web.control("GET", "/sandboxes", params={"metadata": f"mark={mark}"})
    assert response.status_code == 200, response.text
    assert [each["sandboxID"] for each in response.json()] == [running.sandbox_id]


async def test_the_number_of_running_sandboxes_is_told(web, box):
    response = await web.control("GET", "/v2/sandboxes", params={"limit": 1})
    assert response.status_code == 200
    assert int(response.headers["x-total-running"]) >= 1
