"""Watched directories, polled by the blocking SDK and streamed by the other."""

import pytest
from e2b import FileNotFoundException, FilesystemEventType, InvalidArgumentException, SandboxException

from support.waiting import eventually

T = FilesystemEventType


async def saw(watch, type, name) -> bool:
    return any(event.type == type and event.name == name for event in await watch.events())


async def test_create_write_remove(sdk, box):
    await box.files.make_dir("watched")
    watch = await sdk.watch(box, "watched")
    await box.files.write("watched/new.txt", "1")
    await eventually(lambda: saw(watch, T.CREATE, "new.txt"))
    await eventually(lambda: saw(watch, T.WRITE, "new.txt"))
    await box.files.remove("watched/new.txt")
    await eventually(lambda: saw(watch, T.REMOVE, "new.txt"))
    await watch.stop()


async def test_write_to_a_file_that_was_there(sdk, box):
    await box.files.write("watched/old.txt", "1")
    watch = await sdk.watch(box, "watched")
    await box.files.write("watched/old.txt", "2")
    await eventually(lambda: saw(watch, T.WRITE, "old.txt"))
    assert not await saw(watch, T.CREATE, "old.txt")
    await watch.stop()


async def test_rename(sdk, box):
    await box.files.write("watched/before.txt", "1")
    watch = await sdk.watch(box, "watched")
    await box.files.rename("watched/before.txt", "watched/after.txt")
    await eventually(lambda: saw(watch, T.RENAME, "before.txt"))
    await watch.stop()


async def test_chmod(sdk, box):
    await box.files.write("watched/f", "1")
    watch = await sdk.watch(box, "watched")
    await box.commands.run("chmod 600 watched/f")
    await eventually(lambda: saw(watch, T.CHMOD, "f"))
    await watch.stop()


async def test_not_below_unless_asked(sdk, box):
    await box.files.make_dir("watched/sub")
    watch = await sdk.watch(box, "watched")
    await box.files.write("watched/sub/deep.txt", "1")
    await box.files.write("watched/last.txt", "1")
    await eventually(lambda: saw(watch, T.WRITE, "last.txt"))
    assert not any(event.name.startswith("sub/") for event in await watch.events())
    await watch.stop()


async def test_recursively(sdk, box):
    await box.files.make_dir("watched/sub")
    watch = await sdk.watch(box, "watched", recursive=True)
    await box.files.write("watched/sub/deep.txt", "1")
    await eventually(lambda: saw(watch, T.WRITE, "sub/deep.txt"))
    await watch.stop()


async def test_recursively_in_a_directory_made_later(sdk, box):
    await box.files.make_dir("watched")
    watch = await sdk.watch(box, "watched", recursive=True)
    await box.files.make_dir("watched/later")
    await eventually(lambda: saw(watch, T.CREATE, "later"))

    async def is_seen():
        await box.files.write("watched/later/deep.txt", "1")
        return await saw(watch, T.WRITE, "later/deep.txt")

    await eventually(is_seen)
    await watch.stop()


async def test_with_the_entry(sdk, box):
    await box.files.make_dir("watched")
    watch = await sdk.watch(box, "watched", include_entry=True)
    await box.files.write("watched/new.txt", "12345")

    async def with_entry():
        return [event for event in await watch.events() if event.entry is not None and event.name == "new.txt"]

    [event, *_] = await eventually(with_entry)
    assert event.entry.name == "new.txt"
    assert event.entry.path == "/home/user/watched/new.txt"
    await watch.stop()


async def test_without_the_entry(sdk, box):
    await box.files.make_dir("watched")
    watch = await sdk.watch(box, "watched")
    await box.files.write("watched/new.txt", "1")
    await eventually(lambda: saw(watch, T.WRITE, "new.txt"))
    assert all(event.entry is None for event in await watch.events())
    await watch.stop()


async def test_events_come_once(sdk, box):
    await box.files.make_dir("watched")
    watch = await sdk.watch(box, "watched")
    await box.commands.run("mkdir watched/d")
    await eventually(lambda: saw(watch, T.CREATE, "d"))
    await box.commands.run("mkdir watched/e")
    await eventually(lambda: saw(watch, T.CREATE, "e"))
    created = [event.name for event in await watch.events() if event.type == T.CREATE]
    assert created == ["d", "e"]
    await watch.stop()


async def test_two_watchers_see_the_same(sdk, box):
    await box.files.make_dir("watched")
    one, other = await sdk.watch(box, "watched"), await sdk.watch(box, "watched")
    await box.files.write("watched/f", "1")
    await eventually(lambda: saw(one, T.WRITE, "f"))
    await eventually(lambda: saw(other, T.WRITE, "f"))
    await one.stop()
    await box.files.write("watched/g", "1")
    await eventually(lambda: saw(other, T.WRITE, "g"))
    await other.stop()


async def test_a_stopped_watcher_is_gone(sdk, box):
    await box.files.make_dir("watched")
    watch = await sdk.watch(box, "watched")
    await watch.stop()
    if sdk.is_blocking:
        with pytest.raises(SandboxException):
            await watch.handle.get_new_events()


async def test_of_what_is_not_there(sdk, box):
    with pytest.raises(FileNotFoundException):
        await sdk.watch(box, "gone")


async def test_of_a_file_is_refused(sdk, box):
    await box.files.write("file.txt", "x")
    with pytest.raises(InvalidArgumentException):
        await sdk.watch(box, "file.txt")


async def test_a_watch_that_times_out_tells_its_owner(sdk, box):
    if sdk.is_blocking:
        return await a_watch_lives_between_questions(sdk, box)
    ends: list = []
    await box.files.make_dir("watched")
    await box.files.watch_dir("watched", on_event=lambda event: None, on_exit=ends.append, timeout=1)
    await eventually(lambda: ends)
    assert isinstance(ends[0], Exception)


async def a_watch_lives_between_questions(sdk, box):
    await box.files.make_dir("watched")
    watch = await sdk.watch(box, "watched")
    assert await watch.events() == []
    await box.files.write("watched/f", "1")
    await eventually(lambda: saw(watch, T.CREATE, "f"))
    await watch.stop()
