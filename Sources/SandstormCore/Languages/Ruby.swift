extension LanguageRuntime {
    /// Ruby, reading and writing UTF-8 whatever the locale, its standard output unbuffered by a prelude that leaves `$0` alone.
    static let ruby = LanguageRuntime(.ruby, fileName: "main.rb", requirements: .any) { program in
        let prelude = SpecFile("\(RunPlan.directory)/stream.rb", "$stdout.sync = true\n")
        var steps: [RunPlan.Step] = []
        var environment: [String: String] = [:]
        if !program.requirements.isEmpty {
            let gems = RunPlan.path("gems")
            environment["GEM_HOME"] = gems
            let command = ["gem", "install", "--quiet", "--silent", "--no-document", "--install-dir", gems]
            // pip's and npm's spelling of a version is understood as well as RubyGems' own `name:version`.
            let names = program.requirements.map { requirement in
                let (name, version) = requirement.halves(at: "@")
                return version.map { "\(name):\($0)" } ?? requirement
            }
            steps.append(.init(.install, command + names, environment: environment))
        }
        let run = ["ruby", "-EUTF-8", "-r", "./\(prelude.path)", "main.rb"] + program.arguments
        steps.append(.init(.run, run, environment: environment))
        return [RunPlan(toolchain: "ruby", files: [SpecFile("main.rb", program.code), prelude], steps: steps)]
    }
}
