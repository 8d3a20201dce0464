enum Level { Low = 1, High = Low << 3 }
const enum Direction { Up = "UP", Down = "DOWN" }
namespace Geometry {
    export const unit = 10;
    export function scale(n: number): number { return n * unit; }
}
abstract class Animal {
    constructor(protected readonly name: string, private legs = 4) {}
    abstract sound(): string;
    toString(): string { return `${this.name} (${this.legs}): ${this.sound()}`; }
}
class Camel extends Animal { sound() { return "grunt"; } }
console.log(Level.High, Level[1], Direction.Down, Geometry.scale(4));
console.log(String(new Camel("Ali")));
