extension LanguageRuntime {
    /// bash, else sh.
    static let shell = LanguageRuntime(
        .shell, fileName: "main.sh",
        requirements: .none(remedy: "use an image that has the programs, or install them by the script itself")
    ) { program in
        ["bash", "sh"].map { shell in
            RunPlan(
                toolchain: shell, files: [SpecFile("main.sh", program.code)],
                steps: [.init(.run, [shell, "main.sh"] + program.arguments)])
        }
    }
}
