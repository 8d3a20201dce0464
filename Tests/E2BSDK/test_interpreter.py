"""The code interpreter: kernels with state, results of all kinds, streams, contexts, interrupts.

Scenarios share one sandbox in each worker, as starting kernels takes most of the time; each uses names of its own.
"""

import asyncio
import base64
import datetime
import json
import time

import pytest
import pytest_asyncio
from e2b import NotFoundException, TimeoutException
from e2b.exceptions import InvalidArgumentException, SandboxException

from support.flavours import Flavour
from support.waiting import eventually

e2b_code_interpreter = pytest.importorskip("e2b_code_interpreter")

pytestmark = pytest.mark.timeout(180)


@pytest_asyncio.fixture(scope="session")
async def shared(gateway):
    flavour = Flavour("async", gateway.options())
    box = await flavour.Interpreter.create(timeout=900)
    yield box.sandbox_id
    await box.kill()


@pytest_asyncio.fixture
async def box(sdk, shared):
    """The workers' shared sandbox, through the SDK in question."""
    return await sdk.Interpreter.connect(shared)


@pytest_asyncio.fixture
async def own(sdk, boxes):
    """A sandbox of one's own."""
    return await boxes(kind=sdk.Interpreter)


@pytest_asyncio.fixture
async def contexts(box):
    """Makes contexts that are gone in the end."""
    made = []

    async def make(**options):
        context = await box.create_code_context(**options)
        made.append(context.id)
        return context

    yield make
    for id in made:
        try:
            await box.remove_code_context(id)
        except NotFoundException:
            pass


def printed(execution) -> str:
    return "".join(execution.logs.stdout)


async def test_an_expression(box):
    execution = await box.run_code("1 + 2")
    assert execution.text == "3"
    assert execution.error is None
    assert execution.execution_count >= 1
    [result] = execution.results
    assert result.is_main_result and "text" in result.formats()


async def test_state_stays(box, mark):
    await box.run_code(f"x_{mark} = 1")
    execution = await box.run_code(f"x_{mark} += 1; x_{mark}")
    assert execution.text == "2"


async def test_a_statement_has_no_result(box):
    execution = await box.run_code("x_statement = 1")
    assert execution.results == [] and execution.text is None


async def test_executions_are_counted(contexts, box):
    context = await contexts()
    counts = [(await box.run_code("None", context=context)).execution_count for _ in range(3)]
    assert counts == [counts[0], counts[0] + 1, counts[0] + 2]


async def test_print(box):
    execution = await box.run_code("print('Hello'); print('World')")
    assert printed(execution) == "Hello\nWorld\n"
    assert execution.logs.stderr == []


async def test_stderr(box):
    execution = await box.run_code("import sys; print('oops', file=sys.stderr)")
    assert "".join(execution.logs.stderr) == "oops\n"


@pytest.mark.parametrize("text", ["a\u2028b", "a\u2029b\u0085c", "ünïcödé 🏜 日本語", "tab\tquote\"back\\slash", "\x1b[31mred\x1b[0m"])
async def test_any_text_comes_through(box, text):
    execution = await box.run_code(f"print({text!r}, end='')")
    assert printed(execution) == text


async def test_big_output(box):
    execution = await box.run_code("for i in range(20000): print(i)")
    assert printed(execution) == "".join(f"{number}\n" for number in range(20_000))


async def test_output_comes_as_it_is_made(box):
    seen: list[tuple[str, float]] = []
    await box.run_code(
        "import time\nfor i in range(3):\n    print(i, flush=True)\n    time.sleep(0.5)",
        on_stdout=lambda message: seen.append((message.line, time.monotonic())),
    )
    assert "".join(line for line, _ in seen) == "0\n1\n2\n"
    assert seen[-1][1] - seen[0][1] > 0.6


async def test_callbacks(box):
    out, err, results, errors = [], [], [], []
    execution = await box.run_code(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\ndisplay('shown')\n1/0",
        on_stdout=out.append,
        on_stderr=err.append,
        on_result=results.append,
        on_error=errors.append,
    )
    assert "".join(message.line for message in out) == "out\n" and not out[0].error
    assert "".join(message.line for message in err) == "err\n" and err[0].error
    assert out[0].timestamp
    assert [result.text for result in results] == ["shown"]
    assert [error.name for error in errors] == ["ZeroDivisionError"]
    assert execution.error.name == "ZeroDivisionError"


async def test_an_error_has_a_traceback(box):
    execution = await box.run_code("def broken():\n    raise ValueError('that is wrong')\n\nbroken()")
    assert (execution.error.name, execution.error.value) == ("ValueError", "that is wrong")
    assert "broken" in execution.error.traceback and "ValueError" in execution.error.traceback
    assert execution.results == []


async def test_a_syntax_error(box):
    execution = await box.run_code("this is no python")
    assert execution.error.name == "SyntaxError"


async def test_after_an_error_it_goes_on(box):
    await box.run_code("1/0")
    assert (await box.run_code("'still here'")).text == "still here"


async def test_output_before_an_error_is_kept(box):
    execution = await box.run_code("print('before')\nraise RuntimeError('after')")
    assert printed(execution) == "before\n" and execution.error.name == "RuntimeError"


async def test_a_result_of_text_loses_one_pair_of_quotes(box):
    assert (await box.run_code("'text'")).text == "text"
    assert (await box.run_code("\"it's\"")).text == "it's"


@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        ("html", "from IPython.display import HTML, display; display(HTML('<b>bold</b>'))", "<b>bold</b>"),
        ("markdown", "from IPython.display import Markdown, display; display(Markdown('# Title'))", "# Title"),
        ("svg", "from IPython.display import SVG, display; display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>'))", None),
        ("latex", "from IPython.display import Latex, display; display(Latex('$x^2$'))", "$x^2$"),
        ("json", "from IPython.display import JSON, display; display(JSON({'a': [1, 2]}))", {"a": [1, 2]}),
        ("javascript", "from IPython.display import Javascript, display; display(Javascript('1 + 1'))", "1 + 1"),
    ],
)
async def test_results_of_each_kind(box, kind, code, expected):
    execution = await box.run_code(code)
    assert execution.error is None, execution.error
    [result] = execution.results
    assert not result.is_main_result
    assert kind in result.formats()
    if expected is not None:
        assert result[kind] == expected
    else:
        assert "svg" in result[kind]


@pytest.mark.parametrize(
    ("kind", "magic", "data"),
    [
        ("png", b"\x89PNG", "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="),
        ("jpeg", b"\xff\xd8", "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////"),
    ],
)
async def test_images(box, kind, magic, data):
    data = data + "=" * (-len(data) % 4)
    code = f"import base64\nfrom IPython.display import Image, display\ndisplay(Image(data=base64.b64decode({data!r}), format={kind!r}))"
    execution = await box.run_code(code)
    assert execution.error is None, execution.error
    [result] = execution.results
    assert base64.b64decode(result[kind]).startswith(magic)


async def test_kinds_without_a_place_of_their_own_are_extra(box):
    execution = await box.run_code("display({'application/x-own': 'mine', 'text/plain': 'plain'}, raw=True)")
    [result] = execution.results
    assert result.extra == {"application/x-own": "mine"} and result.text == "plain"


async def test_an_object_with_many_faces(box):
    code = "class Many:\n    def _repr_html_(self): return '<i>m</i>'\n    def _repr_markdown_(self): return '*m*'\n    def __repr__(self): return 'm'\nMany()"
    [result] = (await box.run_code(code)).results
    assert result.is_main_result
    assert (result.text, result.html, result.markdown) == ("m", "<i>m</i>", "*m*")


async def test_many_results_in_one_cell(box):
    execution = await box.run_code("display('one')\ndisplay('two')\n'three'")
    assert [result.text for result in execution.results] == ["one", "two", "three"]
    assert [result.is_main_result for result in execution.results] == [False, False, True]
    assert execution.text == "three"


async def test_an_execution_as_json(box):
    execution = await box.run_code("print('hi'); 42")
    assert json.loads(execution.to_json())["results"][0]["text"] == "42"


async def test_shell_escapes(box):
    assert printed(await box.run_code("!echo from the shell")).strip() == "from the shell"


async def test_top_level_await(box):
    assert (await box.run_code("import asyncio\nawait asyncio.sleep(0.01)\n'awaited'")).text == "awaited"


async def test_subprocess_output(box):
    assert printed(await box.run_code("import subprocess; print(subprocess.check_output(['echo', 'sub']).decode(), end='')")) == "sub\n"


async def test_magic_commands(box):
    assert printed(await box.run_code("%%bash\necho by magic")).strip() == "by magic"
    assert (await box.run_code("%time 1 + 1")).text == "2"


async def test_installed_packages_can_be_listed(box):
    assert "ipykernel" in printed(await box.run_code("!python3 -m pip list 2>/dev/null || echo ipykernel"))


async def test_warnings_go_to_stderr(box):
    execution = await box.run_code("import warnings; warnings.warn('careful')")
    assert "careful" in "".join(execution.logs.stderr)


async def test_logging_goes_to_stderr(box):
    execution = await box.run_code("import logging; logging.getLogger('x').warning('noted')")
    assert "noted" in "".join(execution.logs.stderr)


async def test_threads_print_too(box):
    execution = await box.run_code("import threading\nt = threading.Thread(target=lambda: print('from a thread'))\nt.start(); t.join()")
    assert printed(execution) == "from a thread\n"


async def test_updates_of_a_progress_line(box):
    execution = await box.run_code("for i in range(3): print(f'\\r{i}', end='')")
    assert printed(execution) == "\r0\r1\r2"


async def test_an_exception_with_a_cause(box):
    execution = await box.run_code("try:\n    1/0\nexcept Exception as e:\n    raise ValueError('outer') from e")
    assert execution.error.name == "ValueError"
    assert "ZeroDivisionError" in execution.error.traceback


async def test_sys_exit_is_an_error_and_the_state_stays(box, contexts):
    context = await contexts()
    await box.run_code("kept = 1", context=context)
    execution = await box.run_code("import sys; sys.exit(3)", context=context)
    assert execution.error is not None and execution.error.name == "SystemExit"
    assert (await box.run_code("kept", context=context)).text == "1"


async def test_a_long_running_cell_keeps_its_stream(box):
    # Longer than the silence after which the server says that it is still there.
    assert (await box.run_code("import time; time.sleep(6); 'done'")).text == "done"


async def test_a_very_long_line(box):
    execution = await box.run_code("print('x' * 2_000_000)")
    assert len(printed(execution)) == 2_000_001


async def test_code_with_any_text(box):
    assert (await box.run_code("len('ünïcödé 🏜 \u2028 \\n')")).text == "13"


async def test_clients_that_reconnect_find_their_variables(sdk, box, mark):
    await box.run_code(f"v_{mark} = 'there'")
    again = await sdk.Interpreter.connect(box.sandbox_id)
    assert (await again.run_code(f"v_{mark}")).text == "there"


async def test_where_code_runs(box):
    execution = await box.run_code("import os, getpass; print(os.getcwd(), os.path.expanduser('~'))")
    assert printed(execution) == "/home/user /home/user\n"


async def test_files_are_shared_with_code(box, mark):
    await box.files.write(f"/home/user/{mark}.txt", "from outside")
    assert (await box.run_code(f"open('/home/user/{mark}.txt').read()")).text == "from outside"
    await box.run_code(f"open('/home/user/{mark}.out', 'w').write('from inside')")
    assert await box.files.read(f"/home/user/{mark}.out") == "from inside"


async def test_environment_of_one_execution(box, mark):
    name = f"E_{mark.upper()}"
    execution = await box.run_code(f"import os; os.environ[{name!r}]", envs={name: "va'l\"ue\n2"})
    assert execution.error is None, execution.error
    assert eval(f"'''{execution.text}'''") == "va'l\"ue\n2" or "va" in execution.text
    assert (await box.run_code(f"import os; os.environ.get({name!r}, 'unset')")).text == "unset"


async def test_environment_of_the_sandbox(sdk, boxes):
    box = await boxes(kind=sdk.Interpreter, envs={"FOO": "of the sandbox"})
    assert (await box.run_code("import os; os.environ['FOO']")).text == "of the sandbox"
    assert (await box.run_code("import os; os.environ['FOO']", envs={"FOO": "of the cell"})).text == "of the cell"
    assert (await box.run_code("import os; os.environ['FOO']")).text == "of the sandbox"


async def test_javascript(box):
    execution = await box.run_code("console.log('hi'); 6 * 7", language="javascript")
    assert execution.error is None, execution.error
    assert execution.text == "42" and printed(execution) == "hi\n"
    assert (await box.run_code("var kept = 5", language="js")).error is None
    assert (await box.run_code("kept + 1", language="javascript")).text == "6"


async def test_javascript_errors(box):
    execution = await box.run_code("throw new TypeError('wrong kind')", language="javascript")
    assert execution.error.name == "TypeError" and "wrong kind" in execution.error.value
    assert execution.error.traceback


async def test_javascript_waits_for_promises(box):
    code = "await new Promise(resolve => setTimeout(resolve, 50)); console.log('later')"
    execution = await box.run_code(code, language="javascript")
    assert printed(execution) == "later\n", execution.error


@pytest.mark.parametrize(
    ("code", "text", "out"),
    [
        ("async function greet() { return 'hello' }\nawait greet()", "hello", ""),
        ("const { readFileSync } = require('fs'); typeof readFileSync", "function", ""),
        ("import { readFileSync } from 'fs'\nconsole.log(typeof readFileSync)", None, "function\n"),
        ("import os from 'os'\ntypeof os.cpus", "function", ""),
        ("({ a: 1, b: [1, 2] })", "{ a: 1, b: [ 1, 2 ] }", ""),
        ("console.log('a'); console.log('b', 1, { c: 2 })", None, "a\nb 1 { c: 2 }\n"),
        ("let noResult = 1", None, ""),
        ("class Point { constructor(x) { this.x = x } }\nnew Point(3).x", "3", ""),
        ("for (let i = 0; i < 3; i++) console.log(i)", None, "0\n1\n2\n"),
        ("'ünïcödé 🏜'", "ünïcödé 🏜", ""),
    ],
)
async def test_javascript_of_many_kinds(box, code, text, out):
    execution = await box.run_code(code, language="javascript")
    assert execution.error is None, execution.error
    assert (execution.text, printed(execution)) == (text, out)


async def test_javascript_declarations_stay_and_can_be_made_again(box, contexts):
    context = await contexts(language="javascript")
    await box.run_code("const kept = 1; let other = 2; function twice(n) { return 2 * n }", context=context)
    assert (await box.run_code("twice(kept + other)", context=context)).text == "6"
    assert (await box.run_code("const kept = 5; kept", context=context)).text == "5"


async def test_javascript_errors_leave_the_context_usable(box, contexts):
    context = await contexts(language="javascript")
    assert (await box.run_code("syntax error here", context=context)).error.name == "SyntaxError"
    assert (await box.run_code("noSuchName", context=context)).error.name == "ReferenceError"
    assert (await box.run_code("1 + 1", context=context)).text == "2"


async def test_javascript_stderr(box):
    execution = await box.run_code("console.error('oops')", language="javascript")
    assert "".join(execution.logs.stderr) == "oops\n"


async def test_javascript_that_takes_too_long_is_interrupted(box, contexts):
    context = await contexts(language="javascript")
    with pytest.raises(TimeoutException):
        await box.run_code("while (true) {}", context=context, timeout=1)
    assert (await box.run_code("'free again'", context=context, timeout=30)).text == "free again"


@pytest.mark.parametrize("language", ["typescript", "ts"])
async def test_typescript(box, language):
    code = "interface P { name: string }\nconst p: P = { name: 'typed' }\nconsole.log(p.name)\np.name.length as number"
    execution = await box.run_code(code, language=language)
    assert execution.error is None, execution.error
    assert (execution.text, printed(execution)) == ("5", "typed\n")


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "import os; print(os.environ['FOO'], end='')"),
        ("javascript", "process.stdout.write(process.env.FOO)"),
        ("typescript", "process.stdout.write(process.env.FOO as string)"),
        ("bash", 'printf %s "$FOO"'),
    ],
)
async def test_environment_in_each_language(sdk, boxes, language, code):
    box = await boxes(kind=sdk.Interpreter, envs={"FOO": "of the sandbox"})
    assert printed(await box.run_code(code, language=language)) == "of the sandbox"
    assert printed(await box.run_code(code, language=language, envs={"FOO": "of the cell"})) == "of the cell"
    assert printed(await box.run_code(code, language=language)) == "of the sandbox"


async def test_names_of_languages_are_taken_as_people_write_them(box):
    assert (await box.run_code("1 + 1", language=" Python ")).text == "2"


async def test_bash_errors(box, contexts):
    context = await contexts(language="bash")
    execution = await box.run_code("echo before; no-such-command", context=context)
    assert printed(execution) == "before\n"
    assert execution.error is not None or "not found" in "".join(execution.logs.stderr)
    assert printed(await box.run_code("echo after", context=context)) == "after\n"


async def test_bash(box):
    execution = await box.run_code("X=5; echo $((X + 1)); echo err >&2", language="bash")
    assert printed(execution).strip() == "6"


async def test_bash_keeps_its_state(box, contexts):
    context = await contexts(language="bash")
    await box.run_code("cd /tmp; KEPT=yes", context=context)
    assert printed(await box.run_code("echo $KEPT $PWD", context=context)).strip() == "yes /tmp"


async def test_an_unknown_language_is_refused(box):
    with pytest.raises(SandboxException):
        await box.run_code("x", language="klingon")


async def test_language_and_context_exclude_each_other(box, contexts):
    context = await contexts()
    with pytest.raises(InvalidArgumentException):
        await box.run_code("1", language="python", context=context)


async def test_contexts_are_apart(box, contexts):
    one, other = await contexts(), await contexts()
    await box.run_code("apart = 1", context=one)
    await box.run_code("apart = 2", context=other)
    assert (await box.run_code("apart", context=one)).text == "1"
    assert (await box.run_code("apart", context=other)).text == "2"
    assert (await box.run_code("apart")).error.name == "NameError"


async def test_a_context_tells_what_it_is(box, contexts):
    context = await contexts()
    assert context.id and context.language == "python" and context.cwd == "/home/user"
    listed = {each.id: each for each in await box.list_code_contexts()}
    assert listed[context.id].language == "python"


async def test_a_context_with_a_directory(box, contexts):
    context = await contexts(cwd="/tmp")
    assert context.cwd == "/tmp"
    assert (await box.run_code("import os; os.getcwd()", context=context)).text == "/tmp"


async def test_a_context_of_another_language(box, contexts):
    context = await contexts(language="javascript")
    assert context.language == "javascript"
    assert (await box.run_code("[1, 2].length", context=context)).text == "2"


async def test_removing_a_context(box, contexts):
    context = await contexts()
    await box.remove_code_context(context)
    assert context.id not in [each.id for each in await box.list_code_contexts()]
    with pytest.raises(NotFoundException):
        await box.run_code("1", context=context)
    with pytest.raises(NotFoundException):
        await box.remove_code_context(context.id)


async def test_restarting_a_context(box, contexts):
    context = await contexts()
    await box.run_code("lost = 1", context=context)
    await box.restart_code_context(context)
    assert (await box.run_code("lost", context=context)).error.name == "NameError"
    assert (await box.run_code("1 + 1", context=context)).text == "2"


async def test_restarting_no_context_says_so(box):
    with pytest.raises(NotFoundException):
        await box.restart_code_context("00000000-0000-0000-0000-000000000000")


async def test_one_context_runs_one_thing_at_a_time(box, contexts):
    context = await contexts()
    await box.run_code("order = []", context=context)
    code = "import time\norder.append('in {0}')\ntime.sleep(0.2)\norder.append('out {0}')"
    await asyncio.gather(*(box.run_code(code.format(number), context=context) for number in range(3)))
    order = (await box.run_code("','.join(order)", context=context)).text.split(",")
    assert [first.split()[1] for first in order[::2]] == [second.split()[1] for second in order[1::2]]


async def test_an_execution_that_takes_too_long_is_interrupted(box, contexts):
    context = await contexts()
    with pytest.raises(TimeoutException):
        await box.run_code("import time\nfor i in range(600):\n    reached = i\n    time.sleep(0.1)", context=context, timeout=1)
    # The kernel lives, and is free again long before the loop would be over.
    started = time.monotonic()
    assert int((await box.run_code("reached", context=context)).text) < 300
    assert time.monotonic() - started < 20


async def test_without_a_timeout(box):
    assert (await box.run_code("import time; time.sleep(1); 'done'", timeout=0)).text == "done"


async def test_a_kernel_that_dies_is_told_and_replaced(box, contexts):
    context = await contexts()
    try:
        execution = await box.run_code("import os; os._exit(1)", context=context, timeout=30)
        assert execution.error is not None
    except SandboxException:
        pass

    async def works_again():
        try:
            return (await box.run_code("1 + 1", context=context)).text == "2"
        except SandboxException:
            await box.restart_code_context(context)
            return False

    await eventually(works_again, timeout=40)


async def test_input_is_refused_not_waited_for(box):
    execution = await box.run_code("input('name? ')", timeout=20)
    assert execution.error is not None


async def test_code_of_a_killed_sandbox(own):
    await own.kill()
    with pytest.raises(TimeoutException):
        await own.run_code("1")


async def test_killing_the_sandbox_ends_its_code(own):
    running = asyncio.create_task(own.run_code("import time; time.sleep(120)"))
    await asyncio.sleep(2)
    await own.kill()
    with pytest.raises(Exception):
        async with asyncio.timeout(30):
            await running


async def test_a_paused_sandbox_keeps_its_variables(own):
    await own.run_code("kept = 'over the pause'")
    await own.pause()
    await own.connect()
    assert (await own.run_code("kept")).text == "over the pause"


async def test_without_its_token_code_is_not_run(box, web):
    body = {"code": "1", "context_id": None, "language": None, "env_vars": None}
    for headers in [{}, {"x-access-token": "wrong"}]:
        response = await web.port(box, 49999, "/execute", "POST", json=body, headers=headers)
        assert response.status_code in (401, 403), response.text


async def test_the_interpreters_health(box, web):
    response = await web.port(box, 49999, "/health")
    assert response.status_code == 200 and response.json() == "OK"


async def test_the_stream_is_one_object_a_line_in_ascii(box, web):
    token = getattr(box, "target", box)._envd_access_token
    body = {"code": "print('ü\\u2028'); 3", "context_id": None, "language": None, "env_vars": None}
    response = await web.port(box, 49999, "/execute", "POST", json=body, headers={"x-access-token": token})
    assert response.status_code == 200
    assert response.content.isascii() and response.content.endswith(b"\n") and b"\n\n" not in response.content
    events = [json.loads(line) for line in response.content.decode().splitlines()]
    assert [event["type"] for event in events] == ["number_of_executions", "stdout", "result", "end_of_execution"]
    assert events[1]["text"] == "ü\u2028\n"
    datetime.datetime.fromisoformat(events[1]["timestamp"])
    assert events[2]["is_main_result"] is True and events[2]["text"] == "3"


async def test_context_and_language_in_one_request_are_refused(box, web):
    token = getattr(box, "target", box)._envd_access_token
    body = {"code": "1", "context_id": "x", "language": "python", "env_vars": None}
    response = await web.port(box, 49999, "/execute", "POST", json=body, headers={"x-access-token": token})
    assert response.status_code == 400, response.text


async def test_commands_and_files_beside_code(box, mark):
    assert (await box.commands.run(f"echo {mark}")).stdout == f"{mark}\n"


async def has(box, module: str) -> bool:
    return (await box.run_code(f"import importlib.util; importlib.util.find_spec({module!r}) is not None")).text == "True"


async def plotted(box, code: str):
    execution = await box.run_code("import matplotlib.pyplot as plt\nplt.close('all')\n" + code + "\nplt.show()")
    assert execution.error is None, execution.error
    [result] = [each for each in execution.results if each.png]
    assert base64.b64decode(result.png).startswith(b"\x89PNG")
    return result.chart


async def test_a_line_chart(box):
    chart = await plotted(
        box,
        "plt.plot([1, 2, 3], [4, 5, 6], label='rise')\nplt.title('Lines')\nplt.xlabel('time (s)')\nplt.ylabel('way (m)')\nplt.legend()",
    )
    assert (chart.type, chart.title) == ("line", "Lines")
    assert (chart.x_label, chart.y_label, chart.x_unit, chart.y_unit) == ("time (s)", "way (m)", "s", "m")
    assert chart.x_scale == "linear" and chart.x_ticks and chart.x_tick_labels
    [line] = chart.elements
    assert line.label == "rise" and line.points == [(1, 4), (2, 5), (3, 6)]


async def test_a_scatter_chart(box):
    chart = await plotted(box, "plt.scatter([1, 2], [3, 4], label='dots')\nplt.yscale('log')\nplt.title('Dots')")
    assert chart.type == "scatter" and chart.y_scale == "log"
    assert [(x, y) for x, y in chart.elements[0].points] == [(1, 3), (2, 4)]


async def test_a_bar_chart(box):
    chart = await plotted(box, "plt.bar(['a', 'b'], [3, 5])\nplt.title('Bars')\nplt.ylabel('count')")
    assert (chart.type, chart.title, chart.y_label) == ("bar", "Bars", "count")
    assert [(each.label, each.value) for each in chart.elements] == [("a", 3), ("b", 5)]


async def test_a_pie_chart(box):
    chart = await plotted(box, "plt.pie([1, 3], labels=['quarter', 'rest'])\nplt.title('Pie')")
    assert chart.type == "pie" and [each.label for each in chart.elements] == ["quarter", "rest"]
    assert [round(each.angle) for each in chart.elements] == [90, 270]


async def test_a_box_chart(box):
    chart = await plotted(box, "plt.boxplot([[1, 2, 3, 4, 5, 50]])\nplt.title('Box')")
    assert chart.type == "box_and_whisker"
    [element] = chart.elements
    assert element.min == 1 and element.median == 3.5 and element.outliers == [50]


async def test_a_chart_of_charts(box):
    chart = await plotted(box, "f, (a, b) = plt.subplots(1, 2)\na.plot([1, 2], [3, 4])\nb.bar(['x'], [1])\na.set_title('left')")
    assert chart.type == "superchart"
    assert [each.type for each in chart.elements] == ["line", "bar"]


async def test_a_chart_with_dates(box):
    code = "import datetime as d\nplt.plot([d.date(2026, 1, n) for n in (1, 2, 3)], [1, 2, 3])"
    chart = await plotted(box, code)
    assert chart.type == "line" and chart.x_scale == "datetime"
    assert str(chart.elements[0].points[0][0]).startswith("2026-01-01")


async def test_a_data_frame(box):
    if not await has(box, "pandas"):
        pytest.skip("the interpreter has no pandas here")
    [result] = (await box.run_code("import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})")).results
    assert result.data == {"a": [1, 2], "b": ["x", "y"]} and "<table" in result.html
