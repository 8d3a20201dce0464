"""Files: read, write, list, look, move, remove."""

import asyncio
import datetime
import gzip
import hashlib
import io
import os

import pytest
from e2b import (
    AuthenticationException,
    CommandExitException,
    FileNotFoundException,
    FileType,
    InvalidArgumentException,
    NotEnoughSpaceException,
    SandboxException,
    SandboxNotRunningException,
)

BINARY = bytes(range(256)) * 4
TEXTS = ["plain\n", "", "ünïcödé 🏜 日本語\n", "no newline", "\x00nul\x01", "\r\n windows \r\n"]


@pytest.mark.parametrize("text", TEXTS)
async def test_text_goes_and_comes(box, text):
    info = await box.files.write("note.txt", text)
    assert (info.name, info.path, info.type) == ("note.txt", "/home/user/note.txt", FileType.FILE)
    assert await box.files.read("note.txt") == text


async def test_bytes_go_and_come(box):
    await box.files.write("data.bin", BINARY)
    content = await box.files.read("data.bin", format="bytes")
    assert isinstance(content, bytearray) and bytes(content) == BINARY


async def test_a_stream_comes(sdk, box):
    data = os.urandom(3_000_000)
    await box.files.write("data.bin", data)
    chunks = await sdk.streamed(box, "data.bin")
    assert b"".join(chunks) == data
    assert len(chunks) > 1


async def test_an_empty_file_comes_in_all_formats(sdk, box):
    await box.files.write("empty", "")
    assert await box.files.read("empty") == ""
    assert bytes(await box.files.read("empty", format="bytes")) == b""
    assert b"".join(await sdk.streamed(box, "empty")) == b""


async def test_a_file_object_goes(box):
    await box.files.write("data.bin", io.BytesIO(BINARY))
    assert bytes(await box.files.read("data.bin", format="bytes")) == BINARY


async def test_a_text_file_object_goes(box):
    await box.files.write("text.txt", io.StringIO("tëxt\n"))
    assert await box.files.read("text.txt") == "tëxt\n"


async def test_a_file_of_this_machine_goes(box, tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(BINARY * 100)
    with open(path, "rb") as file:
        await box.files.write("data.bin", file)
    assert bytes(await box.files.read("data.bin", format="bytes")) == BINARY * 100


async def test_an_iterable_goes(sdk, box):
    await box.files.write("parts.bin", sdk.pieces([b"one ", b"", b"two ", BINARY]))
    assert bytes(await box.files.read("parts.bin", format="bytes")) == b"one two " + BINARY


async def test_as_an_octet_stream(box):
    await box.files.write("data.bin", BINARY, use_octet_stream=True)
    assert bytes(await box.files.read("data.bin", format="bytes")) == BINARY


async def test_zipped_on_the_way(sdk, box):
    await box.files.write("text.txt", "many times\n" * 100_000, gzip=True)
    assert (await box.files.get_info("text.txt")).size == 1_100_000
    assert await box.files.read("text.txt", gzip=True) == "many times\n" * 100_000
    assert b"".join(await sdk.streamed(box, "text.txt", gzip=True)) == b"many times\n" * 100_000


async def test_a_stream_zipped_on_the_way(sdk, box):
    await box.files.write("parts.bin", sdk.pieces([BINARY] * 50), gzip=True)
    assert bytes(await box.files.read("parts.bin", format="bytes")) == BINARY * 50


async def test_a_zipped_file_stays_zipped(box):
    data = gzip.compress(b"inside")
    await box.files.write("archive.gz", data)
    assert bytes(await box.files.read("archive.gz", format="bytes", gzip=True)) == data


async def test_overwriting_leaves_nothing_of_the_old(box):
    await box.files.write("note.txt", "a long text that was here before")
    await box.files.write("note.txt", "short")
    assert await box.files.read("note.txt") == "short"


async def test_overwriting_keeps_the_mode(box):
    await box.files.write("run.sh", "#!/bin/sh\necho old\n")
    await box.commands.run("chmod 755 run.sh")
    await box.files.write("run.sh", "#!/bin/sh\necho new\n")
    assert (await box.commands.run("./run.sh")).stdout == "new\n"


async def test_directories_on_the_way_are_made(box):
    await box.files.write("/home/user/a/b/c/note.txt", "deep")
    assert await box.files.read("a/b/c/note.txt") == "deep"
    assert (await box.files.get_info("a/b")).owner == "user"


@pytest.mark.parametrize(
    "name", ["with space", "plus+and&=?#", "ünïcödé 🏜", "percent%20", "quote\"single'", "semi;colon", "back\\slash", "new\nline", "-dash", "..."]
)
async def test_names_with_any_character(box, name):
    path = f"/home/user/odd/{name}"
    info = await box.files.write(path, "odd")
    assert info.path == path
    assert await box.files.read(path) == "odd"
    assert [entry.name for entry in await box.files.list("/home/user/odd")] == [name]
    await box.files.remove(path)
    assert not await box.files.exists(path)


async def test_many_files_in_one_call(box):
    infos = await box.files.write_files(
        [
            {"path": "/home/user/many/a.txt", "data": "A"},
            {"path": "many/b.bin", "data": BINARY},
            {"path": "/tmp/many/c.txt", "data": io.BytesIO(b"C")},
        ]
    )
    assert [info.path for info in infos] == ["/home/user/many/a.txt", "/home/user/many/b.bin", "/tmp/many/c.txt"]
    assert await box.files.read("many/a.txt") == "A"
    assert bytes(await box.files.read("many/b.bin", format="bytes")) == BINARY
    assert await box.files.read("/tmp/many/c.txt") == "C"


async def test_many_files_in_one_multipart_request(box):
    files = [{"path": f"many/ü {number}/{number}.txt", "data": f"file {number}"} for number in range(25)]
    infos = await box.files.write_files(files)
    assert [info.path for info in infos] == [f"/home/user/{file['path']}" for file in files]
    result = await box.commands.run("find many -type f | wc -l; cat many/*/24.txt")
    assert result.stdout.split() == ["25", "file", "24"]


async def test_no_files_in_one_call(box):
    assert await box.files.write_files([]) == []


async def test_content_that_looks_like_a_boundary(box):
    data = b"--boundary\r\n\r\n--\r\n--boundary--\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n" * 50
    await box.files.write("tricky", data)
    assert bytes(await box.files.read("tricky", format="bytes")) == data


async def test_a_big_file_up_and_down(sdk, box):
    block = os.urandom(1 << 20)
    await box.files.write("big.bin", sdk.pieces([block] * 64))
    expected = hashlib.sha256(block * 64).hexdigest()
    assert (await box.commands.run("sha256sum big.bin")).stdout.split()[0] == expected
    received = hashlib.sha256()
    for chunk in await sdk.streamed(box, "big.bin"):
        received.update(chunk)
    assert received.hexdigest() == expected


async def test_a_big_file_as_multipart(box):
    data = os.urandom(20 << 20)
    await box.files.write("big.bin", data)
    assert (await box.commands.run("sha256sum big.bin")).stdout.split()[0] == hashlib.sha256(data).hexdigest()
    assert bytes(await box.files.read("big.bin", format="bytes")) == data


async def test_reading_what_is_not_there(sdk, box):
    with pytest.raises(FileNotFoundException):
        await box.files.read("none.txt")
    with pytest.raises(FileNotFoundException):
        await box.files.read("none.txt", format="bytes")
    with pytest.raises(FileNotFoundException):
        await sdk.streamed(box, "none.txt")


async def test_reading_a_directory_is_refused(box):
    with pytest.raises(InvalidArgumentException):
        await box.files.read("/home/user")


async def test_writing_over_a_directory_is_refused(box):
    await box.files.make_dir("here")
    with pytest.raises(InvalidArgumentException):
        await box.files.write("here", "x")


async def test_relative_paths_and_the_tilde_start_at_home(box):
    await box.files.write("~/tilde.txt", "t")
    assert await box.files.read("/home/user/tilde.txt") == "t"
    assert await box.files.read("tilde.txt") == "t"
    assert (await box.files.get_info("./tilde.txt")).path == "/home/user/tilde.txt"


async def test_files_of_the_user_are_the_users(box):
    await box.files.write("mine.txt", "m")
    info = await box.files.get_info("mine.txt")
    assert (info.owner, info.group, info.permissions) == ("user", "user", "-rw-r--r--")
    assert info.mode & 0o777 == 0o644


async def test_files_as_root(box):
    info = await box.files.write("/etc/by-root.conf", "root's", user="root")
    assert info.path == "/etc/by-root.conf"
    assert (await box.files.get_info("/etc/by-root.conf")).owner == "root"
    assert await box.files.read("/etc/by-root.conf", user="root") == "root's"
    await box.files.write("relative.txt", "r", user="root")
    assert (await box.commands.run("cat /root/relative.txt", user="root")).stdout == "r"


async def test_the_user_may_not_write_where_only_root_may(box):
    with pytest.raises(SandboxException):
        await box.files.write("/etc/by-user.conf", "x")
    assert not await box.files.exists("/etc/by-user.conf")


async def test_the_user_may_not_read_what_is_only_roots(box):
    await box.commands.run("echo secret > /root/secret && chmod 600 /root/secret", user="root")
    with pytest.raises(SandboxException):
        await box.files.read("/root/secret")
    assert await box.files.read("/root/secret", user="root") == "secret\n"


async def test_files_as_an_unknown_user_are_refused(box):
    with pytest.raises((AuthenticationException, InvalidArgumentException)):
        await box.files.write("x", "x", user="nobody-of-this-name")


async def test_metadata_of_files(box):
    info = await box.files.write("tagged.txt", "x", metadata={"Colour": "green", "size-class": "s 1"})
    assert info.metadata == {"colour": "green", "size-class": "s 1"}
    assert (await box.files.get_info("tagged.txt")).metadata == {"colour": "green", "size-class": "s 1"}
    [listed] = [entry for entry in await box.files.list("/home/user") if entry.name == "tagged.txt"]
    assert listed.metadata == {"colour": "green", "size-class": "s 1"}
    await box.files.write("tagged.txt", "y", metadata={"other": "1"})
    assert (await box.files.get_info("tagged.txt")).metadata == {"other": "1"}
    await box.files.rename("tagged.txt", "moved.txt")
    assert (await box.files.get_info("moved.txt")).metadata == {"other": "1"}


async def test_files_without_metadata_have_none(box):
    await box.files.write("plain.txt", "x")
    assert (await box.files.get_info("plain.txt")).metadata is None


async def test_exists(box):
    await box.files.write("here.txt", "x")
    assert await box.files.exists("here.txt") is True
    assert await box.files.exists("/home/user") is True
    assert await box.files.exists("gone.txt") is False
    assert await box.files.exists("/no/such/dir/at/all") is False


async def test_info_of_a_file(box):
    await box.files.write("info.txt", "12345")
    info = await box.files.get_info("info.txt")
    assert (info.name, info.path, info.type, info.size) == ("info.txt", "/home/user/info.txt", FileType.FILE, 5)
    assert info.symlink_target is None
    age = datetime.datetime.now(datetime.timezone.utc) - info.modified_time.astimezone(datetime.timezone.utc)
    assert abs(age) < datetime.timedelta(seconds=60)


async def test_info_of_a_directory(box):
    await box.files.make_dir("folder")
    info = await box.files.get_info("folder")
    assert (info.name, info.path, info.type) == ("folder", "/home/user/folder", FileType.DIR)
    assert info.permissions == "drwxr-xr-x" and info.mode & 0o777 == 0o755


async def test_info_of_a_link(box):
    await box.files.write("target.txt", "12345")
    await box.commands.run("ln -s /home/user/target.txt link; ln -s nowhere dangling")
    info = await box.files.get_info("link")
    assert (info.name, info.type, info.symlink_target) == ("link", FileType.SYMLINK, "/home/user/target.txt")
    assert await box.files.read("link") == "12345"
    dangling = await box.files.get_info("dangling")
    assert dangling.type == FileType.SYMLINK


async def test_info_of_what_is_not_there(box):
    with pytest.raises(FileNotFoundException):
        await box.files.get_info("gone.txt")


async def test_list(box):
    await box.commands.run("mkdir -p d/sub && echo -n 123 > d/b.txt && touch d/a.txt d/.hidden && ln -s b.txt d/link")
    entries = await box.files.list("d")
    assert [entry.name for entry in entries] == [".hidden", "a.txt", "b.txt", "link", "sub"]
    assert [entry.path for entry in entries] == [f"/home/user/d/{entry.name}" for entry in entries]
    types = {entry.name: entry.type for entry in entries}
    assert types["b.txt"] == FileType.FILE and types["sub"] == FileType.DIR and types["link"] == FileType.SYMLINK
    [file] = [entry for entry in entries if entry.name == "b.txt"]
    assert (file.size, file.owner, file.permissions) == (3, "user", "-rw-r--r--")


async def test_list_of_an_empty_directory(box):
    await box.files.make_dir("empty")
    assert await box.files.list("empty") == []


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (1, ["one", "two"]),
        (2, ["one", "one/f", "one/three", "two"]),
        (3, ["one", "one/f", "one/three", "one/three/four", "two"]),
        (9, ["one", "one/f", "one/three", "one/three/four", "one/three/four/g", "two"]),
    ],
)
async def test_list_with_depth(box, depth, expected):
    await box.commands.run("mkdir -p tree/one/three/four tree/two && touch tree/one/f tree/one/three/four/g")
    entries = await box.files.list("tree", depth=depth)
    assert sorted(entry.path.removeprefix("/home/user/tree/") for entry in entries) == expected


async def test_list_with_no_depth_is_refused(box):
    with pytest.raises(InvalidArgumentException):
        await box.files.list("/home/user", depth=0)
    with pytest.raises(InvalidArgumentException):
        await box.files.list("/home/user", depth=-1)


async def test_list_follows_no_links_below(box):
    await box.commands.run("mkdir -p top/real && touch top/real/f && ln -s real top/link && ln -s .. top/real/up")
    paths = [entry.path.removeprefix("/home/user/top/") for entry in await box.files.list("top", depth=5)]
    assert sorted(paths) == ["link", "real", "real/f", "real/up"]


async def test_list_of_a_link_to_a_directory_lists_it(box):
    await box.commands.run("mkdir real && touch real/f && ln -s real link")
    assert [entry.name for entry in await box.files.list("link")] == ["f"]


async def test_list_of_what_is_no_directory(box):
    await box.files.write("file.txt", "x")
    with pytest.raises(InvalidArgumentException):
        await box.files.list("file.txt")
    with pytest.raises(FileNotFoundException):
        await box.files.list("gone")


async def test_list_of_many(box):
    await box.commands.run("mkdir many && cd many && seq -f 'f%05g' 3000 | xargs touch")
    entries = await box.files.list("many")
    assert [entry.name for entry in entries] == [f"f{number:05}" for number in range(1, 3001)]


async def test_make_dir(box):
    assert await box.files.make_dir("made") is True
    assert await box.files.make_dir("made") is False
    assert await box.files.make_dir("some/way/down") is True
    assert (await box.files.get_info("some/way")).type == FileType.DIR
    assert (await box.commands.run("stat -c %U some/way/down")).stdout == "user\n"


async def test_make_dir_over_a_file_is_refused(box):
    await box.files.write("file", "x")
    with pytest.raises(InvalidArgumentException):
        await box.files.make_dir("file")


async def test_make_dir_as_root(box):
    assert await box.files.make_dir("/opt/of-root", user="root") is True
    assert (await box.commands.run("stat -c %U /opt/of-root")).stdout == "root\n"
    with pytest.raises(CommandExitException):
        await box.commands.run("touch /opt/of-root/x")


async def test_rename(box):
    await box.files.write("old.txt", "x")
    info = await box.files.rename("old.txt", "new.txt")
    assert (info.name, info.path, info.type) == ("new.txt", "/home/user/new.txt", FileType.FILE)
    assert not await box.files.exists("old.txt")
    assert await box.files.read("new.txt") == "x"


async def test_rename_of_a_directory(box):
    await box.files.write("old/f", "x")
    await box.files.rename("old", "new")
    assert await box.files.read("new/f") == "x"


async def test_rename_over_a_file_replaces_it(box):
    await box.files.write("a", "A")
    await box.files.write("b", "B")
    await box.files.rename("a", "b")
    assert await box.files.read("b") == "A"


async def test_rename_of_what_is_not_there(box):
    with pytest.raises(FileNotFoundException):
        await box.files.rename("gone", "anywhere")


async def test_remove(box):
    await box.files.write("file", "x")
    await box.files.remove("file")
    assert not await box.files.exists("file")


async def test_remove_of_a_directory_takes_all_in_it(box):
    await box.files.write("dir/sub/f", "x")
    await box.files.remove("dir")
    assert not await box.files.exists("dir")


async def test_remove_of_what_is_not_there_is_no_error(box):
    await box.files.remove("never-was")


async def test_remove_of_a_link_leaves_its_target(box):
    await box.commands.run("mkdir kept && touch kept/f && ln -s kept link")
    await box.files.remove("link")
    assert await box.files.exists("kept/f") and not await box.files.exists("link")


async def test_files_of_a_killed_sandbox(box):
    await box.kill()
    with pytest.raises(SandboxNotRunningException):
        await box.files.read("x")
    with pytest.raises(SandboxNotRunningException):
        await box.files.write("x", "x")
    with pytest.raises(SandboxNotRunningException):
        await box.files.list("/")


async def test_many_writers_at_once(box):
    await asyncio.gather(*(box.files.write(f"at-once/{number}", str(number) * 1000) for number in range(30)))
    contents = await asyncio.gather(*(box.files.read(f"at-once/{number}") for number in range(30)))
    assert contents == [str(number) * 1000 for number in range(30)]


async def test_a_full_disk_says_so(box):
    room = int((await box.commands.run("df -B1 --output=avail /home/user | tail -1")).stdout)
    if room > 64 << 30:
        pytest.skip("the disk is too big to be filled for a test")
    await box.commands.run(f"fallocate -l {room - (1 << 20)} full")
    with pytest.raises(NotEnoughSpaceException):
        await box.files.write("more.bin", os.urandom(8 << 20))
    await box.files.remove("full")
    await box.files.write("more.bin", os.urandom(8 << 20))
