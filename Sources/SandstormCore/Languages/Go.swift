extension LanguageRuntime {
    /// The Go toolchain, building a program of one file or of all the caller's `.go` files in the workspace itself.
    ///
    /// `go build` and not `go run`, which would answer every failure with exit code 1. Cgo stays as the toolchain has it:
    /// Go 1.19 ships `net` compiled with it, and switching it off made `net/http` take 5.3 s to build instead of 0.5 s. The build
    /// cache stays where it is by default, so that an image can bring one: since 1.20 the standard library comes uncompiled.
    /// Go does not buffer standard output.
    static let go = LanguageRuntime(
        .go, fileName: "main.go",
        requirements: .form(remedy: "name a module path and, if need be, a version: \"golang.org/x/text@v0.14.0\"") { requirement in
            let (path, version) = requirement.halves(at: "@")
            return path.contains(".") && !path.hasPrefix("-") && path.isMade(of: "./-_~") && version?.isMade(of: ".-+/") ?? true
        }
    ) { program in
        let output = RunPlan.path("main")
        var environment = ["GOTOOLCHAIN": "local"]
        var steps: [RunPlan.Step] = []
        var files = [SpecFile.directory, SpecFile("main.go", program.code)]
        if !program.requirements.isEmpty {
            environment["GOFLAGS"] = "-mod=mod"
            // Without a go line: `go get` adds its own version's.
            if !program.files.contains(where: { WorkspacePath.absolute($0) == "\(SandboxSpec.workspace)/go.mod" }) {
                files.append(SpecFile("go.mod", "module program\n"))
            }
            steps.append(.init(.install, ["go", "get"] + program.requirements, environment: environment))
        }
        let others = program.otherSources("go", except: "main.go").filter { !$0.contains("/") && !$0.hasSuffix("_test.go") }
        steps.append(.init(.compile, ["go", "build", "-o", output, "main.go"] + others, environment: environment))
        steps.append(.init(.run, [output] + program.arguments))
        return [RunPlan(toolchain: "go", files: files, steps: steps)]
    }
}
