import NIOCore
import SandstormCore
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ConformanceCase {
    /// Values that shells, JSON and C are known to trip over.
    private static let oddTexts = [
        "a b", "", " ", "'single' \"double\"", "$HOME `id` \\n", "line\nline\n", "tab\t", "=x=y", "grün 🐘", "-n", "*", "\u{1}", "%s%d", "#",
        "~",
    ]

    static let environment: [ConformanceCase] = [
        ConformanceCase(.environment, "variables arrive with any text in them") { c in
            let sandbox = try await c.sandbox()
            for text in oddTexts {
                let seen = try await c.shell(sandbox, "printf '%s|' \"$TEXT\"", environment: ["TEXT": text]).stdout
                c.expect("a variable", seen, is: text + "|")
            }
        },
        ConformanceCase(.environment, "an empty variable is there") { c in
            let seen = try await c.shell(try await c.sandbox(), "echo ${EMPTY-unset} ${ABSENT-unset}", environment: ["EMPTY": ""]).stdout
            c.expect("what is set", seen, is: "unset\n")
        },
        ConformanceCase(.environment, "many variables and a long one arrive") { c in
            let sandbox = try await c.sandbox()
            let many = Dictionary(uniqueKeysWithValues: (0..<500).map { ("VARIABLE_\($0)", "value \($0)") })
            let seen = try await c.shell(sandbox, "env | grep -c '^VARIABLE_[0-9]*=value [0-9]*$'", environment: many).stdout
            c.expect("variables that arrived", seen, is: "500\n")
            let long = String(repeating: "x", count: 100_000)
            c.expect(
                "the long one's length", try await c.shell(sandbox, "echo ${#LONG}", environment: ["LONG": long]).stdout, is: "100000\n")
        },
        ConformanceCase(.environment, "one command's variables are not another's") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "export LEAK=1; true", environment: ["GIVEN": "1"])
            c.expect("what the next one sees", try await c.shell(sandbox, "echo ${GIVEN-no} ${LEAK-no}").stdout, is: "no no\n")
        },
        ConformanceCase(.environment, "PATH and HOME are there by themselves") { c in
            let result = try await c.shell(
                try await c.sandbox(), "test -n \"$PATH\" && test -d \"$HOME\" && echo x > \"$HOME/.probe\" && rm \"$HOME/.probe\"; echo $?"
            )
            c.expect("whether they can be used", result.stdout, is: "0\n")
        },
        ConformanceCase(.environment, "nothing of the gateway's own is there") { c in
            // What a shell and the sandbox itself set may be equal by chance.
            let own = ProcessInfo.processInfo.environment.filter { name, value in
                value.count >= 6
                    && !["PATH", "HOME", "LANG", "LC_ALL", "TERM", "SHELL", "PWD", "OLDPWD", "_", "USER", "LOGNAME"].contains(name)
            }
            let seen = Set(try await c.shell(try await c.sandbox(), "env").stdout.split(separator: "\n").map(String.init))
            for (name, value) in own { c.expect(!seen.contains("\(name)=\(value)"), "the gateway's own \(name) is in the sandbox") }
        },
        ConformanceCase(.environment, "a program is found in the PATH of the command") { c in
            let sandbox = try await c.sandbox()
            let made = try await c.shell(
                sandbox, "mkdir -p bin && printf '#!/bin/sh\\necho mine $1\\n' > bin/my-tool && chmod 755 bin/my-tool; cd bin && pwd")
            let path = made.stdout.dropLast() + ":/usr/bin:/bin"
            let process = try await sandbox.start(
                Command(["my-tool", "yes"], environment: ["PATH": String(path)], workingDirectory: c.directory))
            c.expect("what it said", try await c.finished(process).stdout, is: "mine yes\n")
        },
        ConformanceCase(.environment, "arguments arrive with any text in them") { c in
            let sandbox = try await c.sandbox()
            let process = try await sandbox.start(
                Command(["/bin/sh", "-c", "printf '%s|' \"$@\"", "sh"] + oddTexts, workingDirectory: c.directory))
            c.expect("the arguments", try await c.finished(process).stdout, is: oddTexts.map { $0 + "|" }.joined())
        },
        ConformanceCase(.environment, "long and many arguments arrive") { c in
            let sandbox = try await c.sandbox()
            let long = String(repeating: "y", count: 100_000)
            let process = try await sandbox.start(
                Command(["/bin/sh", "-c", "echo $# ${#1}", "sh", long] + (0..<1000).map(String.init), workingDirectory: c.directory))
            c.expect("their number, and the first's length", try await c.finished(process).stdout, is: "1001 100000\n")
        },
        ConformanceCase(.environment, "a command starts in the directory asked for") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir -p 'a b/ü'; echo here > 'a b/ü/file'")
            c.expect("a file there", try await c.shell(sandbox, "cat file", in: c.path("a b/ü")).stdout, is: "here\n")
        },
        ConformanceCase(.environment, "one command's directory is not another's") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "mkdir sub; cd sub; echo x > file")
            c.expect("whether the next one is there", try await c.shell(sandbox, "test -e file; echo $?").stdout, is: "1\n")
        },
        ConformanceCase(.environment, "a directory that is not there is the caller's mistake") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo x > file")
            for name in ["missing", "file"] {
                let error = await c.refusal("a start in \(name)", .invalid) {
                    _ = try await c.finished(try await sandbox.start(c.line("true", in: c.path(name))))
                }
                c.expect("the missing program", error?.missingProgram, is: nil)
            }
        },
    ]
}
