extension LanguageRuntime {
    /// PHP's command line.
    ///
    /// Code may leave out the opening tag. Errors go to standard error, once, whatever the image's `php.ini` says; without one
    /// PHP would print them into the program's output. The command line doesn't buffer output.
    static let php = LanguageRuntime(
        .php, fileName: "main.php",
        requirements: .form(remedy: "name a Composer package and, if need be, a version: \"ramsey/uuid:^4.7\"") { requirement in
            let (name, version) = requirement.halves(at: ":")
            let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            return parts.count == 2 && parts.allSatisfy { $0.isMade(of: "._-") } && version.map { !$0.isEmpty } ?? true
        }
    ) { program in
        var steps: [RunPlan.Step] = []
        var options = ["display_errors=stderr", "log_errors=0", "html_errors=0", "memory_limit=-1"]
        if !program.requirements.isEmpty {
            let command = ["composer", "require", "--no-interaction", "--no-progress", "--quiet"] + program.requirements
            steps.append(.init(.install, command, environment: ["COMPOSER_ALLOW_SUPERUSER": "1"]))
            options.append("auto_prepend_file=\(SandboxSpec.workspace)/vendor/autoload.php")
        }
        let run = ["php"] + options.flatMap { ["-d", $0] } + ["main.php"] + program.arguments
        steps.append(.init(.run, run))
        return [RunPlan(toolchain: "php", files: [SpecFile("main.php", withOpeningTag(program.code))], steps: steps)]
    }

    /// Puts `<?php` in front of code that has no opening tag, on its first line so that line numbers stay.
    private static func withOpeningTag(_ code: String) -> String {
        let lines = code.split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }
        guard let first = lines.first(where: { !$0.isEmpty }) else { return code }
        // A page may start with text of its own; PHP itself skips a `#!` line.
        let isPage = first.hasPrefix("<") || first.hasPrefix("#!") || lines.contains { $0.hasPrefix("<?php") || $0.hasPrefix("<?=") }
        return isPage ? code : "<?php " + code
    }
}
