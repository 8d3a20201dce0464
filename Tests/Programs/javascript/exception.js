class Storm extends Error {}
process.on("exit", (code) => console.log("exit", code));
setTimeout(() => {
    throw new Storm("out of the blue");
}, 5);
