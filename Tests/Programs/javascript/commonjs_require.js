// import nothing from "here"; await nothing
const path = require("path");
const text = "import x from 'y'; export default 1";
async function main() {
    const value = await Promise.resolve(/import {2}/.test("import  x"));
    console.log(value, text.length, path.extname(__filename), require.main === module);
}
main();
