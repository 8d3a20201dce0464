/// The program that turns TypeScript into JavaScript inside the sandbox, with what Node finds there.
enum TypeScriptTranspiler {
    /// For Node 14 and later. Called with the source's and the target's name; the target's extension says whether it is to be a
    /// module. Exits with ``RunPlan/Step/unusable`` if there is nothing to do it with.
    ///
    /// Node's own stripping (22.13 and later) needs a third of the typescript package's time, but keeps imports of what is
    /// only a type, and relative imports as they are; so the package, if there, does programs that have such.
    static let source = #"""
        "use strict";
        const fs = require("fs"), path = require("path"), nodeModule = require("module");
        const [source, target] = process.argv.slice(2);
        const code = fs.readFileSync(source, "utf8");

        function otherSources(directory) {
            return fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
                const file = path.join(directory, entry.name);
                if (entry.isDirectory()) return entry.name === "node_modules" || entry.name[0] === "." ? [] : otherSources(file);
                return /\.[cm]?ts$/.test(file) && !/\.d\.[cm]?ts$/.test(file) && file !== source ? [file] : [];
            });
        }

        function typescriptPackage() {
            const directories = [path.resolve("node_modules/typescript")];
            for (const entry of (process.env.PATH || "").split(path.delimiter)) {
                try { directories.push(path.dirname(path.dirname(fs.realpathSync(path.join(entry, "tsc"))))); } catch {}
            }
            for (const entry of (process.env.NODE_PATH || "").split(path.delimiter)) {
                if (entry) directories.push(path.join(entry, "typescript"));
            }
            directories.push(path.resolve(process.execPath, "../../lib/node_modules/typescript"), "/usr/share/nodejs/typescript");
            for (const directory of directories) {
                try {
                    const ts = require(path.join(directory, "lib/typescript.js"));
                    if (ts.transpileModule) return ts;
                } catch {}
            }
        }

        function withNode() {
            process.emitWarning = () => {};
            const strip = nodeModule.stripTypeScriptTypes;
            try {
                return strip(code, { mode: "strip" });
            } catch (error) {
                if (error.code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") throw error;
                return strip(code, { mode: "transform", sourceMap: true, sourceUrl: source });
            }
        }

        function withPackage(ts, file, output, sources) {
            const isModule = output.endsWith(".mjs");
            // ./lib, ./lib.js and ./lib.ts mean the file that lib.ts becomes.
            const rewritten = (from, specifier) => {
                if (!/^\.{1,2}(\/|$)/.test(specifier)) return specifier;
                const bare = path.join(path.dirname(from), specifier);
                const stems = [bare, bare.replace(/\.([cm]?)[jt]s$/, ""), path.join(bare, "index")];
                const found = sources.find((name) => stems.includes(name.replace(/\.[cm]?ts$/, "")));
                if (!found) return specifier;
                const relative = path.relative(path.dirname(from), outputOf(found, isModule));
                return relative[0] === "." ? relative : "./" + relative;
            };
            const relocate = (context) => (root) => {
                const literal = (node) => {
                    const text = rewritten(file, node.text);
                    return text === node.text ? node : context.factory.createStringLiteral(text);
                };
                const visit = (node) => {
                    const isImport = (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier;
                    const isCall = ts.isCallExpression(node) && node.arguments.length && ts.isStringLiteral(node.arguments[0])
                        && (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.text === "require");
                    const specifier = isImport ? node.moduleSpecifier : isCall ? node.arguments[0] : undefined;
                    return ts.visitEachChild(node, (child) => (child === specifier ? literal(child) : visit(child)), context);
                };
                return visit(root);
            };
            // A module has no `import name = require(…)`; its `require` is there by another way.
            const require = ({ factory }) => (root) => factory.updateSourceFile(root, root.statements.map((node) => {
                if (!isModule || !ts.isImportEqualsDeclaration(node) || !ts.isExternalModuleReference(node.moduleReference)
                    || node.isTypeOnly) return node;
                const call = factory.createCallExpression(
                    factory.createIdentifier("require"), undefined, [node.moduleReference.expression]);
                return factory.createVariableStatement(undefined, factory.createVariableDeclarationList(
                    [factory.createVariableDeclaration(node.name.text, undefined, undefined, call)], ts.NodeFlags.Const));
            }));
            const major = parseInt(ts.version);
            const result = ts.transpileModule(file === source ? code : fs.readFileSync(file, "utf8"), {
                fileName: file,
                reportDiagnostics: true,
                // Before elision a declaration that has been touched is kept, even if it names only types.
                transformers: { before: [require], after: [relocate] },
                compilerOptions: {
                    target: ts.ScriptTarget.ES2022,
                    module: isModule ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS,
                    esModuleInterop: true,
                    experimentalDecorators: major < 5,
                    inlineSourceMap: true,
                    inlineSources: true,
                },
            });
            const errors = (result.diagnostics || []).filter((problem) => problem.category === ts.DiagnosticCategory.Error);
            if (errors.length) {
                process.stderr.write(ts.formatDiagnostics(errors, {
                    getCanonicalFileName: (name) => name, getCurrentDirectory: () => process.cwd(), getNewLine: () => "\n",
                }));
                process.exit(1);
            }
            fs.writeFileSync(output, result.outputText);
        }

        const outputOf = (file, isModule) => file.replace(/\.[cm]?ts$/, isModule ? ".mjs" : ".js");
        const others = otherSources(".");
        const hasOwnStripping = typeof nodeModule.stripTypeScriptTypes === "function";
        const prefersPackage = others.length > 0 || /\bimport\s+(\w+\s*,\s*)?\{/.test(code);
        const withTypeScript = (ts) => {
            const sources = [source, ...others];
            withPackage(ts, source, target, sources);
            for (const file of others) {
                for (const isModule of [true, false]) {
                    const output = outputOf(file, isModule);
                    if (!fs.existsSync(output)) withPackage(ts, file, output, sources);
                }
            }
        };
        let ts = hasOwnStripping && !prefersPackage ? undefined : typescriptPackage();
        if (ts) {
            withTypeScript(ts);
        } else if (hasOwnStripping) {
            try {
                fs.writeFileSync(target, withNode());
            } catch (error) {
                // The package's message names the line.
                ts = typescriptPackage();
                if (ts) withTypeScript(ts);
                else {
                    process.stderr.write(`${source}: ${error.name}: ${error.message}\n`);
                    process.exit(1);
                }
            }
        } else {
            process.exit(\#(RunPlan.Step.unusable));
        }

        """#
}
