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
