"use strict";
// The kernel of JavaScript and TypeScript. Cells run in the main thread, by V8's own mode for such sessions: `await` at the top, declarations
// that stay and can be made anew, the value of the last expression. A second thread hears what is to be run, so that also an endless loop can
// be interrupted.
//
// Started with the numbers of the pipes to read from and to write to, and the language.

const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");

if (isMainThread) runMainThread();
else runSecondThread();

// The main thread: where cells run.

function runMainThread() {
    const nodeModule = require("module"), path = require("path"), util = require("util"), url = require("url"), fs = require("fs");
    const inspector = require("inspector");
    const [input, output, language] = process.argv.slice(2);
    const here = path.join(process.cwd(), "[cell]");
    const cellRequire = nodeModule.createRequire(here);

    const resolve = (name) => {
        const builtin = name.startsWith("node:") || nodeModule.builtinModules.includes(name);
        if (builtin || /^[a-z][a-z0-9+.-]+:/i.test(name)) return name;
        const file = path.resolve(process.cwd(), name);
        if (/^\.{0,2}\//.test(name) || path.isAbsolute(name)) return url.pathToFileURL(file).href;
        return url.pathToFileURL(importable(name) || cellRequire.resolve(name)).href;
    };
    // What a package offers to `import`, which may be another file than for `require`, or the only one.
    const importable = (name) => {
        const words = name.split("/"), own = name[0] === "@" ? words.slice(0, 2) : words.slice(0, 1);
        for (const directory of cellRequire.resolve.paths(name) || []) {
            const folder = path.join(directory, ...own);
            let description;
            try { description = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")); } catch { continue; }
            const rest = ["." , ...words.slice(own.length)].join("/");
            const chosen = chooseExport(description.exports, rest);
            if (chosen) return path.join(folder, chosen);
            return undefined;
        }
    };
    const chooseExport = (exports, key) => {
        if (exports === undefined || exports === null) return undefined;
        if (typeof exports === "string") return key === "." ? exports : undefined;
        if (Array.isArray(exports)) return exports.map((one) => chooseExport(one, key)).find(Boolean);
        if (Object.keys(exports).some((name) => name[0] === ".")) return chooseExport(exports[key], ".");
        for (const name of Object.keys(exports)) {
            if (["import", "node", "default", "node-addons"].includes(name)) {
                const chosen = chooseExport(exports[name], key);
                if (chosen) return chosen;
            }
        }
    };

    // How values show: by methods of their own, or as the console would print them.
    const methods = {
        _toHtml: "text/html", _toSvg: "image/svg+xml", _toPng: "image/png", _toJpeg: "image/jpeg", _toMarkdown: "text/markdown",
        _toLatex: "text/latex", _toPdf: "application/pdf", _toJson: "application/json",
    };
    const bundleOf = (value) => {
        const bundle = { "text/plain": util.inspect(value, typeof value === "string" ? { breakLength: Infinity } : {}) };
        if (value === null || (typeof value !== "object" && typeof value !== "function")) return bundle;
        if (typeof value[Symbol.for("Jupyter.display")] === "function") return { ...value[Symbol.for("Jupyter.display")]() };
        if (typeof value._toMime === "function") return { ...bundle, ...value._toMime() };
        for (const [name, mime] of Object.entries(methods)) {
            if (typeof value[name] === "function") bundle[mime] = value[name]();
        }
        return bundle;
    };

    const describe = (error) => {
        if (error instanceof Error || (error && typeof error === "object" && typeof error.stack === "string")) {
            const stack = util.inspect(error).split("\n").filter((line) => !/^\s+at (.*(javascript_kernel\.js|node:internal|node:inspector|node:events)|new Promise \(<anonymous>\)$)/.test(line)).join("\n")
                .replace(/^\[([^]*)\]$/, "$1");
            return { name: String(error.name || error.constructor.name), value: String(error.message), traceback: stack };
        }
        const text = typeof error === "string" ? error : util.inspect(error);
        return { name: "Error", value: text, traceback: `Uncaught ${text}` };
    };

    Object.defineProperty(globalThis, Symbol.for("sandstorm.kernel"), {
        value: {
            import: (name, options) => import(resolve(String(name)), options),
            bundle: (value) => JSON.stringify(bundleOf(value)),
            describe: (error) => JSON.stringify(describe(error)),
        },
    });
    // For `display(value)`, anywhere in a cell.
    globalThis.display = (value) => {
        say(output, { result: bundleOf(value), main: false });
    };
    globalThis.require = cellRequire;
    globalThis.module = { exports: {} };
    globalThis.exports = globalThis.module.exports;
    for (const name of nodeModule.builtinModules) {
        if (/^[a-z_0-9]+$/.test(name) && !(name in globalThis)) {
            Object.defineProperty(globalThis, name, {
                configurable: true, get: () => cellRequire(name),
                set: (value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true }),
            });
        }
    }
    process.argv.splice(1);
    // The end is left to whoever hears of it: on its own way out Node would wait for the second thread's session, and say so.
    process.reallyExit = (code) => {
        say(output, { exit: Number(code) || 0 });
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    };

    // Written when said: nothing is kept that an interrupt could lose or leave to the next cell.
    for (const [stream, number] of [[process.stdout, 1], [process.stderr, 2]]) {
        let descriptor = number;
        // Opened anew, as the stream has set its own not to block.
        try { descriptor = fs.openSync(`/proc/self/fd/${number}`, "w"); } catch {}
        stream.write = (chunk, encoding, done) => {
            const callback = typeof encoding === "function" ? encoding : done;
            const bytes = typeof chunk === "string" ? Buffer.from(chunk, typeof encoding === "string" ? encoding : "utf8") : Buffer.from(chunk);
            writeWhole(descriptor, bytes);
            if (typeof callback === "function") process.nextTick(callback);
            return true;
        };
    }

    // An interrupt is for the cell, which the second thread ends, and for its child processes.
    process.on("SIGINT", () => {});
    const complain = (error) => process.stderr.write(`Uncaught ${describe(error).traceback}\n`);
    process.on("uncaughtException", complain);
    process.on("unhandledRejection", complain);

    const session = new inspector.Session();
    session.connect();
    const post = (method, parameters) => new Promise((done, failed) => {
        session.post(method, parameters, (error, answer) => (error ? failed(error) : done(answer)));
    });

    let self, count = 0, current;

    const ask = async (method, remote) => {
        const argument = remote.objectId ? { objectId: remote.objectId }
            : remote.unserializableValue ? { unserializableValue: remote.unserializableValue } : { value: remote.value };
        const answer = await post("Runtime.callFunctionOn", {
            objectId: self, functionDeclaration: `function (value) { return this.${method}(value) }`, arguments: [argument], returnByValue: true,
        });
        if (!answer.exceptionDetails) return JSON.parse(answer.result.value);
        if (method === "bundle") return { "text/plain": remote.description || String(remote.value) };
        return { name: remote.className || "Error", value: remote.description || "", traceback: remote.description || "" };
    };

    const complaint = async (details, code) => {
        const remote = details.exception;
        if (!remote) return { name: "Error", value: details.text, traceback: details.text };
        const error = await ask("describe", remote);
        if (remote.className === "SyntaxError" && details.lineNumber >= 0 && !/\n\s+at /.test(error.traceback)) {
            const line = code.split("\n")[details.lineNumber] || "";
            error.traceback = `cell:${details.lineNumber + 1}\n${line}\n${" ".repeat(Math.max(0, details.columnNumber))}^\n\n${error.traceback}`;
        }
        return error;
    };

    const evaluate = async (code) => {
        let source;
        try {
            source = rewritten(language === "typescript" ? withoutTypes(code) : code);
        } catch (error) {
            return { error: { name: error.name, value: error.message, traceback: `${error.name}: ${error.message}` } };
        }
        const answer = await post("Runtime.evaluate", {
            expression: `${source}\n//# sourceURL=cell-${count}.js`, replMode: true, awaitPromise: true, objectGroup: "cell",
        });
        if (answer.exceptionDetails) return { error: await complaint(answer.exceptionDetails, source) };
        return answer.result.type === "undefined" ? undefined : { result: await ask("bundle", answer.result), main: true };
    };

    const run = async ({ code, environment }) => {
        count += 1;
        const cell = current = { before: Object.keys(environment).map((name) => [name, process.env[name]]) };
        Object.assign(process.env, environment);
        let outcome;
        try {
            outcome = await evaluate(code);
        } catch (error) {
            outcome = { error: { name: "Error", value: error.message, traceback: error.message } };
        }
        if (current === cell) finish(outcome);
    };

    const finish = (outcome) => {
        for (const [name, value] of current.before) {
            if (value === undefined) delete process.env[name];
            else process.env[name] = value;
        }
        current = undefined;
        post("Runtime.releaseObjectGroup", { objectGroup: "cell" }).catch(() => {});
        worker.postMessage({ done: true });
        if (outcome) say(output, outcome);
        say(output, { done: true });
    };

    const worker = new Worker(__filename, { workerData: { input: Number(input) } });
    worker.on("message", (message) => {
        if (message.code !== undefined) run(message);
        // Asked until answered, as the interruption may hit this very place.
        else if (current) finish({ error: { name: "KeyboardInterrupt", value: "", traceback: "The cell was interrupted" } });
    });
    (async () => {
        await post("Runtime.enable");
        self = (await post("Runtime.evaluate", { expression: 'globalThis[Symbol.for("sandstorm.kernel")]' })).result.objectId;
        say(output, { ready: true });
    })();
}

function say(output, message) { writeWhole(Number(output), Buffer.from(JSON.stringify(message) + "\n")); }

function writeWhole(descriptor, bytes) {
    for (let sent = 0; sent < bytes.length;) {
        try {
            sent += require("fs").writeSync(descriptor, bytes, sent);
        } catch (error) {
            if (error.code !== "EAGAIN") throw error;
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
        }
    }
}

// The second thread: hears what is to be run, also while the main thread is busy.

function runSecondThread() {
    const net = require("net"), inspector = require("inspector");
    const session = new inspector.Session();
    session.connectToMainThread();
    let running = 0, timer;

    const interrupt = () => {
        if (!running) return;
        // Each time: an earlier one may have hit before the cell's own code ran.
        session.post("Runtime.terminateExecution", () => {});
        if (timer) return;
        const insist = () => parentPort.postMessage({ interrupt: true });
        insist();
        timer = setInterval(insist, 50);
    };
    parentPort.on("message", () => {
        running -= 1;
        clearInterval(timer);
        timer = undefined;
    });

    let rest = [];
    const pipe = new net.Socket({ fd: workerData.input, readable: true, writable: false });
    pipe.setEncoding("utf8");
    pipe.on("data", (text) => {
        const pieces = text.split("\n");
        while (pieces.length > 1) {
            rest.push(pieces.shift());
            const message = JSON.parse(rest.join(""));
            rest = [];
            if (message.interrupt) interrupt();
            else {
                running += 1;
                parentPort.postMessage(message);
            }
        }
        rest.push(pieces[0]);
    });
    pipe.on("end", () => process.kill(process.pid, "SIGKILL"));
}

// TypeScript: types are removed, not checked.

let typescript;

function withoutTypes(code) {
    const nodeModule = require("module"), path = require("path"), fs = require("fs");
    if (typescript === undefined) {
        const folders = [path.resolve("node_modules/typescript")];
        for (const entry of (process.env.PATH || "").split(path.delimiter)) {
            try { folders.push(path.dirname(path.dirname(fs.realpathSync(path.join(entry, "tsc"))))); } catch {}
        }
        folders.push(path.resolve(process.execPath, "../../lib/node_modules/typescript"), "/usr/share/nodejs/typescript");
        typescript = null;
        for (const folder of folders) {
            try { typescript = require(path.join(folder, "lib/typescript.js")); break; } catch {}
        }
    }
    if (typescript) {
        const major = parseInt(typescript.version);
        const result = typescript.transpileModule(code, {
            reportDiagnostics: true,
            compilerOptions: {
                target: typescript.ScriptTarget.ES2022, module: typescript.ModuleKind.ESNext, alwaysStrict: false,
                // What one cell imports another one may use.
                ...(major >= 5 ? { verbatimModuleSyntax: true }
                    : { isolatedModules: true, preserveValueImports: true, importsNotUsedAsValues: 1, experimentalDecorators: true }),
            },
        });
        const errors = (result.diagnostics || []).filter((one) => one.category === typescript.DiagnosticCategory.Error);
        if (errors.length) {
            const { start, file, messageText } = errors[0];
            const place = file && start !== undefined ? file.getLineAndCharacterOfPosition(start) : undefined;
            const message = typescript.flattenDiagnosticMessageText(messageText, "\n");
            throw new SyntaxError(place ? `${message} (line ${place.line + 1}, column ${place.character + 1})` : message);
        }
        return result.outputText.replace(/^export \{\};?\s*$/m, "");
    }
    if (typeof nodeModule.stripTypeScriptTypes === "function") {
        try {
            return nodeModule.stripTypeScriptTypes(code, { mode: "transform" });
        } catch (error) {
            throw new SyntaxError(error.message);
        }
    }
    throw Object.assign(new Error("there is nothing to remove types with: the package node-typescript has it"), { name: "KernelUnavailable" });
}

// Modules: a cell is no module, so its static imports become dynamic ones, and these ask for what is beside the work.

function rewritten(code) {
    if (!/\b(import|export)\b/.test(code)) return code;
    const loader = 'globalThis[Symbol.for("sandstorm.kernel")].import';
    const pieces = [];
    let copied = 0;
    const replace = (from, to, text) => {
        // Lines keep their numbers.
        const lost = (code.slice(from, to).match(/\n/g) || []).length - (text.match(/\n/g) || []).length;
        pieces.push(code.slice(copied, from), text, "\n".repeat(Math.max(0, lost)));
        copied = to;
    };
    for (const word of keywords(code)) {
        if (word.start < copied) continue;
        const rest = code.slice(word.start);
        if (word.text === "import" && /^import\s*\(/.test(rest)) {
            replace(word.start, word.start + 6, loader);
        } else if (word.text === "import" && word.isStatement) {
            const match = /^import\s+(?:([\w$]+)\s*(?:,\s*)?)?(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})?\s*(?:from\s*)?(["'])(.*?)\4(?:\s*(?:with|assert)\s*(\{[^}]*\}))?\s*;?/.exec(rest)
                || /^import\s*(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})\s*from\s*(["'])(.*?)\3()\s*;?/.exec(rest);
            if (!match) continue;
            const groups = match.length === 7 ? match.slice(1) : [undefined, ...match.slice(1)];
            const [main, space, names, , name, options] = groups;
            const call = `await ${loader}(${JSON.stringify(name)}${options ? `, { with: ${options} }` : ""})`;
            const parts = names === undefined ? [] : names.split(",").map((one) => one.trim()).filter((one) => one && !/^type\s/.test(one))
                .map((one) => one.replace(/\s+as\s+/, ": "));
            if (main) parts.unshift(`default: ${main}`);
            let text = parts.length || names !== undefined ? `const { ${parts.join(", ")} } = ${call};` : `${call};`;
            if (space) text = main ? `const ${space} = ${call}, { default: ${main} } = ${space};` : `const ${space} = ${call};`;
            replace(word.start, word.start + match[0].length, `${text} undefined;`);
        } else if (word.text === "export" && word.isStatement) {
            const match = /^export\s+default\s+(?=(async\s+)?(function|class)\s*[\w$]|)|^export\s+(?=(const|let|var|function|async|class)\b)|^export\s*\{[^}]*\}\s*;?/.exec(rest);
            if (match && !/\bfrom\b/.test(rest.slice(match[0].length, match[0].length + 8))) {
                replace(word.start, word.start + match[0].length, "");
            }
        }
    }
    return pieces.join("") + code.slice(copied);
}

// Where `import` and `export` are words of the language: not in strings, comments, templates' texts, regular expressions or after a dot.
function keywords(code) {
    const found = [], braces = [];
    let depth = 0, previous = "", statement = true, index = 0;
    const skipString = (quote) => {
        for (index += 1; index < code.length && code[index] !== quote; index += 1) if (code[index] === "\\") index += 1;
        index += 1;
    };
    const skipTemplate = () => {
        while (index < code.length && code[index] !== "`") {
            if (code[index] === "\\") index += 1;
            else if (code[index] === "$" && code[index + 1] === "{") { braces.push("template"); index += 2; return; }
            index += 1;
        }
        index += 1;
        previous = "literal";
    };
    while (index < code.length) {
        const letter = code[index], next = code[index + 1];
        if (letter === "\n") { statement = statement || depth === 0; index += 1; continue; }
        if (/\s/.test(letter)) { index += 1; continue; }
        if (letter === "/" && next === "/") { index = code.indexOf("\n", index); if (index < 0) break; continue; }
        if (letter === "/" && next === "*") { index = code.indexOf("*/", index + 2); if (index < 0) break; index += 2; continue; }
        const begins = statement;
        statement = false;
        if (letter === "'" || letter === '"') { skipString(letter); previous = "literal"; continue; }
        if (letter === "`") { index += 1; skipTemplate(); continue; }
        if (letter === "/" && !["literal", "word", ")", "]", "}"].includes(previous)) {
            let isInClass = false;
            for (index += 1; index < code.length && code[index] !== "\n"; index += 1) {
                if (code[index] === "\\") index += 1;
                else if (code[index] === "[") isInClass = true;
                else if (code[index] === "]") isInClass = false;
                else if (code[index] === "/" && !isInClass) break;
            }
            index += 1;
            previous = "literal";
            continue;
        }
        const word = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/u.exec(code.slice(index, index + 256));
        if (word) {
            const text = word[0];
            if ((text === "import" || text === "export") && previous !== ".") {
                found.push({ text, start: index, isStatement: begins && depth === 0 });
            }
            previous = /^(return|typeof|case|do|else|in|of|void|delete|throw|new|await|yield|instanceof)$/.test(text) ? "operator" : "word";
            index += text.length;
            continue;
        }
        if (letter === "{" || letter === "(" || letter === "[") { depth += 1; if (letter === "{") braces.push("brace"); }
        if (letter === "}" && braces.pop() === "template") { index += 1; skipTemplate(); continue; }
        if (letter === "}" || letter === ")" || letter === "]") { depth -= 1; statement = letter === "}" && depth === 0; }
        if (letter === ";") statement = depth === 0;
        previous = letter;
        index += 1;
    }
    return found;
}
