for (let i = 0; i < 3000; i++) console.log(`row ${i} ${"=".repeat(i % 40)}`);
process.exit(7);
