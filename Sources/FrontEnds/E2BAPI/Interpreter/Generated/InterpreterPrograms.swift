// Made by scripts/embed-interpreter.sh of the files in Programs; changes belong there.
// swift-format-ignore-file

/// What runs inside of sandboxes: the code interpreter, by file names.
enum InterpreterPrograms {
    static let files: [(name: String, text: String)] = [
        (
            "JavaKernel.java",
###"""
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import jdk.jshell.DeclarationSnippet;
import jdk.jshell.Diag;
import jdk.jshell.EvalException;
import jdk.jshell.JShell;
import jdk.jshell.JShellException;
import jdk.jshell.Snippet;
import jdk.jshell.SnippetEvent;
import jdk.jshell.SourceCodeAnalysis;
import jdk.jshell.UnresolvedReferenceException;

/**
 * The kernel of Java: the JDK's own shell, in this process. Hears of cells as lines of words in base64, `run` CODE NAME VALUE …, and of
 * interrupts as `interrupt`.
 */
class JavaKernel {
    private static final String[] IMPORTS = {
        "java.io.*", "java.math.*", "java.net.*", "java.nio.file.*", "java.util.*", "java.util.concurrent.*", "java.util.function.*",
        "java.util.regex.*", "java.util.stream.*",
    };

    private final OutputStream messages;
    private final JShell shell;
    private volatile boolean isInterrupted;

    public static void main(String[] arguments) throws Exception {
        new JavaKernel(arguments[1]).listen(arguments[0]);
    }

    private JavaKernel(String output) throws Exception {
        messages = new FileOutputStream("/proc/self/fd/" + output);
        System.setOut(new Stream("stdout"));
        System.setErr(new Stream("stderr"));
        for (Map.Entry<String, String> variable : System.getenv().entrySet()) {
            if (System.getProperty(variable.getKey()) == null) System.setProperty(variable.getKey(), variable.getValue());
        }
        shell = JShell.builder().executionEngine("local").build();
        for (String name : IMPORTS) shell.eval("import " + name + ";");
        say("{\"ready\": true}");
    }

    /** What is printed, as messages: in the order in which it was, among all others. */
    private class Stream extends PrintStream {
        Stream(String name) {
            super(new OutputStream() {
                @Override public void write(int value) { write(new byte[] {(byte) value}, 0, 1); }

                @Override public void write(byte[] bytes, int from, int count) {
                    if (count > 0) say("{\"" + name + "\": " + quoted(new String(bytes, from, count, StandardCharsets.UTF_8)) + "}");
                }
            }, true, StandardCharsets.UTF_8);
        }
    }

    private synchronized void say(String line) {
        try {
            messages.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
        } catch (java.io.IOException gone) {
            Runtime.getRuntime().halt(1);
        }
    }

    private static String quoted(String text) {
        StringBuilder result = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') result.append('\\').append(letter);
            else if (letter >= ' ' && letter < 127) result.append(letter);
            else result.append(String.format("\\u%04x", (int) letter));
        }
        return result.append('"').toString();
    }

    private void listen(String input) throws Exception {
        LinkedBlockingQueue<String[]> cells = new LinkedBlockingQueue<>();
        Thread worker = new Thread(() -> {
            while (true) {
                try {
                    run(cells.take());
                } catch (InterruptedException ended) {
                    return;
                }
            }
        });
        worker.setDaemon(true);
        worker.start();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(new FileInputStream("/proc/self/fd/" + input)))) {
            for (String line; (line = lines.readLine()) != null;) {
                if (line.equals("interrupt")) {
                    isInterrupted = true;
                    shell.stop();
                } else {
                    String[] words = line.split(" ", -1);
                    String[] cell = new String[words.length - 1];
                    for (int index = 0; index < cell.length; index += 1) {
                        cell[index] = new String(Base64.getDecoder().decode(words[index + 1]), StandardCharsets.UTF_8);
                    }
                    cells.add(cell);
                }
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private void run(String[] cell) {
        isInterrupted = false;
        Map<String, String> before = new HashMap<>();
        for (int index = 1; index + 1 < cell.length; index += 2) {
            before.put(cell[index], System.getProperty(cell[index]));
            System.setProperty(cell[index], cell[index + 1]);
        }
        try {
            evaluate(cell[0]);
        } catch (RuntimeException broken) {
            fail(broken.getClass().getSimpleName(), String.valueOf(broken.getMessage()), String.valueOf(broken));
        }
        before.forEach((name, value) -> {
            if (value == null) System.clearProperty(name);
            else System.setProperty(name, value);
        });
        say("{\"done\": true}");
    }

    private void evaluate(String code) {
        String rest = code;
        String value = null;
        while (!rest.isBlank()) {
            SourceCodeAnalysis.CompletionInfo piece = shell.sourceCodeAnalysis().analyzeCompletion(rest);
            String source = piece.completeness().isComplete() ? piece.source() : rest;
            rest = piece.completeness().isComplete() ? piece.remaining() : "";
            value = null;
            for (SnippetEvent event : shell.eval(source)) {
                if (event.causeSnippet() != null) continue;
                if (isInterrupted) {
                    fail("KeyboardInterrupt", "", "The cell was interrupted");
                    return;
                }
                if (event.status() == Snippet.Status.REJECTED) {
                    reject(event.snippet());
                    return;
                }
                if (event.exception() != null) {
                    fail(event.exception());
                    return;
                }
                boolean isValue = event.snippet().kind() == Snippet.Kind.EXPRESSION
                    || event.snippet().subKind() == Snippet.SubKind.TEMP_VAR_EXPRESSION_SUBKIND;
                if (isValue && event.value() != null && !event.value().isEmpty()) value = event.value();
            }
        }
        if (value != null) say("{\"result\": {\"text/plain\": " + quoted(value) + "}, \"main\": true}");
    }

    private void reject(Snippet snippet) {
        List<String> messages = new ArrayList<>();
        shell.diagnostics(snippet).filter(Diag::isError).forEach((problem) -> messages.add(problem.getMessage(Locale.ENGLISH)));
        String text = String.join("\n", messages);
        fail("CompilationException", messages.isEmpty() ? "" : messages.get(0).lines().findFirst().orElse(""), snippet.source() + "\n" + text);
    }

    private void fail(JShellException exception) {
        if (exception instanceof UnresolvedReferenceException) {
            DeclarationSnippet snippet = ((UnresolvedReferenceException) exception).getSnippet();
            String missing = String.join(", ", shell.unresolvedDependencies(snippet).toArray(String[]::new));
            fail("UnresolvedReferenceException", missing, snippet.source());
            return;
        }
        EvalException thrown = (EvalException) exception;
        String name = thrown.getExceptionClassName();
        String message = String.valueOf(thrown.getMessage());
        StringBuilder trace = new StringBuilder(name + ": " + message);
        for (StackTraceElement place : thrown.getStackTrace()) trace.append("\n    at ").append(place);
        fail(name, message, trace.toString());
    }

    private void fail(String name, String value, String traceback) {
        say("{\"error\": {\"name\": " + quoted(name) + ", \"value\": " + quoted(value) + ", \"traceback\": " + quoted(traceback) + "}}");
    }
}

"""###
        ),
        (
            "bash_kernel.py",
###"""
"""Bash: one shell that lives on, so that variables, functions and the working directory do too.

An interactive one, as only such a shell gives up what it does on an interrupt and lives on. It reads commands from its standard input, where
each cell is one `eval`, whose own standard input is empty. After each it says how the cell has ended.
"""

import shlex
import signal

from kernels import error_event, stream_event
from pipe_kernel import PipeKernel

FAREWELL = "exit\n"

class BashKernel(PipeKernel):
    def __init__(self):
        super().__init__(["bash", "--noprofile", "--norc", "--noediting", "-i"], {"PS1": "", "PS2": "", "TERM": "dumb"}, package="bash")
        # The shell's own word of farewell, unless more follows.
        self.held = ""

    def streams(self, theirs):
        self.output = theirs[1]
        return {"stdin": theirs[0], "stdout": theirs[2], "stderr": theirs[3], "pass_fds": [theirs[1]]}

    async def greet(self):
        say = f"printf '%s\\n' '{{\"ready\": true}}' >&{self.output}"
        await self.input.write(f"PROMPT_COMMAND=; unset PS1 PS2; set +H +m +o history; __status=0; {say}\n".encode())

    async def ask(self, code, environment):
        lines = []
        for name, value in environment.items():
            if not name.isidentifier() or not name.isascii():
                continue
            lines.append(f"__before_{name}=${{{name}-}} __had_{name}=${{{name}+x}}; export {name}={shlex.quote(value)}")
        # Not among what its children inherit: the pipe over which it says how a cell has ended.
        lines.append(f"(exit $__status); eval {shlex.quote(code)} </dev/null {self.output}>&-")
        lines.append("__status=$?")
        for name in environment:
            if name.isidentifier() and name.isascii():
                lines.append(
                    f"if [ -n \"$__had_{name}\" ]; then export {name}=\"$__before_{name}\"; else unset {name}; fi; "
                    f"unset __before_{name} __had_{name}"
                )
        lines.append(f"printf '{{\"done\": %d}}\\n' $__status >&{self.output}")
        await self.input.write("".join(line + "\n" for line in lines).encode("utf-8", "replace"))

    async def take_message(self, message):
        if "done" in message:
            self.status = message["done"]
        await super().take_message(message)

    async def run(self, code, environment, send):
        if "\0" in code:
            await send(error_event("SyntaxError", "The code has a NUL byte"))
            return
        self.status, self.held = None, ""

        async def tell(event):
            if event["type"] == "stderr":
                text = self.held + event["text"]
                self.held = FAREWELL if text == FAREWELL or text.endswith("\n" + FAREWELL) else ""
                event["text"] = text[:len(text) - len(self.held)]
                if not event["text"]:
                    return
            await send(event)

        await super().run(code, environment, tell)
        if self.status is None and not self.process.is_alive:
            self.status = self.process.exited.result()
        elif self.held:
            await send(stream_event("stderr", self.held))
        if self.status is not None and self.status > 0:
            await send(error_event("ExitStatus", str(self.status)))

    def is_orderly(self, status):
        # `exit` ends the cell, and the shell: the next cell has a new one.
        return status >= 0

    async def interrupt(self):
        self.process.signal_group(signal.SIGINT)

"""###
        ),
        (
            "bootstrap.py",
###"""
import json, os, runpy, sys, tempfile
directory = tempfile.mkdtemp(prefix=".interpreter-")
for name, text in json.load(sys.stdin).items():
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write(text)
sys.path.insert(0, directory)
sys.dont_write_bytecode = True
sys.argv = ["interpreter.py", *sys.argv[1:], directory]
runpy.run_path(os.path.join(directory, "interpreter.py"), run_name="__main__")

"""###
        ),
        (
            "charts.py",
###"""
"""What a matplotlib figure shows, as data. Runs in the kernel, when the first figure is displayed."""

import math
import re

import matplotlib.category
import matplotlib.dates
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer
from matplotlib.patches import Wedge
from matplotlib.ticker import FixedFormatter

POINT_LIMIT = 1_000_000
SCALES = {"linear", "log", "symlog", "logit", "function", "functionlog", "asinh"}
UNIT = re.compile(r"[(\[]\s*([^()\[\]]+?)\s*[)\]]\s*$")


def chart_of(figure):
    """The figure's chart; None where it can't be told."""
    try:
        charts = [axes_chart(axes) for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"]
        heading = getattr(figure, "_suptitle", None)
        heading = heading.get_text() if heading is not None else None
        if not charts:
            return {"type": "unknown", "title": heading or None, "elements": []}
        if len(charts) == 1:
            charts[0]["title"] = charts[0]["title"] or heading or None
            return charts[0]
        return {"type": "superchart", "title": heading or None, "elements": charts}
    except Exception:
        return None


def axes_chart(axes):
    base = {"title": axes.get_title() or axes.get_title("left") or axes.get_title("right") or None}
    x, y = Axis(axes, axes.xaxis), Axis(axes, axes.yaxis)
    wedges = [patch for patch in axes.patches if isinstance(patch, Wedge)]
    if wedges:
        return {"type": "pie", **base, "elements": [slice_of(wedge) for wedge in wedges]}
    if axes.name != "rectilinear":
        return {"type": "unknown", **base, "elements": []}
    labels = {"x_label": x.label, "y_label": y.label, "x_unit": x.unit, "y_unit": y.unit}
    boxes = [
        box_of(one, line, x, y)
        for stats, lines in getattr(axes, "_sandstorm_boxes", [])
        for one, line in zip(stats, lines)
        if line.axes is axes
    ]
    if boxes:
        return {"type": "box_and_whisker", **base, **labels, "elements": boxes}
    bars = [one for one in axes.containers if isinstance(one, BarContainer) and any(patch.axes is axes for patch in one.patches)]
    if bars:
        return {"type": "bar", **base, **labels, "elements": [bar for container in bars for bar in bars_of(container, x, y)]}
    # Lines across the whole axes are marks, not data.
    lines = [line for line in axes.lines if line.get_visible() and line.get_transform() == axes.transData]
    clouds = [one for one in axes.collections if isinstance(one, PathCollection) and one.get_visible()]
    kind = "line" if lines else "scatter"
    if not lines and not clouds:
        return {"type": "unknown", **base, **labels, "elements": []}
    if sum(len(line.get_xdata(orig=False)) for line in lines) + sum(len(one.get_offsets()) for one in clouds) > POINT_LIMIT:
        raise ValueError("too many points")
    elements = [line_of(line, x, y) for line in lines] or [cloud_of(one, x, y) for one in clouds]
    ticks = {
        "x_ticks": x.ticks, "x_tick_labels": x.tick_labels, "x_scale": x.scale,
        "y_ticks": y.ticks, "y_tick_labels": y.tick_labels, "y_scale": y.scale,
    }
    return {"type": kind, **base, **labels, **ticks, "elements": elements}


class Axis:
    """One of the two directions: its words, its ticks, and what a number on it stands for."""

    def __init__(self, axes, axis):
        self.axes = axes
        self.label = axis.get_label_text() or None
        found = UNIT.search(self.label or "")
        self.unit = found.group(1) if found else None
        self.places = [float(tick) for tick in axis.get_ticklocs()]
        self.tick_labels = [label.get_text() for label in axis.get_ticklabels()]
        self.names = {}
        converter = axis.get_converter() if hasattr(axis, "get_converter") else axis.converter
        kind = type(converter).__name__
        units = axis.units
        if isinstance(units, matplotlib.category.UnitData):
            self.scale = "categorical"
            self.names = {place: name for name, place in units._mapping.items()}
        elif "Period" in kind:
            self.scale = "datetime"
        elif "Date" in kind or isinstance(axis.get_major_formatter(), (matplotlib.dates.DateFormatter, matplotlib.dates.AutoDateFormatter)):
            self.scale = "datetime"
        else:
            self.scale = axis.get_scale() if axis.get_scale() in SCALES else "function"
            if self.scale == "linear" and self.is_numbered():
                self.scale = "categorical"
                self.names = dict(zip(self.places, self.tick_labels))
        # Labels are given, not made of the numbers.
        self.is_lettered = self.scale in ("categorical", "datetime") or isinstance(axis.get_major_formatter(), FixedFormatter)
        self.is_period = "Period" in kind
        self.ticks = [self.value(place) for place in self.places]

    def is_numbered(self):
        """Whether ticks only count what the labels name."""
        texts = [text for text in self.tick_labels if text]
        return (
            bool(texts)
            and self.places == list(range(len(self.places)))
            and not any(number_in(text) for text in texts)
        )

    def value(self, place):
        """What a place on the axis stands for: a number, a name, or a time."""
        place = float(place)
        if not math.isfinite(place):
            return None
        if self.scale == "categorical":
            return self.names.get(place, place)
        if self.scale == "datetime":
            try:
                if self.is_period:
                    import pandas

                    return pandas.Period(ordinal=int(place), freq=self.axes.freq).start_time.isoformat()
                return matplotlib.dates.num2date(place).isoformat()
            except (ValueError, OverflowError):
                return None
        return place

    def values(self, places):
        return [self.value(place) for place in plain(places)]

    def name(self, place, reach):
        """The name of what is at a place: the nearest tick's within reach, else the place itself."""
        if self.is_lettered or any(text and not number_in(text) for text in self.tick_labels):
            named = [(abs(tick - place), text) for tick, text in zip(self.places, self.tick_labels) if text]
            named += [(abs(tick - place), name) for tick, name in self.names.items()]
            if named and min(named)[0] <= reach:
                return min(named)[1]
        value = self.value(place) if self.scale != "categorical" else place
        return value if isinstance(value, str) else f"{value:g}" if abs(value) < 1e6 and value != round(value) else f"{value:.0f}"


def number_in(text):
    try:
        float(text.replace("\u2212", "-").replace(",", ""))
        return True
    except ValueError:
        return False


def plain(values):
    """An array's numbers; what is masked is none."""
    filled = values.filled(math.nan) if hasattr(values, "filled") else values
    return [float(one) for one in filled]


def line_of(line, x, y):
    xs, ys = line.get_xdata(orig=False), line.get_ydata(orig=False)
    return {"label": str(line.get_label()), "points": [list(point) for point in zip(x.values(xs), y.values(ys))]}


def cloud_of(cloud, x, y):
    offsets = cloud.get_offsets()
    return {
        "label": str(cloud.get_label()),
        "points": [list(point) for point in zip(x.values(offsets[:, 0]), y.values(offsets[:, 1]))] if len(offsets) else [],
    }


def bars_of(container, x, y):
    is_upright = getattr(container, "orientation", None) != "horizontal"
    across = x if is_upright else y
    found = []
    for patch in container.patches:
        left, bottom, width, height = patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()
        place, breadth, value = (left + width / 2, width, height) if is_upright else (bottom + height / 2, height, width)
        value = float(value)
        found.append({
            "label": str(across.name(float(place), max(0.5, abs(float(breadth))))),
            "group": str(container.get_label()),
            "value": value if math.isfinite(value) else None,
        })
    return found


def slice_of(wedge):
    return {"label": str(wedge.get_label()), "angle": round(float(wedge.theta2 - wedge.theta1), 4), "radius": float(wedge.r)}


def box_of(stats, median, x, y):
    xs, ys = plain(median.get_xdata(orig=False)), plain(median.get_ydata(orig=False))
    is_upright = len(set(ys)) == 1
    across, place = (x, sum(xs) / len(xs)) if is_upright else (y, sum(ys) / len(ys))
    at_place = [text for tick, text in zip(across.places, across.tick_labels) if abs(tick - place) < 1e-6 and text]
    return {
        "label": str((at_place or [stats.get("label", f"{place:g}")])[0]),
        "min": float(stats["whislo"]), "first_quartile": float(stats["q1"]), "median": float(stats["med"]),
        "third_quartile": float(stats["q3"]), "max": float(stats["whishi"]), "outliers": plain(stats.get("fliers", [])),
    }

"""###
        ),
        (
            "http_server.py",
###"""
"""A small HTTP/1.1 server: bounded requests, streamed answers with back pressure, and news of clients that go away."""

import asyncio
import json

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 64 * 1024 * 1024
IDLE_SECONDS = 600
BODY_SECONDS = 120
KEEPALIVE_SECONDS = 5

REASONS = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 413: "Content Too Large",
    422: "Unprocessable Content", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
}


class HTTPError(Exception):
    """An answer that is not a success: a status and a text."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status
        self.text = text


class Request:
    def __init__(self, method, path, version, headers):
        self.method = method
        self.path = path
        self.version = version
        self.headers = headers
        self.body = b""

    @property
    def keeps_alive(self):
        wish = self.headers.get("connection", "").lower()
        return "close" not in wish if self.version == "HTTP/1.1" else "keep-alive" in wish

    def json(self):
        """The body's object; an absent one is empty."""
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise HTTPError(422, "The body is not JSON")
        if not isinstance(value, dict):
            raise HTTPError(422, "The body is not a JSON object")
        return value


class Connection:
    """One client: its requests one after the other."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        # What came while an answer was streamed: the begin of a further request.
        self.early = b""

    async def read_request(self):
        """The next request; None when the client has gone."""
        head = bytearray(self.early)
        self.early = b""
        while b"\r\n\r\n" not in head:
            if len(head) > HEAD_LIMIT:
                raise HTTPError(431, "The request's head is too long")
            piece = await asyncio.wait_for(self.reader.read(HEAD_LIMIT), IDLE_SECONDS)
            if not piece:
                return None
            head += piece
            while head[:2] == b"\r\n":
                del head[:2]
        head, _, rest = bytes(head).partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise HTTPError(400, "This is no HTTP/1.1 request")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise HTTPError(400, "The request has a malformed header")
            headers[name.lower()] = value.strip()
        request = Request(words[0], words[1].partition("?")[0], words[2], headers)
        if headers.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = await asyncio.wait_for(self.read_body(headers, rest), BODY_SECONDS)
        return request

    async def read_body(self, headers, rest):
        source = Buffered(self.reader, rest)
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked" or "content-length" in headers:
                raise HTTPError(400, "The request's transfer encoding is not understood")
            body = await self.read_chunks(source)
        else:
            text = headers.get("content-length", "0")
            if not (text.isascii() and text.isdigit()):
                raise HTTPError(400, "The request's content length is no number")
            if int(text) > BODY_LIMIT:
                raise HTTPError(413, f"The request's body is larger than {BODY_LIMIT} bytes")
            body = await source.exactly(int(text))
        self.early = bytes(source.bytes)
        return body

    async def read_chunks(self, source):
        body = bytearray()
        while True:
            size = (await source.line()).partition(b";")[0].strip()
            if not size or size.strip(b"0123456789abcdefABCDEF"):
                raise HTTPError(400, "The request has a malformed chunk")
            length = int(size, 16)
            if len(body) + length > BODY_LIMIT:
                raise HTTPError(413, f"The request's body is larger than {BODY_LIMIT} bytes")
            if length == 0:
                while await source.line():
                    pass
                return bytes(body)
            body += await source.exactly(length)
            if await source.line():
                raise HTTPError(400, "The request has a malformed chunk")

    async def answer(self, status, body, content_type, keeps_alive):
        head = (
            f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\ncontent-type: {content_type}\r\n"
            f"content-length: {len(body)}\r\n{'' if keeps_alive else 'connection: close' + chr(13) + chr(10)}\r\n"
        )
        self.writer.write(head.encode("latin-1") + body)
        await self.writer.drain()

    async def answer_json(self, value, keeps_alive):
        await self.answer(200, json.dumps(value).encode(), "application/json", keeps_alive)

    async def wait_until_gone(self):
        """Returns when the client closes, and keeps what it sends until then, within bounds."""
        while True:
            try:
                piece = await self.reader.read(HEAD_LIMIT)
            except (ConnectionError, OSError):
                return
            if not piece:
                return
            self.early += piece
            if len(self.early) > HEAD_LIMIT:
                return


class Buffered:
    """A reader, after bytes that were read from it before."""

    def __init__(self, reader, first):
        self.reader = reader
        self.bytes = bytearray(first)

    async def more(self):
        piece = await self.reader.read(256 * 1024)
        if not piece:
            raise ConnectionResetError("the request ended early")
        self.bytes += piece

    async def exactly(self, count):
        while len(self.bytes) < count:
            await self.more()
        piece = bytes(self.bytes[:count])
        del self.bytes[:count]
        return piece

    async def line(self):
        while b"\r\n" not in self.bytes:
            if len(self.bytes) > HEAD_LIMIT:
                raise HTTPError(400, "The request has a malformed chunk")
            await self.more()
        line, _, rest = bytes(self.bytes).partition(b"\r\n")
        self.bytes = bytearray(rest)
        return line


class EventStream:
    """The answer to an execution: a JSON object a line, a sign of life when nothing happens for a while.

    Its head is sent with the first line, so that until then a failure can still be a status.
    """

    def __init__(self, connection, request):
        self.connection = connection
        self.is_chunked = request.version == "HTTP/1.1"
        self.keeps_alive = request.keeps_alive and self.is_chunked
        self.is_begun = False
        self.is_closed = False
        self.turn = asyncio.Lock()
        self.last = asyncio.get_running_loop().time()
        self.pulse = asyncio.ensure_future(self.keep_alive())

    async def send(self, event):
        """Returns when the client has room for more, or has gone."""
        # Everything outside of ASCII is escaped, so that no line separator of any kind is in a line.
        await self.write(json.dumps(event, separators=(",", ":")).encode("ascii") + b"\n")

    async def write(self, line):
        async with self.turn:
            if self.is_closed:
                return
            writer = self.connection.writer
            try:
                if not self.is_begun:
                    self.is_begun = True
                    head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncache-control: no-store\r\n"
                    head += "transfer-encoding: chunked\r\n" if self.is_chunked else ""
                    head += "" if self.keeps_alive else "connection: close\r\n"
                    writer.write(head.encode("latin-1") + b"\r\n")
                writer.write(b"%x\r\n%b\r\n" % (len(line), line) if self.is_chunked else line)
                self.last = asyncio.get_running_loop().time()
                await writer.drain()
            except (ConnectionError, OSError):
                self.is_closed = True
            self.last = asyncio.get_running_loop().time()

    async def keep_alive(self):
        clock = asyncio.get_running_loop().time
        while not self.is_closed:
            rest = self.last + KEEPALIVE_SECONDS - clock()
            if rest > 0:
                await asyncio.sleep(rest)
            else:
                await self.send({"type": "keepalive"})

    def abort(self):
        """The client has gone: whoever waits for it to read goes on."""
        self.is_closed = True
        self.connection.writer.transport.abort()

    async def stop(self):
        self.pulse.cancel()
        await asyncio.gather(self.pulse, return_exceptions=True)

    async def finish(self):
        await self.stop()
        if not self.is_closed and self.is_chunked:
            self.connection.writer.write(b"0\r\n\r\n")
            await self.connection.writer.drain()


async def serve(connection, handle):
    """Answers a client's requests until one of both has enough."""
    while True:
        request = None
        try:
            request = await connection.read_request()
            if request is None:
                return
            if not await handle(connection, request):
                return
        except asyncio.TimeoutError:
            return
        except (HTTPError, RecursionError) as error:
            status = getattr(error, "status", 400)
            # Before the request was read to its end, what follows is no request.
            keeps_alive = request is not None and request.keeps_alive
            await connection.answer(status, str(error).encode("utf-8", "replace"), "text/plain; charset=utf-8", keeps_alive)
            if not keeps_alive:
                return

"""###
        ),
        (
            "interpreter.py",
###"""
"""The code interpreter: stateful contexts with kernels, behind HTTP. Runs inside of the sandbox, as its user.

Started with the port to listen on, the working directory of contexts that name none, and the directory of this program's files.
Says "ready" on standard output when it listens.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import traceback
import uuid

from http_server import Connection, EventStream, HTTPError, serve
from kernels import KernelUnavailable, error_event
from languages import kernel_for
from processes import KernelProcess

# How it exits when something else listens already.
PORT_TAKEN = 98
ALIASES = {"js": "javascript", "ts": "typescript"}
# Before the next reminder that a cell is not wanted any more.
INTERRUPT_SECONDS = [0.5, 1, 2, 5, 10, 30]


def normalized(language):
    if language is None:
        return None
    if not isinstance(language, str):
        raise HTTPError(422, "language is not a string")
    name = language.strip().lower()
    return ALIASES.get(name, name)


def text_of(body, name):
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise HTTPError(422, f"{name} is not a string")
    return value


def environment_of(body):
    value = body.get("env_vars")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise HTTPError(422, "env_vars is not an object")
    for name, one in value.items():
        if not isinstance(one, str) or not name or "=" in name or "\0" in name + one:
            raise HTTPError(422, f"env_vars has an entry that can't be set: {name}")
    return value


class Context:
    """A language, a working directory, and a kernel that remembers."""

    def __init__(self, language, cwd, directory):
        self.id = str(uuid.uuid4())
        self.language = language
        self.cwd = cwd
        self.directory = directory
        self.kernel = None
        self.turn = asyncio.Lock()
        self.starting = None
        self.is_removed = False

    @property
    def description(self):
        return {"id": self.id, "language": self.language, "cwd": self.cwd}

    async def start(self):
        """Makes sure of a living kernel."""
        if self.kernel is None or not self.kernel.is_alive:
            await self.restart()

    def started(self, task):
        self.starting = None
        if not task.cancelled():
            task.exception()

    async def replace(self):
        old, self.kernel = self.kernel, None
        if old is not None:
            await old.stop()
        if self.is_removed:
            raise KernelUnavailable("The context was removed")
        if not os.path.isdir(self.cwd):
            raise KernelUnavailable(f"The working directory {self.cwd} does not exist")
        kernel = kernel_for(self.language, self.directory)
        try:
            environment = {**os.environ, "PWD": self.cwd}
            await kernel.start(self.cwd, environment)
        except BaseException:
            await kernel.stop()
            raise
        if self.is_removed:
            await kernel.stop()
            raise KernelUnavailable("The context was removed")
        self.kernel = kernel

    async def run(self, code, environment, send, begun):
        """Runs a cell when those before it are done."""
        async with self.turn:
            while self.kernel is None or not self.kernel.is_alive:
                await self.start()
            begun()
            kernel = self.kernel
            await kernel.run(code, environment, send)
            if not kernel.is_alive:
                status = kernel.process.exited.result()
                if not kernel.is_orderly(status):
                    how = "was ended" if kernel is not self.kernel else kernel.ending(status)
                    await send(error_event("UnexpectedEndOfExecution", f"The kernel {how}; what it knew is lost"))

    async def restart(self):
        """A new kernel. What runs ends. Whoever comes meanwhile waits for the same one."""
        if self.starting is None:
            self.starting = asyncio.ensure_future(self.replace())
            self.starting.add_done_callback(self.started)
        await asyncio.shield(self.starting)

    async def remove(self):
        self.is_removed = True
        if self.starting is not None:
            await asyncio.gather(asyncio.shield(self.starting), return_exceptions=True)
        kernel, self.kernel = self.kernel, None
        if kernel is not None:
            await kernel.stop()


class Interpreter:
    def __init__(self, cwd, directory):
        self.cwd = cwd
        self.directory = directory
        self.contexts = {}
        self.defaults = {}

    def default(self, language):
        """The context of those who name none."""
        context = self.defaults.get(language)
        if context is None:
            context = Context(language, self.cwd, self.directory)
            self.defaults[language] = context
            self.contexts[context.id] = context
        return context

    def forget(self, context):
        self.contexts.pop(context.id, None)
        if self.defaults.get(context.language) is context:
            del self.defaults[context.language]

    def find(self, id):
        context = self.contexts.get(id)
        if context is None:
            raise HTTPError(404, f"Context {id} not found")
        return context

    async def handle(self, connection, request):
        """Answers a request; whether the connection can have another."""
        parts = [part for part in request.path.split("/") if part]
        route = (request.method, *parts[:1], *(["{id}"] if len(parts) > 1 else []), *parts[2:])
        keeps_alive = request.keeps_alive
        try:
            if route == ("GET", "health"):
                await connection.answer_json("OK", keeps_alive)
            elif route == ("POST", "execute"):
                return await self.execute(connection, request)
            elif route == ("GET", "contexts"):
                await connection.answer_json([context.description for context in self.contexts.values()], keeps_alive)
            elif route == ("POST", "contexts"):
                await connection.answer_json(await self.create(request.json()), keeps_alive)
            elif route == ("POST", "contexts", "{id}", "restart"):
                await self.find(parts[1]).restart()
                await connection.answer_json(None, keeps_alive)
            elif route == ("DELETE", "contexts", "{id}"):
                context = self.find(parts[1])
                self.forget(context)
                await context.remove()
                await connection.answer_json(None, keeps_alive)
            elif route[1:] in PATHS:
                raise HTTPError(405, f"{request.path} has no {request.method}")
            else:
                raise HTTPError(404, f"There is no {request.path}")
        except KernelUnavailable as error:
            raise HTTPError(500, str(error))
        return keeps_alive

    async def create(self, body):
        language = normalized(body.get("language")) or "python"
        context = Context(language, text_of(body, "cwd") or self.cwd, self.directory)
        self.contexts[context.id] = context
        try:
            await context.start()
        except BaseException:
            self.forget(context)
            raise
        return context.description

    async def execute(self, connection, request):
        body = request.json()
        code = body.get("code")
        if not isinstance(code, str):
            raise HTTPError(422, "code is not a string")
        environment = environment_of(body)
        id, language = text_of(body, "context_id"), normalized(body.get("language"))
        if id and language:
            raise HTTPError(400, "Only one of context_id and language can be given")
        context = self.find(id) if id else self.default(language or "python")
        stream = EventStream(connection, request)
        begun = asyncio.Event()
        run = asyncio.ensure_future(context.run(code, environment, stream.send, begun.set))
        gone = asyncio.ensure_future(connection.wait_until_gone())
        try:
            await asyncio.wait({run, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not run.done():
                stream.abort()
                await self.abandon(context, run, begun)
                return False
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            try:
                run.result()
            except KernelUnavailable as error:
                if context.kernel is None and context in self.defaults.values() and not context.turn.locked():
                    self.forget(context)
                if not stream.is_begun:
                    raise
                await stream.send(error_event("KernelUnavailable", str(error)))
            except Exception as error:
                traceback.print_exc()
                await stream.send(error_event("InterpreterError", f"{type(error).__name__}: {error}"))
            await stream.send({"type": "end_of_execution"})
            await stream.finish()
            return stream.keeps_alive and not stream.is_closed
        finally:
            gone.cancel()
            await asyncio.gather(stream.stop(), return_exceptions=True)

    async def abandon(self, context, run, begun):
        """Nobody waits for a cell any more: it ends, or never begins."""
        if not begun.is_set():
            run.cancel()
        for patience in [*INTERRUPT_SECONDS, *[60] * 1440]:
            if run.done() or context.kernel is None:
                break
            if begun.is_set():
                await context.kernel.interrupt()
            await asyncio.wait({run}, timeout=patience)
        await asyncio.gather(run, return_exceptions=True)

    async def stop(self):
        await asyncio.gather(*(context.remove() for context in self.contexts.values()), return_exceptions=True)


PATHS = {("health",), ("execute",), ("contexts",), ("contexts", "{id}"), ("contexts", "{id}", "restart")}


async def main():
    port, cwd, directory = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    loop = asyncio.get_running_loop()
    # By its protocol asyncio knows that what is written is to leave at once.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("0.0.0.0", port))
    except OSError as error:
        print(f"Port {port} is taken: {error.strerror}", file=sys.stderr)
        sys.exit(PORT_TAKEN)
    loop.add_signal_handler(signal.SIGCHLD, KernelProcess.reap)
    interpreter = Interpreter(cwd, directory)
    # These two are there from the beginning; the first one is also begun with.
    first = interpreter.default("python")
    interpreter.default("javascript")
    warming = asyncio.ensure_future(asyncio.gather(first.start(), return_exceptions=True))
    clients = set()

    async def client(reader, writer):
        clients.add(asyncio.current_task())
        writer.transport.set_write_buffer_limits(high=64 * 1024)
        try:
            await serve(Connection(reader, writer), interpreter.handle)
        except (ConnectionError, OSError):
            pass
        finally:
            clients.discard(asyncio.current_task())
            writer.close()

    server = await asyncio.start_server(client, sock=listener, limit=256 * 1024)
    print("ready", flush=True)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()
    server.close()
    warming.cancel()
    for task in list(clients):
        task.cancel()
    await interpreter.stop()
    shutil.rmtree(directory, ignore_errors=True)


asyncio.run(main())

"""###
        ),
        (
            "javascript_kernel.js",
###"""
"use strict";
// The kernel of JavaScript and TypeScript. Cells run in the main thread, by V8's own mode for such sessions: `await` at the top, declarations
// that stay and can be made anew, the value of the last expression. A second thread hears what is to be run, so that also an endless loop can
// be interrupted.
//
// Started with the numbers of the pipes to read from and to write to, and the language.

const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");

if (isMainThread) runMainThread();
else runSecondThread();

// The main thread: where cells run.

function runMainThread() {
    const nodeModule = require("module"), path = require("path"), util = require("util"), url = require("url"), fs = require("fs");
    const inspector = require("inspector");
    const [input, output, language] = process.argv.slice(2);
    const here = path.join(process.cwd(), "[cell]");
    const cellRequire = nodeModule.createRequire(here);

    const resolve = (name) => {
        const builtin = name.startsWith("node:") || nodeModule.builtinModules.includes(name);
        if (builtin || /^[a-z][a-z0-9+.-]+:/i.test(name)) return name;
        const file = path.resolve(process.cwd(), name);
        if (/^\.{0,2}\//.test(name) || path.isAbsolute(name)) return url.pathToFileURL(file).href;
        return url.pathToFileURL(importable(name) || cellRequire.resolve(name)).href;
    };
    // What a package offers to `import`, which may be another file than for `require`, or the only one.
    const importable = (name) => {
        const words = name.split("/"), own = name[0] === "@" ? words.slice(0, 2) : words.slice(0, 1);
        for (const directory of cellRequire.resolve.paths(name) || []) {
            const folder = path.join(directory, ...own);
            let description;
            try { description = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")); } catch { continue; }
            const rest = ["." , ...words.slice(own.length)].join("/");
            const chosen = chooseExport(description.exports, rest);
            if (chosen) return path.join(folder, chosen);
            return undefined;
        }
    };
    const chooseExport = (exports, key) => {
        if (exports === undefined || exports === null) return undefined;
        if (typeof exports === "string") return key === "." ? exports : undefined;
        if (Array.isArray(exports)) return exports.map((one) => chooseExport(one, key)).find(Boolean);
        if (Object.keys(exports).some((name) => name[0] === ".")) return chooseExport(exports[key], ".");
        for (const name of Object.keys(exports)) {
            if (["import", "node", "default", "node-addons"].includes(name)) {
                const chosen = chooseExport(exports[name], key);
                if (chosen) return chosen;
            }
        }
    };

    // How values show: by methods of their own, or as the console would print them.
    const methods = {
        _toHtml: "text/html", _toSvg: "image/svg+xml", _toPng: "image/png", _toJpeg: "image/jpeg", _toMarkdown: "text/markdown",
        _toLatex: "text/latex", _toPdf: "application/pdf", _toJson: "application/json",
    };
    const bundleOf = (value) => {
        const bundle = { "text/plain": util.inspect(value, typeof value === "string" ? { breakLength: Infinity } : {}) };
        if (value === null || (typeof value !== "object" && typeof value !== "function")) return bundle;
        if (typeof value[Symbol.for("Jupyter.display")] === "function") return { ...value[Symbol.for("Jupyter.display")]() };
        if (typeof value._toMime === "function") return { ...bundle, ...value._toMime() };
        for (const [name, mime] of Object.entries(methods)) {
            if (typeof value[name] === "function") bundle[mime] = value[name]();
        }
        return bundle;
    };

    const describe = (error) => {
        if (error instanceof Error || (error && typeof error === "object" && typeof error.stack === "string")) {
            const stack = util.inspect(error).split("\n").filter((line) => !/^\s+at (.*(javascript_kernel\.js|node:internal|node:inspector|node:events)|new Promise \(<anonymous>\)$)/.test(line)).join("\n")
                .replace(/^\[([^]*)\]$/, "$1");
            return { name: String(error.name || error.constructor.name), value: String(error.message), traceback: stack };
        }
        const text = typeof error === "string" ? error : util.inspect(error);
        return { name: "Error", value: text, traceback: `Uncaught ${text}` };
    };

    Object.defineProperty(globalThis, Symbol.for("sandstorm.kernel"), {
        value: {
            import: (name, options) => import(resolve(String(name)), options),
            bundle: (value) => JSON.stringify(bundleOf(value)),
            describe: (error) => JSON.stringify(describe(error)),
        },
    });
    // For `display(value)`, anywhere in a cell.
    globalThis.display = (value) => {
        say(output, { result: bundleOf(value), main: false });
    };
    globalThis.require = cellRequire;
    globalThis.module = { exports: {} };
    globalThis.exports = globalThis.module.exports;
    for (const name of nodeModule.builtinModules) {
        if (/^[a-z_0-9]+$/.test(name) && !(name in globalThis)) {
            Object.defineProperty(globalThis, name, {
                configurable: true, get: () => cellRequire(name),
                set: (value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true }),
            });
        }
    }
    process.argv.splice(1);
    // The end is left to whoever hears of it: on its own way out Node would wait for the second thread's session, and say so.
    process.reallyExit = (code) => {
        say(output, { exit: Number(code) || 0 });
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    };

    // Written when said: nothing is kept that an interrupt could lose or leave to the next cell.
    for (const [stream, number] of [[process.stdout, 1], [process.stderr, 2]]) {
        let descriptor = number;
        // Opened anew, as the stream has set its own not to block.
        try { descriptor = fs.openSync(`/proc/self/fd/${number}`, "w"); } catch {}
        stream.write = (chunk, encoding, done) => {
            const callback = typeof encoding === "function" ? encoding : done;
            const bytes = typeof chunk === "string" ? Buffer.from(chunk, typeof encoding === "string" ? encoding : "utf8") : Buffer.from(chunk);
            writeWhole(descriptor, bytes);
            if (typeof callback === "function") process.nextTick(callback);
            return true;
        };
    }

    // An interrupt is for the cell, which the second thread ends, and for its child processes.
    process.on("SIGINT", () => {});
    const complain = (error) => process.stderr.write(`Uncaught ${describe(error).traceback}\n`);
    process.on("uncaughtException", complain);
    process.on("unhandledRejection", complain);

    const session = new inspector.Session();
    session.connect();
    const post = (method, parameters) => new Promise((done, failed) => {
        session.post(method, parameters, (error, answer) => (error ? failed(error) : done(answer)));
    });

    let self, count = 0, current;

    const ask = async (method, remote) => {
        const argument = remote.objectId ? { objectId: remote.objectId }
            : remote.unserializableValue ? { unserializableValue: remote.unserializableValue } : { value: remote.value };
        const answer = await post("Runtime.callFunctionOn", {
            objectId: self, functionDeclaration: `function (value) { return this.${method}(value) }`, arguments: [argument], returnByValue: true,
        });
        if (!answer.exceptionDetails) return JSON.parse(answer.result.value);
        if (method === "bundle") return { "text/plain": remote.description || String(remote.value) };
        return { name: remote.className || "Error", value: remote.description || "", traceback: remote.description || "" };
    };

    const complaint = async (details, code) => {
        const remote = details.exception;
        if (!remote) return { name: "Error", value: details.text, traceback: details.text };
        const error = await ask("describe", remote);
        if (remote.className === "SyntaxError" && details.lineNumber >= 0 && !/\n\s+at /.test(error.traceback)) {
            const line = code.split("\n")[details.lineNumber] || "";
            error.traceback = `cell:${details.lineNumber + 1}\n${line}\n${" ".repeat(Math.max(0, details.columnNumber))}^\n\n${error.traceback}`;
        }
        return error;
    };

    const evaluate = async (code) => {
        let source;
        try {
            source = rewritten(language === "typescript" ? withoutTypes(code) : code);
        } catch (error) {
            return { error: { name: error.name, value: error.message, traceback: `${error.name}: ${error.message}` } };
        }
        const answer = await post("Runtime.evaluate", {
            expression: `${source}\n//# sourceURL=cell-${count}.js`, replMode: true, awaitPromise: true, objectGroup: "cell",
        });
        if (answer.exceptionDetails) return { error: await complaint(answer.exceptionDetails, source) };
        return answer.result.type === "undefined" ? undefined : { result: await ask("bundle", answer.result), main: true };
    };

    const run = async ({ code, environment }) => {
        count += 1;
        const cell = current = { before: Object.keys(environment).map((name) => [name, process.env[name]]) };
        Object.assign(process.env, environment);
        let outcome;
        try {
            outcome = await evaluate(code);
        } catch (error) {
            outcome = { error: { name: "Error", value: error.message, traceback: error.message } };
        }
        if (current === cell) finish(outcome);
    };

    const finish = (outcome) => {
        for (const [name, value] of current.before) {
            if (value === undefined) delete process.env[name];
            else process.env[name] = value;
        }
        current = undefined;
        post("Runtime.releaseObjectGroup", { objectGroup: "cell" }).catch(() => {});
        worker.postMessage({ done: true });
        if (outcome) say(output, outcome);
        say(output, { done: true });
    };

    const worker = new Worker(__filename, { workerData: { input: Number(input) } });
    worker.on("message", (message) => {
        if (message.code !== undefined) run(message);
        // Asked until answered, as the interruption may hit this very place.
        else if (current) finish({ error: { name: "KeyboardInterrupt", value: "", traceback: "The cell was interrupted" } });
    });
    (async () => {
        await post("Runtime.enable");
        self = (await post("Runtime.evaluate", { expression: 'globalThis[Symbol.for("sandstorm.kernel")]' })).result.objectId;
        say(output, { ready: true });
    })();
}

function say(output, message) { writeWhole(Number(output), Buffer.from(JSON.stringify(message) + "\n")); }

function writeWhole(descriptor, bytes) {
    for (let sent = 0; sent < bytes.length;) {
        try {
            sent += require("fs").writeSync(descriptor, bytes, sent);
        } catch (error) {
            if (error.code !== "EAGAIN") throw error;
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        }
    }
}

// The second thread: hears what is to be run, also while the main thread is busy.

function runSecondThread() {
    const net = require("net"), inspector = require("inspector");
    const session = new inspector.Session();
    session.connectToMainThread();
    let running = 0, timer;

    const interrupt = () => {
        if (!running) return;
        // Each time: an earlier one may have hit before the cell's own code ran.
        session.post("Runtime.terminateExecution", () => {});
        if (timer) return;
        const insist = () => parentPort.postMessage({ interrupt: true });
        insist();
        timer = setInterval(insist, 50);
    };
    parentPort.on("message", () => {
        running -= 1;
        clearInterval(timer);
        timer = undefined;
    });

    let rest = [];
    const pipe = new net.Socket({ fd: workerData.input, readable: true, writable: false });
    pipe.setEncoding("utf8");
    pipe.on("data", (text) => {
        const pieces = text.split("\n");
        while (pieces.length > 1) {
            rest.push(pieces.shift());
            const message = JSON.parse(rest.join(""));
            rest = [];
            if (message.interrupt) interrupt();
            else {
                running += 1;
                parentPort.postMessage(message);
            }
        }
        rest.push(pieces[0]);
    });
    pipe.on("end", () => process.kill(process.pid, "SIGKILL"));
}

// TypeScript: types are removed, not checked.

let typescript;

function withoutTypes(code) {
    const nodeModule = require("module"), path = require("path"), fs = require("fs");
    if (typescript === undefined) {
        const folders = [path.resolve("node_modules/typescript")];
        for (const entry of (process.env.PATH || "").split(path.delimiter)) {
            try { folders.push(path.dirname(path.dirname(fs.realpathSync(path.join(entry, "tsc"))))); } catch {}
        }
        folders.push(path.resolve(process.execPath, "../../lib/node_modules/typescript"), "/usr/share/nodejs/typescript");
        typescript = null;
        for (const folder of folders) {
            try { typescript = require(path.join(folder, "lib/typescript.js")); break; } catch {}
        }
    }
    if (typescript) {
        const major = parseInt(typescript.version);
        const result = typescript.transpileModule(code, {
            reportDiagnostics: true,
            compilerOptions: {
                target: typescript.ScriptTarget.ES2022, module: typescript.ModuleKind.ESNext, alwaysStrict: false,
                // What one cell imports another one may use.
                ...(major >= 5 ? { verbatimModuleSyntax: true }
                    : { isolatedModules: true, preserveValueImports: true, importsNotUsedAsValues: 1, experimentalDecorators: true }),
            },
        });
        const errors = (result.diagnostics || []).filter((one) => one.category === typescript.DiagnosticCategory.Error);
        if (errors.length) {
            const { start, file, messageText } = errors[0];
            const place = file && start !== undefined ? file.getLineAndCharacterOfPosition(start) : undefined;
            const message = typescript.flattenDiagnosticMessageText(messageText, "\n");
            throw new SyntaxError(place ? `${message} (line ${place.line + 1}, column ${place.character + 1})` : message);
        }
        return result.outputText.replace(/^export \{\};?\s*$/m, "");
    }
    if (typeof nodeModule.stripTypeScriptTypes === "function") {
        try {
            return nodeModule.stripTypeScriptTypes(code, { mode: "transform" });
        } catch (error) {
            throw new SyntaxError(error.message);
        }
    }
    throw Object.assign(new Error("there is nothing to remove types with: the package node-typescript has it"), { name: "KernelUnavailable" });
}

// Modules: a cell is no module, so its static imports become dynamic ones, and these ask for what is beside the work.

function rewritten(code) {
    if (!/\b(import|export)\b/.test(code)) return code;
    const loader = 'globalThis[Symbol.for("sandstorm.kernel")].import';
    const pieces = [];
    let copied = 0;
    const replace = (from, to, text) => {
        // Lines keep their numbers.
        const lost = (code.slice(from, to).match(/\n/g) || []).length - (text.match(/\n/g) || []).length;
        pieces.push(code.slice(copied, from), text, "\n".repeat(Math.max(0, lost)));
        copied = to;
    };
    for (const word of keywords(code)) {
        if (word.start < copied) continue;
        const rest = code.slice(word.start);
        if (word.text === "import" && /^import\s*\(/.test(rest)) {
            replace(word.start, word.start + 6, loader);
        } else if (word.text === "import" && word.isStatement) {
            const match = /^import\s+(?:([\w$]+)\s*(?:,\s*)?)?(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})?\s*(?:from\s*)?(["'])(.*?)\4(?:\s*(?:with|assert)\s*(\{[^}]*\}))?\s*;?/.exec(rest)
                || /^import\s*(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})\s*from\s*(["'])(.*?)\3()\s*;?/.exec(rest);
            if (!match) continue;
            const groups = match.length === 7 ? match.slice(1) : [undefined, ...match.slice(1)];
            const [main, space, names, , name, options] = groups;
            const call = `await ${loader}(${JSON.stringify(name)}${options ? `, { with: ${options} }` : ""})`;
            const parts = names === undefined ? [] : names.split(",").map((one) => one.trim()).filter((one) => one && !/^type\s/.test(one))
                .map((one) => one.replace(/\s+as\s+/, ": "));
            if (main) parts.unshift(`default: ${main}`);
            let text = parts.length || names !== undefined ? `const { ${parts.join(", ")} } = ${call};` : `${call};`;
            if (space) text = main ? `const ${space} = ${call}, { default: ${main} } = ${space};` : `const ${space} = ${call};`;
            replace(word.start, word.start + match[0].length, `${text} undefined;`);
        } else if (word.text === "export" && word.isStatement) {
            const match = /^export\s+default\s+(?=(async\s+)?(function|class)\s*[\w$]|)|^export\s+(?=(const|let|var|function|async|class)\b)|^export\s*\{[^}]*\}\s*;?/.exec(rest);
            if (match && !/\bfrom\b/.test(rest.slice(match[0].length, match[0].length + 8))) {
                replace(word.start, word.start + match[0].length, "");
            }
        }
    }
    return pieces.join("") + code.slice(copied);
}

// Where `import` and `export` are words of the language: not in strings, comments, templates' texts, regular expressions or after a dot.
function keywords(code) {
    const found = [], braces = [];
    let depth = 0, previous = "", statement = true, index = 0;
    const skipString = (quote) => {
        for (index += 1; index < code.length && code[index] !== quote; index += 1) if (code[index] === "\\") index += 1;
        index += 1;
    };
    const skipTemplate = () => {
        while (index < code.length && code[index] !== "`") {
            if (code[index] === "\\") index += 1;
            else if (code[index] === "$" && code[index + 1] === "{") { braces.push("template"); index += 2; return; }
            index += 1;
        }
        index += 1;
        previous = "literal";
    };
    while (index < code.length) {
        const letter = code[index], next = code[index + 1];
        if (letter === "\n") { statement = statement || depth === 0; index += 1; continue; }
        if (/\s/.test(letter)) { index += 1; continue; }
        if (letter === "/" && next === "/") { index = code.indexOf("\n", index); if (index < 0) break; continue; }
        if (letter === "/" && next === "*") { index = code.indexOf("*/", index + 2); if (index < 0) break; index += 2; continue; }
        const begins = statement;
        statement = false;
        if (letter === "'" || letter === '"') { skipString(letter); previous = "literal"; continue; }
        if (letter === "`") { index += 1; skipTemplate(); continue; }
        if (letter === "/" && !["literal", "word", ")", "]", "}"].includes(previous)) {
            let isInClass = false;
            for (index += 1; index < code.length && code[index] !== "\n"; index += 1) {
                if (code[index] === "\\") index += 1;
                else if (code[index] === "[") isInClass = true;
                else if (code[index] === "]") isInClass = false;
                else if (code[index] === "/" && !isInClass) break;
            }
            index += 1;
            previous = "literal";
            continue;
        }
        const word = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/u.exec(code.slice(index, index + 256));
        if (word) {
            const text = word[0];
            if ((text === "import" || text === "export") && previous !== ".") {
                found.push({ text, start: index, isStatement: begins && depth === 0 });
            }
            previous = /^(return|typeof|case|do|else|in|of|void|delete|throw|new|await|yield|instanceof)$/.test(text) ? "operator" : "word";
            index += text.length;
            continue;
        }
        if (letter === "{" || letter === "(" || letter === "[") { depth += 1; if (letter === "{") braces.push("brace"); }
        if (letter === "}" && braces.pop() === "template") { index += 1; skipTemplate(); continue; }
        if (letter === "}" || letter === ")" || letter === "]") { depth -= 1; statement = letter === "}" && depth === 0; }
        if (letter === ";") statement = depth === 0;
        previous = letter;
        index += 1;
    }
    return found;
}

"""###
        ),
        (
            "jupyter_kernel.py",
###"""
"""Kernels that speak Jupyter's protocol: ipykernel, and whatever else has a kernel specification."""

import asyncio
import hashlib
import hmac
import json
import os
import shutil
import socket
import sys
import uuid

import zmq
import zmq.asyncio

from kernels import Kernel, KernelUnavailable, error_event, first_of, now, result_event, stream_event
from processes import KernelProcess, ending

START_SECONDS = 60
# Messages under way on each side: small, so that output waits for its reader and not in memory.
HIGH_WATER = 16
DELIMITER = b"<IDS|MSG>"
PORTS = {"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5}


class JupyterKernel(Kernel):
    """A process and the two channels that matter: requests and replies, and what is published meanwhile."""

    context = None
    is_leaving = False

    def __init__(self, arguments, directory, environment=None, interrupt_by_message=False, transport="ipc", dresses=None):
        # Arguments with {connection_file} where its name belongs.
        self.arguments = arguments
        self.own_environment = environment or {}
        self.interrupt_by_message = interrupt_by_message
        # What code sets variables of the environment, and what sets them back; None for our own kernel, which is told beside the code.
        self.dresses = dresses
        # Kernels do not agree on how files of sockets are called: only ours have such.
        self.transport = transport
        self.id = uuid.uuid4().hex
        self.directory = os.path.join(directory, self.id[:8])
        self.key = uuid.uuid4().hex
        self.session = uuid.uuid4().hex
        self.sockets = []
        self.reader = None
        self.current = None
        # The kernel has said "idle" of the current request; its reply has come.
        self.idle = asyncio.Event()
        self.replies = asyncio.Queue()

    async def start(self, cwd, environment):
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        ports = PORTS if self.transport == "ipc" else free_ports()
        stem = os.path.join(self.directory, "s") if self.transport == "ipc" else "127.0.0.1"
        separator = "-" if self.transport == "ipc" else ":"
        connection = dict(ports, transport=self.transport, ip=stem, key=self.key, signature_scheme="hmac-sha256", kernel_name="")

        def address(channel):
            return f"{self.transport}://{stem}{separator}{ports[channel]}"

        path = os.path.join(self.directory, "connection.json")
        with open(path, "w") as file:
            json.dump(connection, file)
        arguments = [one.replace("{connection_file}", path) for one in self.arguments]
        with open(os.path.join(self.directory, "log"), "w+b") as log:
            try:
                self.process = KernelProcess(
                    arguments, cwd, {**environment, **self.own_environment}, stdin=-3, stdout=log, stderr=log
                )
            except OSError as error:
                raise KernelUnavailable(f"{arguments[0]} can't be started in {cwd}: {error.strerror}")
            if JupyterKernel.context is None:
                JupyterKernel.context = zmq.asyncio.Context()
                JupyterKernel.context.max_sockets = 16384
            self.shell = self.connect(zmq.DEALER, address("shell_port"))
            self.control = self.connect(zmq.DEALER, address("control_port"))
            self.iopub = self.connect(zmq.SUB, address("iopub_port"))
            self.iopub.subscribe(b"")
            self.reader = asyncio.ensure_future(self.read())
            done = await first_of(self.greet(), self.process.exited, timeout=START_SECONDS)
            if not done[0]:
                reason = f"it {ending(self.process.exited.result())}" if done[1] else f"it did not answer within {START_SECONDS} s"
                log.seek(max(0, log.tell() - 2000))
                said = log.read().decode("utf-8", "replace").strip()
                raise KernelUnavailable(f"The kernel did not start: {reason}" + (f"\n{said}" if said else ""))

    def connect(self, kind, address):
        made = JupyterKernel.context.socket(kind)
        made.linger = 0
        made.rcvhwm = HIGH_WATER
        made.reconnect_ivl = 5
        self.sockets.append(made)
        made.connect(address)
        return made

    async def greet(self):
        """Until the kernel answers and its publications are heard."""
        while True:
            self.current = None
            self.idle.clear()
            await self.request("kernel_info_request", {})
            done = await first_of(self.idle.wait(), timeout=0.5)
            if done[0]:
                break
        self.current = None

    async def request(self, kind, content, channel=None, send=None):
        header = {
            "msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self.session, "username": "user", "date": now(), "version": "5.3",
        }
        frames = [json.dumps(part).encode() for part in (header, {}, content.pop("metadata", {}), content)]
        if channel is None:
            while not self.replies.empty():
                self.replies.get_nowait()
            self.idle.clear()
            self.current = (header["msg_id"], send)
        await (channel or self.shell).send_multipart([DELIMITER, self.sign(frames), *frames])
        return header["msg_id"]

    def sign(self, frames):
        digest = hmac.new(self.key.encode(), digestmod=hashlib.sha256)
        for frame in frames:
            digest.update(frame)
        return digest.hexdigest().encode()

    # Reading: always, so that a kernel never waits for a cell that is over.

    async def read(self):
        shell = asyncio.ensure_future(self.read_replies())
        try:
            while True:
                frames = await self.iopub.recv_multipart()
                message = self.parse(frames)
                if message is None or self.current is None or message[1].get("msg_id") != self.current[0]:
                    continue
                header, _, content = message
                kind, send = header.get("msg_type"), self.current[1]
                if kind == "status":
                    if content.get("execution_state") == "idle":
                        self.idle.set()
                elif send is not None:
                    event = published(kind, header, content)
                    if event is not None:
                        await send(event)
        finally:
            shell.cancel()

    async def read_replies(self):
        while True:
            message = self.parse(await self.shell.recv_multipart())
            if message is not None and self.current is not None and message[1].get("msg_id") == self.current[0]:
                self.replies.put_nowait(message[2])

    def parse(self, frames):
        """Header, parent's header and content of a message that the kernel has signed."""
        if DELIMITER not in frames:
            return None
        signature, *parts = frames[frames.index(DELIMITER) + 1:]
        if len(parts) < 4 or not hmac.compare_digest(signature, self.sign(parts[:4])):
            return None
        try:
            return json.loads(parts[0]), json.loads(parts[1]), json.loads(parts[3])
        except ValueError:
            return None

    async def run(self, code, environment, send):
        if self.dresses is None or not environment:
            await self.run_cell(code, environment, send)
            return
        before, after = self.dresses(environment)
        await self.quietly(before)
        try:
            await self.run_cell(code, {}, send)
        finally:
            if self.is_alive:
                await self.quietly(after)

    async def quietly(self, code):
        """Runs code of which nobody hears."""
        await self.request(
            "execute_request", {"code": code, "silent": True, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        )
        await first_of(self.idle.wait(), self.process.exited)
        self.current = None

    async def run_cell(self, code, environment, send):
        heard = {"error": False}

        async def tell(event):
            heard["error"] = heard["error"] or event["type"] == "error"
            await send(event)

        await self.request(
            "execute_request",
            {
                "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": False,
                "metadata": {"environment": environment},
            },
            send=tell,
        )
        try:
            await first_of(self.idle.wait(), self.process.exited)
            if not self.idle.is_set():
                # What it has said before its death is still on the way.
                await first_of(self.idle.wait(), self.silence())
                return
            # An interrupt in the very last moment can take the reply away; its status has come then all the same.
            reply = {}
            if (await first_of(self.has_reply(), self.process.exited, timeout=1))[0]:
                reply = self.replies.get_nowait()
            if reply.get("status") == "error" and not heard["error"]:
                await send(error_event(reply.get("ename", ""), reply.get("evalue", ""), "\n".join(reply.get("traceback", []))))
            if any(one.get("source") == "ask_exit" for one in reply.get("payload") or []):
                # It ends a little later; the next cell is not for this one.
                await first_of(self.process.exited, timeout=1)
                self.is_leaving = True
                await self.process.kill()
        finally:
            self.current = None

    def is_orderly(self, status):
        return self.is_leaving

    async def has_reply(self):
        while self.replies.empty():
            await asyncio.sleep(0.002)

    async def silence(self):
        """Until nothing more comes from a dead kernel."""
        while await self.iopub.poll(200):
            await asyncio.sleep(0.05)

    async def interrupt(self):
        if self.interrupt_by_message:
            await self.request("interrupt_request", {}, channel=self.control)
        else:
            await super().interrupt()

    async def stop(self):
        await super().stop()
        if self.reader is not None:
            self.reader.cancel()
            await asyncio.gather(self.reader, return_exceptions=True)
        for socket in self.sockets:
            socket.close()
        self.sockets = []
        shutil.rmtree(self.directory, ignore_errors=True)


def published(kind, header, content):
    """The event that a publication of a kernel becomes, if any."""
    date = header.get("date")
    date = date if isinstance(date, str) else None
    if kind == "execute_input":
        return {"type": "number_of_executions", "execution_count": content.get("execution_count", 0)}
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return stream_event(name, content.get("text", ""), date)
    if kind in ("display_data", "execute_result"):
        return result_event(content.get("data", {}), kind == "execute_result")
    if kind == "error":
        return error_event(content.get("ename", ""), content.get("evalue", ""), "\n".join(content.get("traceback", [])))
    return None


def free_ports():
    """Ports for a kernel's five sockets, free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = {name: one.getsockname()[1] for name, one in zip(PORTS, sockets)}
    for one in sockets:
        one.close()
    return ports


# Kernel specifications of the system

SPECIFICATIONS = ["~/.local/share/jupyter/kernels", "/usr/local/share/jupyter/kernels", "/usr/share/jupyter/kernels"]


def specification(language):
    """The specification of a kernel for a language that is not among our own."""
    directories = [os.path.join(sys.prefix, "share/jupyter/kernels"), *map(os.path.expanduser, SPECIFICATIONS)]
    found = {}
    for directory in directories:
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            continue
        for name in names:
            try:
                with open(os.path.join(directory, name, "kernel.json")) as file:
                    one = json.load(file)
            except (OSError, ValueError):
                continue
            if not (isinstance(one, dict) and isinstance(one.get("argv"), list) and one["argv"]):
                continue
            found.setdefault(name.lower(), one)
            found.setdefault(str(one.get("language", "")).lower(), one)
    return found.get(language)

"""###
        ),
        (
            "kernels.py",
###"""
"""What all kinds of kernels have in common."""

import asyncio
import datetime
import signal

from processes import ending


class KernelUnavailable(Exception):
    """A kernel can't be started, and why."""


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def stream_event(name, text, timestamp=None):
    return {"type": name, "text": text, "timestamp": timestamp or now()}


def error_event(name, value, traceback=""):
    return {"type": "error", "name": name, "value": value, "traceback": traceback}


def without_quotes(text):
    """A string's representation without its quotes."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


KINDS = {
    "text/plain": "text",
    "text/html": "html",
    "text/markdown": "markdown",
    "image/svg+xml": "svg",
    "image/png": "png",
    "image/jpeg": "jpeg",
    "application/pdf": "pdf",
    "text/latex": "latex",
    "application/json": "json",
    "application/javascript": "javascript",
    "application/vnd.sandstorm.data+json": "data",
    "application/vnd.sandstorm.chart+json": "chart",
}
BINARY = {"png", "jpeg", "pdf"}


def result_event(bundle, is_main):
    """A result of a cell, from its representations by MIME type."""
    event = {"type": "result", "is_main_result": is_main}
    extra = {}
    for mime, value in bundle.items():
        kind = KINDS.get(mime)
        if value is None:
            continue
        if kind is None:
            extra[mime] = value
        elif kind == "text" and isinstance(value, str):
            event[kind] = without_quotes(value)
        elif kind in BINARY and isinstance(value, str):
            event[kind] = "".join(value.split())
        else:
            event[kind] = value
    event["extra"] = extra
    return event


class Kernel:
    """A living interpreter. Subclasses say how it is started, asked and interrupted.

    `process` is there once it was started.
    """

    process = None

    async def start(self, cwd, environment):
        raise NotImplementedError

    async def run(self, code, environment, send):
        """Runs a cell and sends what it does, except its end; returns when the kernel is ready for the next one.

        Ends early when the kernel dies.
        """
        raise NotImplementedError

    def is_orderly(self, status):
        """Whether an end in the middle of a cell is what the cell has asked for."""
        return False

    def ending(self, status):
        return ending(status)

    async def interrupt(self):
        self.process.signal_group(signal.SIGINT)

    async def stop(self):
        """Ends its processes and frees what it holds."""
        if self.process is not None:
            await self.process.kill()

    @property
    def is_alive(self):
        return self.process is not None and self.process.is_alive


async def first_of(*awaitables, timeout=None):
    """Waits for the first to be done, cancels those that are tasks of this call, and says which are done."""
    tasks = [asyncio.ensure_future(one) for one in awaitables]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return [task.done() for task in tasks]
    finally:
        for task, awaitable in zip(tasks, awaitables):
            if task is not awaitable:
                task.cancel()
        await asyncio.gather(*(task for task, awaitable in zip(tasks, awaitables) if task is not awaitable), return_exceptions=True)

"""###
        ),
        (
            "languages.py",
###"""
"""Which kernel runs which language."""

import base64
import importlib.util
import os
import shutil
import sys

from bash_kernel import BashKernel
from kernels import KernelUnavailable
from pipe_kernel import PipeKernel

HERE = os.path.dirname(os.path.abspath(__file__))


def read(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


SOURCES = {name: read(name) for name in os.listdir(HERE) if os.path.isfile(os.path.join(HERE, name))}


def placed(directory, name):
    """Where a kernel's program is; put there again if somebody has swept it away."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(SOURCES[name])
    return path


def program(name, package):
    """A program of the system."""
    path = shutil.which(name)
    if path is None:
        raise KernelUnavailable(f"{name} is not installed here; it comes with the package {package}")
    return path


def python(directory):
    if importlib.util.find_spec("ipykernel") is None:
        raise KernelUnavailable("Python's kernel is not installed here; it comes with the package python3-ipykernel")
    from jupyter_kernel import JupyterKernel

    return JupyterKernel(
        [
            sys.executable, placed(directory, "python_kernel.py"), "{connection_file}", placed(directory, "charts.py"),
            os.path.join(directory, "ipython"),
        ],
        directory,
    )


def javascript(directory, language="javascript"):
    node = program("node", "nodejs")
    return PipeKernel([node, placed(directory, "javascript_kernel.js"), "{input}", "{output}", language], package="nodejs")


def typescript(directory):
    return javascript(directory, "typescript")


def bash(directory):
    program("bash", "bash")
    return BashKernel()

R_LIBRARIES = ["/usr/local/lib/R/site-library", "/usr/lib/R/site-library", "/usr/lib/R/library"]


class JavaKernel(PipeKernel):
    async def ask(self, code, environment):
        words = [code, *(word for pair in environment.items() for word in pair)]
        line = " ".join(base64.b64encode(word.encode("utf-8", "replace")).decode() for word in words)
        await self.input.write(f"run {line}\n".encode())

    async def interrupt(self):
        await self.input.write(b"interrupt\n")


def java(directory):
    program("jshell", "default-jdk-headless")
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g", "--add-modules", "jdk.jshell"]
    return JavaKernel(
        [program("java", "default-jdk-headless"), *options, placed(directory, "JavaKernel.java"), "{input}", "{output}"],
        package="default-jdk-headless",
    )


def r(directory):
    program("R", "r-base-core")
    if not any(os.path.isdir(os.path.join(library, "IRkernel")) for library in R_LIBRARIES):
        raise KernelUnavailable("R's kernel is not installed here; it comes with the package r-cran-irkernel")
    from jupyter_kernel import JupyterKernel

    arguments = ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
    return JupyterKernel(arguments, directory, transport="tcp", dresses=r_environment)


def r_environment(environment):
    """R code that sets variables of the environment, and code that sets them back."""

    def quoted(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    names = ", ".join(map(quoted, environment))
    values = ", ".join(map(quoted, environment.values()))
    assign = "function(n, v) if (is.na(v)) Sys.unsetenv(n) else do.call(Sys.setenv, stats::setNames(list(v), n))"
    before = f"options(sandstorm.environment = Sys.getenv(c({names}), unset = NA, names = TRUE)); mapply({assign}, c({names}), c({values}))"
    after = f"local({{ old <- getOption('sandstorm.environment'); mapply({assign}, names(old), old) }})"
    return before, after


def no_environment(environment):
    raise KernelUnavailable("Variables of the environment can't be set for a single execution in this language")


OWN = {"r": r, "java": java, "python": python, "python3": python, "javascript": javascript, "typescript": typescript, "bash": bash}


def kernel_for(language, directory):
    """A kernel, not yet started.

    Ours, else one of the system's specifications, which is how Jupyter knows its kernels.
    """
    if language in OWN:
        return OWN[language](directory)
    specification = None
    if importlib.util.find_spec("zmq") is not None:
        import jupyter_kernel

        specification = jupyter_kernel.specification(language)
    if specification is None:
        raise KernelUnavailable(f"There is no kernel for {language}; here are {', '.join(sorted(OWN))}")
    return jupyter_kernel.JupyterKernel(
        [str(one) for one in specification["argv"]], directory, specification.get("env"),
        interrupt_by_message=specification.get("interrupt_mode") == "message", transport="tcp",
        dresses=no_environment,
    )

"""###
        ),
        (
            "pipe_kernel.py",
###"""
"""Kernels of ours: a process that is told what to run over one pipe, says what came of it over another, and writes to two more.

Messages are JSON objects, one a line. To the kernel: {"code", "environment"} and {"interrupt": true}. From it: {"ready": true} once, then for
each cell any number of {"stdout": text}, {"stderr": text}, {"result": {MIME type: value}, "main": …} and {"error": {"name", "value", "traceback"}}, and {"done": true}; or
{"exit": status} as its last word, where the status of its process says something else.
"""

import asyncio
import codecs
import fcntl
import json
import os
import signal
import struct
import termios

from kernels import Kernel, KernelUnavailable, error_event, first_of, result_event, stream_event
from processes import KernelProcess, ending

START_SECONDS = 60
PIECE = 64 * 1024
PAUSE_SECONDS = 0.003


class Pipe:
    """The reading end of a pipe: hands on what comes, one piece after the other."""

    def __init__(self, descriptor, take):
        self.descriptor = descriptor
        self.take = take
        self.taken = 0
        self.passed = 0
        self.progress = asyncio.Event()
        os.set_blocking(descriptor, False)
        self.task = asyncio.ensure_future(self.read())

    async def readable(self):
        loop = asyncio.get_running_loop()
        ready = loop.create_future()
        loop.add_reader(self.descriptor, lambda: ready.done() or ready.set_result(None))
        try:
            await ready
        finally:
            loop.remove_reader(self.descriptor)

    async def read(self):
        clock = asyncio.get_running_loop().time
        last = 0.0
        while True:
            try:
                piece = os.read(self.descriptor, PIECE)
            except BlockingIOError:
                await self.readable()
                continue
            if not piece:
                return
            self.taken += len(piece)
            await self.take(piece)
            self.passed += len(piece)
            self.progress.set()
            # Many lines, written one by one, are read in larger pieces.
            if clock() - last < PAUSE_SECONDS:
                await asyncio.sleep(PAUSE_SECONDS)
            last = clock()

    async def settle(self):
        """Waits until what is in the pipe by now was handed on."""
        waiting = struct.unpack("i", fcntl.ioctl(self.descriptor, termios.FIONREAD, b"\0\0\0\0"))[0]
        end = self.taken + waiting
        while self.passed < end and not self.task.done():
            self.progress.clear()
            await first_of(self.progress.wait(), self.task)

    async def close(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        os.close(self.descriptor)


class Writer:
    """The writing end of a pipe."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        os.set_blocking(descriptor, False)

    async def write(self, data):
        loop = asyncio.get_running_loop()
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.descriptor, view):]
            except BlockingIOError:
                room = loop.create_future()
                loop.add_writer(self.descriptor, lambda: room.done() or room.set_result(None))
                try:
                    await room
                finally:
                    loop.remove_writer(self.descriptor)
            except BrokenPipeError:
                return

    def close(self):
        os.close(self.descriptor)


class PipeKernel(Kernel):
    """A kernel of ours. Its arguments have {input} and {output} where the numbers of its ends belong."""

    def __init__(self, arguments, environment=None, package=None):
        self.arguments = arguments
        self.own_environment = environment or {}
        self.package = package
        self.count = 0
        self.send = None
        self.pipes = []
        self.input = None
        self.exit = None
        self.line = b""
        self.ready = asyncio.Event()
        self.done = asyncio.Event()
        # What it has said before it was ready.
        self.noise = b""

    async def start(self, cwd, environment):
        pairs = [os.pipe() for _ in range(4)]
        readers, writers = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        theirs, ours = [readers[0], *writers[1:]], [writers[0], *readers[1:]]
        arguments = [one.replace("{input}", str(theirs[0])).replace("{output}", str(theirs[1])) for one in self.arguments]
        try:
            self.process = KernelProcess(
                arguments, cwd, {**environment, **self.own_environment}, **self.streams(theirs)
            )
        except OSError as error:
            for one in ours:
                os.close(one)
            hint = f"; it comes with the package {self.package}" if self.package and isinstance(error, FileNotFoundError) else ""
            raise KernelUnavailable(f"{arguments[0]} can't be started: {error.strerror}{hint}")
        finally:
            for one in theirs:
                os.close(one)
        self.input = Writer(ours[0])
        self.messages = Pipe(ours[1], self.take_messages)
        self.stdout = Pipe(ours[2], self.taker("stdout"))
        self.stderr = Pipe(ours[3], self.taker("stderr"))
        self.pipes = [self.messages, self.stdout, self.stderr]
        await self.greet()
        done = await first_of(self.ready.wait(), self.process.exited, timeout=START_SECONDS)
        if not done[0]:
            reason = f"it {ending(self.process.exited.result())}" if done[1] else f"it was not ready within {START_SECONDS} s"
            await first_of(self.stderr.settle(), timeout=1)
            said = self.noise.decode("utf-8", "replace").strip()
            raise KernelUnavailable(f"The kernel did not start: {reason}" + (f"\n{said}" if said else ""))

    def streams(self, theirs):
        return {"stdin": -3, "stdout": theirs[2], "stderr": theirs[3], "pass_fds": theirs[:2]}

    def ending(self, status):
        return ending(status if self.exit is None else self.exit)

    async def greet(self):
        """Says what a kernel has to hear before it is ready."""

    def taker(self, name):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")

        async def take(piece):
            if not self.ready.is_set():
                self.noise = (self.noise + piece)[-4000:]
                return
            text = decoder.decode(piece)
            if text and self.send is not None:
                await self.send(stream_event(name, text))

        return take

    async def take_messages(self, piece):
        *lines, self.line = (self.line + piece).split(b"\n")
        for line in lines:
            await self.take_message(json.loads(line))

    async def take_message(self, message):
        if "ready" in message:
            self.ready.set()
        elif "done" in message:
            self.done.set()
        elif "exit" in message:
            self.exit = message["exit"]
            self.process.signal_group(signal.SIGKILL)
        elif self.send is None:
            pass
        elif "stdout" in message or "stderr" in message:
            name, text = next(iter(message.items()))
            await self.send(stream_event(name, text))
        elif "result" in message:
            await self.send(result_event(message["result"], message.get("main", True)))
        elif "error" in message:
            one = message["error"]
            await self.send(error_event(one["name"], one["value"], one["traceback"]))

    async def run(self, code, environment, send):
        self.done.clear()
        self.send = send
        try:
            self.count += 1
            await send({"type": "number_of_executions", "execution_count": self.count})
            asking = asyncio.ensure_future(self.ask(code, environment))
            try:
                await first_of(self.done.wait(), self.process.exited)
            finally:
                asking.cancel()
            if not self.process.is_alive:
                # All that its pipes still hold; what it has left running may keep them open.
                await self.messages.settle()
            await asyncio.gather(self.stdout.settle(), self.stderr.settle())
        finally:
            self.send = None

    async def ask(self, code, environment):
        await self.tell({"code": code, "environment": environment})

    async def tell(self, message):
        await self.input.write(json.dumps(message).encode() + b"\n")

    async def interrupt(self):
        await super().interrupt()
        await self.tell({"interrupt": True})

    async def stop(self):
        await super().stop()
        for pipe in self.pipes:
            await pipe.close()
        self.pipes = []
        if self.input is not None:
            self.input.close()
            self.input = None

"""###
        ),
        (
            "processes.py",
###"""
"""Processes of kernels: none outlives this program, and each is ended with all that runs in its session."""

import asyncio
import ctypes
import os
import signal
import subprocess

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
OOM_SCORE = "500"


def die_with_parent():
    """Runs in the child, between fork and exec."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        # When memory runs out a kernel goes, not the program that can say so.
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(OOM_SCORE)
    except OSError:
        pass


class KernelProcess:
    """A process that leads a session of its own."""

    living = set()

    def __init__(self, arguments, cwd, environment, **streams):
        self.exited = asyncio.get_running_loop().create_future()
        self.process = subprocess.Popen(
            arguments, cwd=cwd, env=environment, start_new_session=True, preexec_fn=die_with_parent, **streams
        )
        self.pid = self.process.pid
        KernelProcess.living.add(self)
        KernelProcess.reap()

    @classmethod
    def reap(cls):
        """Called when a child may have ended."""
        for one in list(cls.living):
            if one.process.poll() is not None:
                cls.living.discard(one)
                one.exited.set_result(one.process.returncode)

    @property
    def is_alive(self):
        return not self.exited.done()

    def signal_group(self, number):
        if self.is_alive:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                pass

    async def kill(self):
        """Ends it and everything in its session, jobs in groups of their own too."""
        for pid in session_members(self.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        await asyncio.shield(self.exited)


def session_members(session):
    """The processes of a session; none that was given its number later, as a number with members is not given away."""
    members = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                members.append(int(name))
    return members


def ending(status):
    """How a process has ended, in words."""
    if status < 0:
        try:
            return f"was killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"was killed by signal {-status}"
    return f"exited with status {status}"

"""###
        ),
        (
            "python_kernel.py",
###"""
"""Python's kernel: ipykernel, whose output waits for its reader, and which shows charts and tables as data.

Started with the connection file's name and the place of chart extraction's source.
"""

import asyncio
import codecs
import contextlib
import fcntl
import functools
import importlib.abc
import importlib.util
import os
import select
import signal
import struct
import sys
import termios
import threading

# It takes long to load, and nothing here debugs.
sys.modules.setdefault("debugpy", None)

import zmq
from ipykernel import iostream, ipkernel, kernelapp
from IPython.core.formatters import BaseFormatter
from traitlets import ObjectName, Unicode
from traitlets.config import Config

if sys.modules.get("debugpy", True) is None:
    del sys.modules["debugpy"]

HIGH_WATER = 16
PIECE = 64 * 1024
PENDING = 64


class BoundedThread(iostream.IOPubThread):
    """Publishes from a thread of its own, and lets whoever has too much to publish wait."""

    def __init__(self, *arguments, **options):
        self.room = threading.Semaphore(PENDING)
        super().__init__(*arguments, **options)

    def send_multipart(self, *arguments, **options):
        if not self.thread.is_alive() or threading.current_thread() is self.thread or not self._is_master_process():
            return super().send_multipart(*arguments, **options)
        self.room.acquire()

        def send():
            try:
                self._really_send(*arguments, **options)
            finally:
                self.room.release()

        self.schedule(send)


class BoundedStream(iostream.OutStream):
    """Standard output or error: no more than a piece is kept, whoever writes more waits until it is on its way."""

    # Until the reader reads on, or an interrupt.
    flush_timeout = None

    def __init__(self, *arguments, **options):
        self.unsent = 0
        self.taken = 0
        self.passed = 0
        self.progress = threading.Condition()
        super().__init__(*arguments, **options)

    def write(self, string):
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string).__name__}")
        if len(string) <= PIECE:
            self.write_piece(string)
        else:
            for start in range(0, len(string), PIECE):
                self.write_piece(string[start:start + PIECE])
        return len(string)

    def write_piece(self, string):
        super().write(string)
        self.unsent += len(string)
        if self.unsent >= PIECE:
            self.unsent = 0
            self.flush()

    def _watch_pipe_fd(self):
        """Reads what programs and libraries write past Python."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while self._should_watch:
            select.select([self._fid], [], [])
            with self.progress:
                read = os.read(self._fid, PIECE)
                self.taken += len(read)
            if not read:
                return
            text = decoder.decode(read)
            if text:
                self.write(text)
            with self.progress:
                self.passed += len(read)
                self.progress.notify_all()

    def settle(self):
        """Waits until what is in the pipe by now was read."""
        if not getattr(self, "_should_watch", False) or not self.watch_fd_thread.is_alive():
            return
        with self.progress:
            waiting = struct.unpack("i", fcntl.ioctl(self._fid, termios.FIONREAD, b"\0\0\0\0"))[0]
            end = self.taken + waiting
            self.progress.wait_for(lambda: self.passed >= end)


class Kernel(ipkernel.IPythonKernel):
    """Sets the environment that comes with a request, for its time."""

    async def execute_request(self, stream, ident, parent):
        wanted = (parent.get("metadata") or {}).get("environment") or {}
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            await super().execute_request(stream, ident, parent)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    @contextlib.contextmanager
    def _cancel_on_sigint(self, future):
        """As before, and the loop hears of it also while it waits."""
        loop = asyncio.get_running_loop()
        with super()._cancel_on_sigint(future):
            handle = signal.getsignal(signal.SIGINT)

            def wake(*arguments):
                handle(*arguments)
                loop.call_soon_threadsafe(lambda: None)

            signal.signal(signal.SIGINT, wake)
            yield

    async def do_execute(self, *arguments, **options):
        reply = await super().do_execute(*arguments, **options)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, BoundedStream):
                stream.settle()
        return reply


class Application(kernelapp.IPKernelApp):
    def _bind_socket(self, socket, port):
        if socket.type in (zmq.PUB, zmq.XPUB):
            # Wait for a slow reader, rather than to lose what it has not read.
            socket.sndhwm = HIGH_WATER
            socket.setsockopt(zmq.XPUB_NODROP, 1)
        return super()._bind_socket(socket, port)


class DataFormatter(BaseFormatter):
    """Values that have a form as data, by type."""

    format_type = Unicode("application/vnd.sandstorm.data+json")
    print_method = ObjectName("_sandstorm_data_")
    _return_type = dict


class ChartFormatter(DataFormatter):
    """Figures as charts. Not by the table of types, from which whoever chooses figures' formats takes them out."""

    format_type = Unicode("application/vnd.sandstorm.chart+json")
    print_method = ObjectName("_sandstorm_chart_")
    chart_of = None

    def __call__(self, value):
        figures = sys.modules.get("matplotlib.figure")
        if figures is not None and isinstance(value, figures.Figure):
            return self.chart_of(value)
        return super().__call__(value)


def table(frame):
    """A DataFrame as column → list, in JSON's types."""
    columns = {}
    for position, name in enumerate(frame.columns):
        columns[str(name)] = [plain(value) for value in frame.iloc[:, position].tolist()]
    return columns


def plain(value):
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if type(value).__name__ == "NaTType" or type(value).__name__ == "NAType":
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


class BoxPlotRecorder(importlib.abc.MetaPathFinder):
    """Keeps the figures of which a box plot is drawn: its lines don't tell what they are."""

    MODULE = "matplotlib.axes._axes"

    def find_spec(self, name, path, target=None):
        if name != self.MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                with contextlib.suppress(Exception):
                    self.record(module.Axes)

            spec.loader.exec_module = exec_module
        return spec

    def record(self, axes_class):
        draw = axes_class.bxp

        @functools.wraps(draw)
        def bxp(axes, bxpstats, *arguments, **options):
            artists = draw(axes, bxpstats, *arguments, **options)
            if isinstance(artists, dict) and artists.get("medians"):
                recorded = axes.__dict__.setdefault("_sandstorm_boxes", [])
                recorded[:] = [one for one in recorded if one[1][0].axes is axes]
                recorded.append((list(bxpstats), list(artists["medians"])))
            return artists

        axes_class.bxp = bxp


def install(shell, charts_source):
    formatters = shell.display_formatter.formatters
    data, chart = DataFormatter(parent=shell.display_formatter), ChartFormatter(parent=shell.display_formatter)
    for formatter in (data, chart):
        formatters[formatter.format_type] = formatter
        active = shell.display_formatter.active_types
        if active and formatter.format_type not in active:
            shell.display_formatter.active_types = [*active, formatter.format_type]

    module = {}

    def chart_of(figure):
        if not module:
            exec(compile(charts_source, "<charts>", "exec"), module)
        return module["chart_of"](figure)

    sys.meta_path.insert(0, BoxPlotRecorder())
    data.for_type_by_name("pandas.core.frame", "DataFrame", table)
    chart.chart_of = chart_of


def main():
    connection_file, charts_path, ipython_directory = sys.argv[1:4]
    os.makedirs(ipython_directory, mode=0o700, exist_ok=True)
    with open(charts_path) as file:
        charts_source = file.read()
    own_directory = sys.path.pop(0)
    sys.argv[1:] = []
    iostream.IOPubThread = kernelapp.IOPubThread = BoundedThread
    iostream.OutStream = BoundedStream
    # Some of IPython asks the environment; the user's home stays as it is.
    os.environ["IPYTHONDIR"] = ipython_directory
    settings = Config()
    settings.HistoryManager.hist_file = ":memory:"
    application = Application.instance(
        config=settings, kernel_class=Kernel, connection_file=connection_file, ipython_dir=ipython_directory, log_level=50
    )
    application.initialize([])
    install(application.shell, charts_source)
    del os.environ["IPYTHONDIR"]
    # As in an interactive session: modules beside the work are found, this program's are not.
    sys.path[:] = ["", *(path for path in sys.path if path not in ("", own_directory))]
    application.start()


main()

"""###
        ),
    ]
}
