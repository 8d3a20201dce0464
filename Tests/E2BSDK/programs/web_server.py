"""Runs inside a sandbox: answers HTTP with what it was asked, and echoes WebSocket messages at /ws. `web_server.py PORT`."""

import base64
import hashlib
import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if self.path == "/ws":
            return self.echo()
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if self.path == "/teapot":
            return self.send(418, b"short and stout", "text/plain")
        if self.path == "/big":
            return self.send(200, b"x" * 3_000_000, "application/octet-stream")
        if self.path == "/slow":
            return self.stream()
        said = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "body": body.decode()}
        self.send(200, json.dumps(said).encode(), "application/json")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

    def send(self, status, body, kind):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-from-inside", "yes")
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        import time

        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in (b"one", b"two", b"three"):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")

    def echo(self):
        key = self.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "Upgrade")
        self.send_header("sec-websocket-accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2:
                return
            kind, length = head[0] & 15, head[1] & 127
            if length == 126:
                length = int.from_bytes(self.rfile.read(2), "big")
            elif length == 127:
                length = int.from_bytes(self.rfile.read(8), "big")
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(length)))
            size = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
            self.wfile.write(bytes([0x80 | (kind if kind != 9 else 10)]) + size + data)
            if kind == 8:
                return

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    address_family = socket.AF_INET


Server(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()
