"""Many things at the same time, and the program of the documentation."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

QUICK_START = Path(__file__).parent.parent.parent / "examples" / "e2b" / "quick_start.py"


async def test_ten_sandboxes_at_once(boxes):
    made = await asyncio.gather(*(boxes() for _ in range(10)))
    assert len({box.sandbox_id for box in made}) == 10
    results = await asyncio.gather(*(box.commands.run(f"echo {number}") for number, box in enumerate(made)))
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(10)]
    assert all(await asyncio.gather(*(box.kill() for box in made)))


async def test_everything_at_once_in_one_sandbox(sdk, box):
    async def command(number):
        assert (await box.commands.run(f"sleep 0.1; echo {number}")).stdout == f"{number}\n"

    async def file(number):
        await box.files.write(f"f{number}", str(number) * 100)
        assert await box.files.read(f"f{number}") == str(number) * 100

    async def background(number):
        running = await sdk.start(box, f"sleep 0.1; echo {number}")
        assert (await running.wait()).stdout == f"{number}\n"

    await asyncio.gather(*(each(number) for number in range(8) for each in (command, file, background)))


async def test_the_quick_start_runs_as_it_stands(gateway):
    environment = {
        "PATH": os.environ["PATH"],
        "E2B_API_KEY": gateway.key,
        "E2B_API_URL": gateway.url,
        "E2B_SANDBOX_URL": gateway.url,
    }
    result = await asyncio.to_thread(
        lambda: subprocess.run([sys.executable, QUICK_START], env=environment, capture_output=True, text=True, timeout=60)
    )
    assert (result.returncode, result.stdout.splitlines()[0]) == (0, "hi"), result.stderr
