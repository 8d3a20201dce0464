import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    static let users: [ConformanceCase] = [
        ConformanceCase(.users, "commands and files belong to the same usual user") { c in
            let sandbox = try await c.sandbox()
            try await sandbox.files.write(c.path("written"), ByteBuffer(string: "x"), mode: 0o644)
            let result = try await c.shell(sandbox, "id -u; echo y > made; ls -ln written made | while read m l u rest; do echo $u; done")
            let lines = result.stdout.split(separator: "\n")
            c.expect("the users' numbers (own, and of two files)", Set(lines).count, is: 1)
            c.expect("how many there are", lines.count, is: 3)
        },
        ConformanceCase(.users, "a user that is not there is the caller's mistake") { c in
            let sandbox = try await c.sandbox()
            // A place that can't change users at all may say that instead.
            let error = await c.refusal("a start as a missing user", .invalid, .unsupported) {
                _ = try await c.finished(try await sandbox.start(Command(["/bin/sh", "-c", "true"], user: "sandstorm-nobody")))
            }
            c.expect("the missing program", error?.missingProgram, is: nil)
        },
        ConformanceCase(.users, "every declared user can run commands", needs: [.users]) { c in
            let sandbox = try await c.sandbox()
            for user in c.capabilities.users.sorted() {
                let process = try await sandbox.start(Command(["/bin/sh", "-c", "id -u; id -un"], user: user))
                let result = try await c.finished(process)
                let lines = result.stdout.split(separator: "\n").map(String.init)
                c.expect(lines.contains(user), "a command as \(user) ran as \(result.stdout.debugDescription)")
                if user == "root" { c.expect("root's number", lines.first, is: "0") }
            }
        },
        ConformanceCase(.users, "a user can be named by number", needs: [.users]) { c in
            let sandbox = try await c.sandbox()
            let user = try c.require(c.capabilities.users.sorted().first, "no user is declared")
            let number = try await c.finished(try await sandbox.start(Command(["/bin/sh", "-c", "id -u"], user: user))).stdout
            let process = try await sandbox.start(Command(["/bin/sh", "-c", "id -u"], user: String(number.dropLast())))
            c.expect("the number that it runs as", try await c.finished(process).stdout, is: number)
        },
        ConformanceCase(.users, "another user's private files are closed", needs: [.users]) { c in
            let sandbox = try await c.sandbox()
            let user = try c.require(
                c.capabilities.users.sorted().first { $0 != "root" } ?? c.capabilities.users.first, "no user is declared")
            // Between root and the usual user, and between two usual ones, only one direction is closed.
            let (owner, stranger) = user == "root" ? (user, nil) : (nil, user)
            let secret = "/tmp/private-\(UInt32.random(in: .min ... .max))"
            let made = try await c.finished(
                try await sandbox.start(Command(["/bin/sh", "-c", "umask 077; echo secret > \(secret); echo $?"], user: owner)))
            c.expect("whether it was made", made.stdout, is: "0\n")
            let seen = try await c.finished(try await sandbox.start(Command(["/bin/sh", "-c", "cat \(secret)"], user: stranger)))
            c.expect("what the other sees", seen.stdout, is: "")
            _ = try await c.finished(try await sandbox.start(Command(["/bin/sh", "-c", "rm -f \(secret)"], user: owner)))
        },
    ]
}
