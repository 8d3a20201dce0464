for (let i = 0; i < 1500; i++) console.log(`row ${i} ${"=".repeat(i % 40)}`);
process.exit(7);
