import fs from "fs";
const { basename } = require("path");
fs.writeFileSync("note.txt", "written\n");
console.log(fs.readFileSync("note.txt", "utf8").trim(), basename("/a/b.txt"), __dirname === process.cwd());
