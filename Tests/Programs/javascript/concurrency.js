const wait = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value));
async function* ticks(count) {
    for (let i = 0; i < count; i++) yield await wait(2, i);
}
const all = await Promise.all([wait(30, "slow"), wait(1, "fast")]);
console.log(all, await Promise.race([wait(50, "a"), wait(1, "b")]));
for await (const tick of ticks(3)) console.log("tick", tick);
console.log((await Promise.allSettled([Promise.reject(new Error("no")), 1])).map((r) => r.status));
