extension LanguageRuntime {
    /// Node.js after removing the types, else Bun, else Deno.
    ///
    /// Types are removed, not checked: a type error never keeps code from running, a syntax error does. So do Bun, Deno,
    /// esbuild and Node itself, and so expects whoever sends a snippet, whose packages' declarations are seldom at hand:
    /// without `@types/node` a checker would complain of `process` and `require` in nearly every program. It is also what
    /// makes a run quick: Debian's `tsc` takes 1.8 s for one line, removing its types takes 0.25 s.
    static let typescript = LanguageRuntime(.typescript, fileName: "main.ts", requirements: .any) { program in
        let syntax = JavaScriptSyntax(program.code)
        let node = NodeProgram(fileName: syntax.isModule ? "main.mjs" : "main.js", syntax: syntax)
        let transpiler = SpecFile("\(RunPlan.directory)/transpile.cjs", TypeScriptTranspiler.source)
        let transpile = RunPlan.Step(
            .compile, ["node", transpiler.path, "main.ts", node.fileName], unusableExitCode: RunPlan.Step.unusable)
        var command = node.command
        // So that a stack trace names lines of main.ts.
        command.insert("--enable-source-maps", at: 1)
        let source = SpecFile("main.ts", program.code)
        return [
            RunPlan(
                toolchain: "node with its own type stripping or the typescript package", files: [source, transpiler] + node.files,
                steps: Packages.npm(program.requirements) + [transpile, .init(.run, command + program.arguments)]),
            RunPlan(
                toolchain: "bun", files: [source],
                steps: Packages.bun(program.requirements) + [.init(.run, ["bun", "run", "main.ts"] + program.arguments)]),
            RunPlan.deno(fileName: syntax.isModule ? "main.ts" : "main.cts", program),
        ]
    }
}
