const fs = require("fs");
interface Row { [column: string]: string }
const [head, ...body]: string[][] = fs.readFileSync(0, "utf8").trim().split("\n").map((line: string) => line.split(","));
const rows: Row[] = body.map((cells) => Object.fromEntries(cells.map((cell, i) => [head[i], cell] as const)));
const total = rows.reduce((sum: number, row: Row): number => sum + Number(row["price"]), 0);
console.log(rows.map((row) => row.name).sort((a, b) => a.localeCompare(b)).join(" "), total.toFixed(2));
process.exitCode = rows.length;
