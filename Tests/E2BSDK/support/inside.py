"""Programs that run inside sandboxes."""

from pathlib import Path

from .waiting import eventually

PROGRAMS = Path(__file__).parent.parent / "programs"


async def serve(sdk, box, port: int) -> None:
    """Starts the web server of `programs` in the sandbox and waits until it listens."""
    await box.files.write("/tmp/web_server.py", (PROGRAMS / "web_server.py").read_text())
    await sdk.start(box, f"python3 /tmp/web_server.py {port}", timeout=0)
    check = f"python3 -c \"import socket; socket.create_connection(('127.0.0.1', {port}), 1)\" 2>/dev/null && echo up || true"

    async def is_up():
        return (await box.commands.run(check)).stdout == "up\n"

    await eventually(is_up)
