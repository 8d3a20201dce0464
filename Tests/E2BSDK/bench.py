"""What the dialect costs, as ratios measured in one run: `scripts/e2b-sdk.sh bench`, which `make bench` calls with a release build.

- `commands.run("true")` through the SDK against the same command through the native API: at most 2.5 times as long.
- A file of 1 GiB up and down through the SDK against a plain static file server (Hummingbird's) on this machine: at least half as fast, with the gateway's
  memory flat.
"""

import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
from e2b import Sandbox
from pyqwest import SyncHTTPTransport
from pyqwest.httpx import PyqwestTransport

URL = os.environ["SANDSTORM_E2B_URL"]
KEY = os.environ["SANDSTORM_E2B_KEY"]
OPTIONS = {"api_key": KEY, "api_url": URL, "sandbox_url": URL}
NATIVE = URL.removesuffix("/e2b") + "/v1"

RUNS = int(os.environ.get("E2B_BENCH_RUNS", "150"))
SIZE = int(os.environ.get("E2B_BENCH_MIB", "1024")) << 20
BLOCK = os.urandom(1 << 20)

COMMAND_BAR = 2.5
TRANSFER_BAR = 0.5
# Over what the gateway had before the transfers.
MEMORY_BAR_MIB = 64

failed = []


def report(what: str, value: float, bar: float, below: bool, unit: str) -> None:
    good = value <= bar if below else value >= bar
    if not good:
        failed.append(what)
    print(f"{'ok  ' if good else 'MISS'} {what}: {value:.2f} {unit} (bar {'≤' if below else '≥'} {bar})", flush=True)


def median_milliseconds(call) -> float:
    for _ in range(10):
        call()
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


# The SDK's own HTTP stack on both sides, so that only the servers differ.
def client(**options) -> httpx.Client:
    return httpx.Client(transport=PyqwestTransport(SyncHTTPTransport()), timeout=600, **options)


def native_run(http: httpx.Client, sandbox: str) -> None:
    """The same by the native API: start a command and read its events to the end."""
    body = {"command": ["/bin/bash", "-l", "-c", "true"]}
    with http.stream("POST", f"{NATIVE}/sandboxes/{sandbox}/processes", json=body) as response:
        content = response.read()
    assert response.is_success, content
    assert b'"exitCode":0' in content, content


def commands() -> None:
    box = Sandbox.create(timeout=600, **OPTIONS)
    headers = {"authorization": f"Bearer {KEY}", "accept": "application/x-ndjson"}
    with client(headers=headers) as http:
        made = http.post(f"{NATIVE}/sandboxes", json={"spec": {"timeout": 600_000}})
        made.raise_for_status()
        native = made.json()["id"]
        try:
            ours = median_milliseconds(lambda: native_run(http, native))
            theirs = median_milliseconds(lambda: box.commands.run("true"))
        finally:
            http.delete(f"{NATIVE}/sandboxes/{native}")
            box.kill()
    print(f"     commands.run('true'): native {ours:.2f} ms, SDK {theirs:.2f} ms")
    report("commands.run('true') through the SDK against the native API", theirs / ours, COMMAND_BAR, True, "times")


class StaticFiles:
    """A plain server of files: Hummingbird's, on which the gateway's own server stands too."""

    def __init__(self, directory: str):
        self.program = subprocess.Popen(
            [os.environ["SANDSTORM_BENCHMARKS"], "static-files", directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.program.stdout.readline().strip()
        assert self.url, "the plain server does not listen"

    def stop(self):
        self.program.stdin.close()
        self.program.wait(30)


class Blocks:
    """A file of `SIZE` bytes that takes no memory."""

    def __init__(self):
        self.at = 0

    def read(self, count: int = -1) -> bytes:
        left = SIZE - self.at
        count = left if count < 0 else min(count, left)
        start = self.at % len(BLOCK)
        data = BLOCK[start : start + min(count, len(BLOCK) - start)]
        self.at += len(data)
        return data

    def __iter__(self):
        while data := self.read(1 << 20):
            yield data


def digest() -> str:
    summed = hashlib.sha256()
    for data in Blocks():
        summed.update(data)
    return summed.hexdigest()


def seconds(call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def resident_mib() -> float:
    """Of the gateway."""
    pid = os.environ["SANDSTORM_E2B_PID"]
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def transfers() -> None:
    with tempfile.TemporaryDirectory(prefix="sandstorm-test-bench.") as directory:
        server = StaticFiles(directory)
        plain = f"{server.url}/file"

        def drop(response):
            for _ in response.iter_bytes(1 << 20):
                pass

        with client() as http:
            plain_up = seconds(lambda: http.put(plain, content=iter(Blocks()), headers={"content-length": str(SIZE)}))

            def down():
                with http.stream("GET", plain) as response:
                    drop(response)

            plain_down = seconds(down)
        server.stop()

    box = Sandbox.create(timeout=1800, **OPTIONS)
    try:
        before = resident_mib()
        most = before
        done = threading.Event()

        def watch():
            nonlocal most
            while not done.wait(0.05):
                most = max(most, resident_mib())

        watcher = threading.Thread(target=watch)
        watcher.start()
        box_up = seconds(lambda: box.files.write("big.bin", iter(Blocks()), request_timeout=600))

        def box_read():
            for _ in box.files.read("big.bin", format="stream", request_timeout=600):
                pass

        box_down = seconds(box_read)
        done.set()
        watcher.join()
        found = box.commands.run("sha256sum big.bin", timeout=300).stdout.split()[0]
        assert found == digest(), "the file is not what was sent"
    finally:
        box.kill()
    rate = (SIZE >> 20) / 1.0
    print(f"     up: plain {rate / plain_up:.0f} MiB/s, SDK {rate / box_up:.0f} MiB/s")
    print(f"     down: plain {rate / plain_down:.0f} MiB/s, SDK {rate / box_down:.0f} MiB/s")
    report("a file up through the SDK against a plain server", plain_up / box_up, TRANSFER_BAR, False, "of its speed")
    report("a file down through the SDK against a plain server", plain_down / box_down, TRANSFER_BAR, False, "of its speed")
    report("memory that the transfers take in the gateway", most - before, MEMORY_BAR_MIB, True, "MiB")


commands()
transfers()
sys.exit(1 if failed else 0)
