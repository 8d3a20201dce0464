"""Templates: look, build with steps, tag, start from."""

import asyncio
import contextlib

import e2b
import pytest
import pytest_asyncio
from e2b import BuildException, SandboxException, TemplateBuildStatus, wait_for_port

from support.waiting import eventually


@pytest.fixture
def builder(sdk):
    """Starts the description of a template: `builder(file_context_path=…)`."""
    return e2b.Template if sdk.is_blocking else e2b.AsyncTemplate


@pytest_asyncio.fixture
async def build(sdk, mark):
    """Builds a template under a name of its own, and deletes it in the end."""
    built = []

    async def run(template, name=None, **options):
        info = await sdk.Template.build(template, name or f"built-{mark[:12]}-{len(built)}", **options)
        built.append(info.template_id)
        return info

    yield run
    for each in built:
        await sdk.Sandbox.delete_snapshot(each)


async def test_the_templates_out_of_the_box(sdk):
    assert await sdk.Template.exists("base") is True
    assert await sdk.Template.exists("code-interpreter-v1") is True
    assert await sdk.Template.alias_exists("base") is True


async def test_an_unknown_template_does_not_exist(sdk, mark):
    assert await sdk.Template.exists(f"none-{mark}") is False


async def test_templates_of_ones_own_are_listed(web, gateway, builder, build):
    one = await build(builder().from_template("base").run_cmd("true"))
    other = await build(builder().from_template("base").run_cmd("true"))
    found, token = {}, ""
    while token is not None:
        response = await web.control("GET", "/v2/templates", params={"limit": 1, **({"nextToken": token} if token else {})})
        assert response.status_code == 200 and len(response.json()) <= 1, response.text
        found |= {each["templateID"]: each for each in response.json()}
        token = response.headers.get("x-next-token") or None
    assert {one.template_id, other.template_id} <= set(found)
    assert any(one.name in name for name in found[one.template_id]["names"])
    strangers = await web.control("GET", "/v2/templates", key=gateway.other_key)
    assert one.template_id not in strangers.text


async def test_a_template_can_be_looked_at(web):
    alias = (await web.control("GET", "/templates/aliases/base")).json()
    assert isinstance(alias["public"], bool)
    response = await web.control("GET", f"/templates/{alias['templateID']}")
    assert response.status_code == 200, response.text
    assert response.json()["templateID"] == alias["templateID"]
    assert isinstance(response.json()["builds"], list)


async def test_build_with_commands(builder, build, boxes):
    template = (
        builder()
        .from_template("base")
        .run_cmd("echo built > /opt/mark", user="root")
        .set_envs({"FLAVOUR": "vanilla & more"})
        .make_dir("/home/user/made")
        .set_workdir("/home/user/made")
        .run_cmd(["echo one > here.txt", "echo two >> here.txt"])
    )
    info = await build(template)
    assert info.template_id and info.build_id
    box = await boxes(info.name)
    result = await box.commands.run('cat /opt/mark; echo "$FLAVOUR"; pwd; cat /home/user/made/here.txt')
    assert result.stdout == "built\nvanilla & more\n/home/user/made\none\ntwo\n"
    assert (await box.get_info()).template_id == info.template_id


async def test_build_with_files(builder, build, boxes, tmp_path):
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "a.txt").write_text("A")
    (tmp_path / "src" / "deep" / "b.txt").write_text("B")
    (tmp_path / "tool.sh").write_text("#!/bin/sh\necho tool\n")
    template = (
        builder(file_context_path=tmp_path)
        .from_template("base")
        .copy("src", "/home/user/app")
        .copy("tool.sh", "/home/user/bin/tool.sh", mode=0o755)
    )
    box = await boxes((await build(template)).name)
    result = await box.commands.run("cat /home/user/app/a.txt /home/user/app/deep/b.txt; /home/user/bin/tool.sh")
    assert result.stdout == "ABtool\n"


async def test_build_says_how_it_goes(builder, build):
    entries = []
    await build(builder().from_template("base").run_cmd("echo in-the-log; echo and-more"), on_build_logs=entries.append)
    assert any("in-the-log" in entry.message for entry in entries)
    assert all(entry.timestamp for entry in entries)


async def test_build_with_resources(builder, build, boxes):
    info = await build(builder().from_template("base").run_cmd("true"), cpu_count=1, memory_mb=256)
    box = await boxes(info.name)
    found = await box.get_info()
    assert (found.cpu_count, found.memory_mb) == (1, 256)


async def test_a_failing_step_fails_the_build(builder, build):
    with pytest.raises(BuildException, match="(?i)exit|step|fail|command"):
        await build(builder().from_template("base").run_cmd("echo before; exit 3"))


async def test_a_build_from_nothing_known_fails(builder, build, mark):
    with pytest.raises((BuildException, SandboxException)):
        await build(builder().from_template(f"none-{mark[:12]}").run_cmd("true"))


async def test_a_build_from_an_image_that_is_nowhere_fails(builder, build):
    with pytest.raises((BuildException, SandboxException)):
        await build(builder().from_image("registry.invalid/none/such:1").run_cmd("true"))


async def test_build_in_the_background(sdk, builder, mark, boxes):
    name = f"built-{mark[:12]}"
    info = await sdk.Template.build_in_background(builder().from_template("base").run_cmd("sleep 1; echo x > /home/user/x"), name)
    try:
        assert info.build_id and info.template_id

        async def status():
            found = await sdk.Template.get_build_status(info)
            assert found.status != TemplateBuildStatus.ERROR, found.reason
            return found.status == TemplateBuildStatus.READY

        await eventually(status, timeout=40, every=0.2)
        box = await boxes(name)
        assert await box.files.read("/home/user/x") == "x\n"
    finally:
        await sdk.Sandbox.delete_snapshot(info.template_id)


async def test_a_start_command_runs_in_every_sandbox(builder, build, boxes):
    template = builder().from_template("base").set_start_cmd("python3 -m http.server 8055", wait_for_port(8055))
    box = await boxes((await build(template)).name)

    async def serves():
        result = await box.commands.run("curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8055/ || true")
        return result.stdout == "200"

    await eventually(serves)


async def test_a_user_set_by_the_template(builder, build, boxes):
    template = builder().from_template("base").set_user("root").run_cmd("id -un > /opt/who")
    box = await boxes((await build(template)).name)
    assert (await box.commands.run("cat /opt/who", user="root")).stdout == "root\n"


async def test_a_template_from_a_template_of_ones_own(builder, build, boxes):
    first = await build(builder().from_template("base").run_cmd("echo first > /home/user/first"))
    second = await build(builder().from_template(first.name).run_cmd("echo second > /home/user/second"))
    box = await boxes(second.name)
    assert (await box.commands.run("cat ~/first ~/second")).stdout == "first\nsecond\n"


async def test_building_again_replaces(builder, build, boxes, mark):
    name = f"built-{mark[:12]}"
    first = await build(builder().from_template("base").run_cmd("echo 1 > /home/user/version"), name)
    second = await build(builder().from_template("base").run_cmd("echo 2 > /home/user/version"), name)
    assert second.template_id == first.template_id and second.build_id != first.build_id
    box = await boxes(name)
    assert await box.files.read("version") == "2\n"


async def test_tags(sdk, builder, build, boxes, mark):
    name = f"built-{mark[:12]}"
    info = await build(builder().from_template("base").run_cmd("echo 1 > /home/user/version"), f"{name}:v1")
    assigned = await sdk.Template.assign_tags(f"{name}:v1", ["stable"])
    assert "stable" in assigned.tags and assigned.build_id == info.build_id
    assert {tag.tag for tag in await sdk.Template.get_tags(name)} >= {"v1", "stable"}
    box = await boxes(f"{name}:stable")
    assert await box.files.read("version") == "1\n"
    await sdk.Template.remove_tags(name, "stable")
    assert "stable" not in {tag.tag for tag in await sdk.Template.get_tags(name)}
    with pytest.raises(SandboxException):
        await boxes(f"{name}:stable")


async def test_a_deleted_template_is_gone(sdk, builder, mark):
    name = f"built-{mark[:12]}"
    info = await sdk.Template.build(builder().from_template("base").run_cmd("true"), name)
    assert await sdk.Template.exists(name) is True
    assert await sdk.Sandbox.delete_snapshot(info.template_id) is True
    assert await sdk.Template.exists(name) is False


async def test_what_came_out_of_the_box_can_not_be_deleted(sdk, web):
    response = await web.control("DELETE", "/templates/base")
    assert response.status_code in (400, 403, 404), response.text
    assert response.json()["code"] == response.status_code
    assert await sdk.Template.exists("base") is True


async def test_builds_at_once(sdk, builder, build, mark):
    with contextlib.ExitStack():
        infos = await asyncio.gather(
            *(build(builder().from_template("base").run_cmd(f"echo {number}"), f"built-{mark[:10]}-at-{number}") for number in range(3))
        )
    assert len({info.template_id for info in infos}) == 3
