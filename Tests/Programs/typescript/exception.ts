class Storm extends Error {
    constructor(readonly strength: number) { super(`strength ${strength}`); }
}
function raise(): never {
    throw new Storm(9);
}
console.log("before");
raise();
