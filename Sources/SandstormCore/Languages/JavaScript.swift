extension LanguageRuntime {
    /// Node.js, else Bun, else Deno.
    ///
    /// Whether the code is a module is decided here, by ``JavaScriptSyntax``, and told to Node by the file's extension:
    /// Node finds it out by itself only since 20.19 and 22.7. A script is called `main.js` rather than `main.cjs`, so that
    /// a `package.json` of the caller's has its say.
    static let javascript = LanguageRuntime(.javascript, fileName: "main.js", requirements: .any) { program in
        let syntax = JavaScriptSyntax(program.code)
        let node = NodeProgram(fileName: syntax.isModule ? "main.mjs" : "main.js", syntax: syntax)
        return [
            RunPlan(
                toolchain: "node", files: [SpecFile(node.fileName, program.code)] + node.files,
                steps: Packages.npm(program.requirements) + [.init(.run, node.command + program.arguments)]),
            RunPlan(
                toolchain: "bun", files: [SpecFile(node.fileName, program.code)],
                steps: Packages.bun(program.requirements) + [.init(.run, ["bun", "run", node.fileName] + program.arguments)]),
            RunPlan.deno(fileName: syntax.isModule ? "main.mjs" : "main.cjs", program),
        ]
    }
}

/// A file that Node is to run.
struct NodeProgram {
    let fileName: String
    private let prelude: String?

    init(fileName: String, syntax: JavaScriptSyntax) {
        self.fileName = fileName
        prelude = syntax.isModule ? NodeProgram.prelude(for: fileName, names: syntax.scriptNames) : nil
    }

    var files: [SpecFile] { prelude.map { [SpecFile(NodeProgram.preludePath, $0)] } ?? [] }

    var command: [String] {
        ["node"] + (prelude == nil ? [] : ["--require", "./\(NodeProgram.preludePath)"]) + [fileName]
    }

    private static let preludePath = "\(RunPlan.directory)/script-names.cjs"

    /// Gives a module the names that only a script has, if it uses them: `import` beside `require` is common in snippets,
    /// and Bun, Deno's Jupyter kernel and bundlers allow it.
    private static func prelude(for fileName: String, names: Set<String>) -> String? {
        guard !names.isEmpty else { return nil }
        let file = "\(SandboxSpec.workspace)/\(fileName)"
        var lines = ["const scope = require(\"module\").createRequire(\"\(file)\");"]
        if names.contains("require") { lines.append("globalThis.require = scope;") }
        if names.contains("module") || names.contains("exports") {
            lines.append("globalThis.module = { exports: {}, filename: \"\(file)\", id: \".\", children: [], paths: module.paths };")
            lines.append("globalThis.exports = globalThis.module.exports;")
            lines.append("scope.main = globalThis.module;")
        }
        if names.contains("__filename") { lines.append("globalThis.__filename = \"\(file)\";") }
        if names.contains("__dirname") { lines.append("globalThis.__dirname = \"\(SandboxSpec.workspace)\";") }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Installing npm packages into the workspace's `node_modules`, where every runtime looks.
enum Packages {
    static func npm(_ requirements: [String]) -> [RunPlan.Step] {
        guard !requirements.isEmpty else { return [] }
        let options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
        return [RunPlan.Step(.install, ["npm", "install"] + options + ["--prefix", SandboxSpec.workspace] + requirements)]
    }

    static func bun(_ requirements: [String]) -> [RunPlan.Step] {
        requirements.isEmpty ? [] : [RunPlan.Step(.install, ["bun", "add", "--no-save", "--silent"] + requirements)]
    }

    static func deno(_ requirements: [String]) -> [RunPlan.Step] {
        requirements.isEmpty ? [] : [RunPlan.Step(.install, ["deno", "add", "--quiet"] + requirements.map { "npm:" + $0 })]
    }
}

extension RunPlan {
    /// Deno with every permission: what the code may do is the sandbox's business.
    static func deno(fileName: String, _ program: LanguageRuntime.Program) -> RunPlan {
        let run = Step(
            .run, ["deno", "run", "--quiet", "--no-prompt", "--allow-all", fileName] + program.arguments,
            environment: ["DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"])
        return RunPlan(
            toolchain: "deno", files: [SpecFile(fileName, program.code)], steps: Packages.deno(program.requirements) + [run])
    }
}
