const name = process.argv[2] ?? "world";
console.log(`Hello, ${name}, from Node ${process.version.split(".")[0]} in a sandbox.`);
