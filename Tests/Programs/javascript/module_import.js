import { createHash } from "node:crypto";
import os, { EOL } from "os";

const answer = await Promise.resolve(6 * 7);
export const exported = createHash("sha256").update("sand").digest("hex");
console.log(answer, exported.slice(0, 16), EOL === os.EOL, typeof import.meta.url);
