interface Shape { readonly kind: "circle" | "square"; size: number }
type Area<T extends Shape> = (shape: T) => number;

const area: Area<Shape> = ({ kind, size }) => (kind === "circle" ? 3 : 1) * size ** 2;

class Stack<T> {
    #items: T[] = [];
    push(...items: T[]): this { this.#items.push(...items); return this; }
    pop(): T | undefined { return this.#items.pop(); }
    get size(): number { return this.#items.length; }
}

function groupBy<T, K extends string>(items: readonly T[], key: (item: T) => K): Record<K, T[]> {
    return items.reduce((groups, item) => {
        (groups[key(item)] ??= []).push(item);
        return groups;
    }, {} as Record<K, T[]>);
}

const stack = new Stack<Shape>().push({ kind: "circle", size: 2 }, { kind: "square", size: 3 });
console.log(area(stack.pop()!), stack.size);
console.log(JSON.stringify(groupBy([1, 2, 3, 4, 5], (n) => (n % 2 ? "odd" : "even"))));
