import asyncio
from concurrent.futures import ThreadPoolExecutor


async def square(n):
    await asyncio.sleep(0.01 * (5 - n))
    return n * n


async def main():
    print(await asyncio.gather(*(square(n) for n in range(5))))


asyncio.run(main())
with ThreadPoolExecutor(4) as pool:
    print(sum(pool.map(lambda n: n**3, range(100))))
