import asyncio
import inspect
import time


async def eventually(probe, timeout: float = 20, every: float = 0.05):
    """What `probe` gives once it is truthy; it is asked again and again. Fails with what it gave last."""
    deadline = time.monotonic() + timeout
    while True:
        found = probe()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout} s; at last: {found!r}"
        await asyncio.sleep(every)
