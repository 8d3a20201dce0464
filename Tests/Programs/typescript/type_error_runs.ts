// Types are removed, not checked.
const count: number = "seven" as unknown as number;
const wrong: string = 8;
console.log(count, wrong, undefinedInTypes());
function undefinedInTypes(): Missing { return process.argv.length as any; }
