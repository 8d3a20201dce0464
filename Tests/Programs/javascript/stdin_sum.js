const readline = require("readline");
const lines = readline.createInterface({ input: process.stdin });
let sum = 0;
lines.on("line", (line) => {
    const number = Number(line);
    if (Number.isNaN(number)) console.error(`not a number: ${line}`);
    else sum += number;
});
lines.on("close", () => console.log(sum));
