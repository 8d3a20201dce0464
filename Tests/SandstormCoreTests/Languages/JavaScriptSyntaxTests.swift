import Testing

@testable import SandstormCore

@Suite("Telling modules from scripts") struct JavaScriptSyntaxTests {
    @Test(
        "recognises modules",
        arguments: [
            "import fs from 'fs'",
            "import 'side-effect'",
            "import * as path from \"path\";",
            "import{a}from'b'",
            "import type { A } from './a'",
            "#!/usr/bin/env node\nimport a from 'a'",
            "/* licence */ export default 1",
            "export const a = 1",
            "console.log(1)\nexport { a } from 'b'",
            "const x = await fetch('u')",
            "await(1)",
            "for await (const x of y) {}",
            "if (a) { await b() } else { }",
            "try { await b() } catch (e) { }",
            "switch (a) { case 1: { await b() } }",
            "{ { await x } }",
            "const t = `${await x}`",
            "f(await x, [await y], { z: await z })",
            "console.log(import.meta.url)",
            "function f() { return import.meta }",
            "const f = async () => g()\nawait f()",
            "const f = async (x) => x * 2; await f()",
            "run(async x => x, await y)",
            "const r = /[`'\"]/.test(s); await r",
            "const a = b / c; const d = '/'; await e / f",
            "function f(): Promise<void> { return g() }\nawait f()",
            "async function f(a: { b: number }): Promise<{ c: number }> { await a }\nawait f()",
            "class A { async b() { await c } }\nawait new A().b()",
            "const o = { async m(): Promise<void> { await x } }\nawait o.m()",
            "enum E { A, B }\nawait x",
            "type F = (a: number) => void\nawait x",
            "if (x) /re/.test(y)\nawait z",
        ])
    func recognisesModules(source: String) { #expect(JavaScriptSyntax(source).isModule) }

    @Test(
        "leaves scripts alone",
        arguments: [
            "",
            "const fs = require('fs')",
            "// import a from 'a'\n/* export default 1 */",
            "const s = \"import a from 'a'\"; const t = 'await x'",
            "const t = `\nimport a from 'a'\nexport default 1\nawait x`",
            "const t = `${(async () => { await x })()} await ${`import`}`",
            "import('fs').then(fs => fs)",
            "const o = { import: 1, export: 2, await: 3 }; o.import; o.export = o.await",
            "async function main() { await x }\nmain()",
            "async function main() { if (a) { for (const b of c) { await d } } }",
            "const f = async () => { await x }",
            "const f = async () => await x",
            "const f = async x =>\n  await x\nf()",
            "list.map(async (x) => await g(x)).forEach(async y => [await y, { z: await y }])",
            "const f = async () => cond ? await a : await b;",
            "(async () => { await x })()",
            "(async function () { await x }())",
            "const o = { async m() { await x }, get a() { return 1 }, async *g() { await y } }",
            "class A { async b() { await c } static async d() { await e } f = async () => await g }",
            "class A extends B(C) { async b() { await c } }",
            "const r = /import a from 'a'/; const q = /`/g",
            "const await_ = 1; var await; await = 3",
            "module.exports = { run: async () => await x }",
            "async function f(): Promise<void> { await x }",
            "async function f(a: { b: number }): Promise<{ c: number }> { await a }",
            "async function f<T extends { a: string }>(x: T): Promise<T> { return await x }",
            "const f = async (x: number): Promise<number> => { return await x }",
            "const o = { async m(): Promise<void> { await x } }",
            "import fs = require('fs')",
            "namespace N { async function f() { await x } }",
            "x = y / import_ / z; '/'",
            "unfinished(",
            "`unfinished ${",
            "} } )",
        ])
    func leavesScripts(source: String) { #expect(!JavaScriptSyntax(source).isModule) }

    @Test func `names that only scripts have are found where they are used as names`() {
        #expect(JavaScriptSyntax("import a from 'a'; require('b'); x.module; __dirname").scriptNames == ["require", "__dirname"])
        #expect(JavaScriptSyntax("'require' // module").scriptNames.isEmpty)
    }
}
