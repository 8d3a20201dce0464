import { readFile, writeFile } from "node:fs/promises";
import type { Stats } from "fs";
import { EventEmitter } from "events";
import { PathLike as Path } from "fs";

type Row = { id: number; tags: string[] };
const name: Path = "rows.json";
const emitter = new EventEmitter();
emitter.on("row", (row: Row) => console.log(row.id, row.tags.join("+")));
await writeFile(name, JSON.stringify([{ id: 1, tags: ["a", "b"] }]));
for (const row of JSON.parse(await readFile(name, "utf8")) as Row[]) emitter.emit("row", row);
export {};
