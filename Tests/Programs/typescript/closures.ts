const memo = <A extends unknown[], R>(f: (...args: A) => R) => {
    const cache = new Map<string, R>();
    return (...args: A): R => {
        const key = JSON.stringify(args);
        if (!cache.has(key)) cache.set(key, f(...args));
        return cache.get(key)!;
    };
};
const fibonacci: (n: number) => bigint = memo((n: number): bigint => (n < 2 ? BigInt(n) : fibonacci(n - 1) + fibonacci(n - 2)));
console.log(fibonacci(150));
function* take<T>(count: number, items: Iterable<T>): Generator<T> {
    for (const item of items) if (count-- > 0) yield item; else return;
}
console.log([...take(3, "日本語テキスト")]);
