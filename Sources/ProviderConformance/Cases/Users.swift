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
            guard let sandbox = try await c.sandboxOfUsers() else { return }
            for user in c.capabilities.users.sorted() {
                let process = try await sandbox.start(Command(["/bin/sh", "-c", "id -u; id -un"], user: user))
                let result = try await c.finished(process)
                let lines = result.stdout.split(separator: "\n").map(String.init)
                c.expect(lines.contains(user), "a command as \(user) ran as \(result.stdout.debugDescription)")
                if user == "root" { c.expect("root's number", lines.first, is: "0") }
            }
        },
        ConformanceCase(.users, "a user can be named by number", needs: [.users]) { c in
            guard let sandbox = try await c.sandboxOfUsers() else { return }
            let user = try c.require(c.capabilities.users.sorted().first, "no user is declared")
            let number = try await c.finished(try await sandbox.start(Command(["/bin/sh", "-c", "id -u"], user: user))).stdout
            let process = try await sandbox.start(Command(["/bin/sh", "-c", "id -u"], user: String(number.dropLast())))
            c.expect("the number that it runs as", try await c.finished(process).stdout, is: number)
        },
        ConformanceCase(.users, "another user's private files are closed", needs: [.users]) { c in
            guard let sandbox = try await c.sandboxOfUsers() else { return }
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
        ConformanceCase(.users, "files are handled as the user who is named, and belong to that one", needs: [.users]) { c in
            guard let sandbox = try await c.sandboxOfUsers() else { return }
            for user in c.capabilities.users.sorted() {
                let files = try sandbox.files(as: user)
                let directory = "/tmp/of-\(user)-\(UInt32.random(in: .min ... .max))"
                try await files.write("\(directory)/deep/file", ByteBuffer(string: "\(user)'s"), mode: 0o600)
                for path in ["\(directory)", "\(directory)/deep", "\(directory)/deep/file"] {
                    c.expect("the owner of \(path)", try await files.info(path, followingLinks: false).owner, is: user)
                }
                c.expect("what it reads", String(buffer: try await files.read("\(directory)/deep/file", upTo: 100)), is: "\(user)'s")
                try await files.remove(directory, recursively: true)
            }
        },
        ConformanceCase(.users, "the usual user's files are closed to what only root may", needs: [.users]) { c in
            guard c.capabilities.users.contains(SandboxSpec.root) else { return }
            guard let sandbox = try await c.sandboxOfUsers() else { return }
            let root = try sandbox.files(as: SandboxSpec.root)
            let path = "/sandstorm-conformance/private"
            try await root.write(path, ByteBuffer(string: "root's"), mode: 0o600)
            await c.refusal("reading it as the usual user", .invalid, file: [.notPermitted]) {
                _ = try await sandbox.files.read(path, upTo: 100)
            }
            await c.refusal("writing it as the usual user", .invalid, file: [.notPermitted]) {
                try await sandbox.files.write(path, ByteBuffer(string: "x"), mode: 0o644)
            }
            await c.refusal("removing it as the usual user", .invalid, file: [.notPermitted]) {
                try await sandbox.files.remove("/sandstorm-conformance", recursively: true)
            }
            c.expect("what root reads", String(buffer: try await root.read(path, upTo: 100)), is: "root's")
        },
        ConformanceCase(.users, "files of a user that is not there are the caller's mistake", needs: [.users]) { c in
            guard let sandbox = try await c.sandboxOfUsers() else { return }
            await c.refusal("a file of a missing user", .invalid, .unsupported) {
                _ = try await sandbox.files(as: "sandstorm-nobody").info("/tmp", followingLinks: true)
            }
        },
    ]
}

extension CaseContext {
    /// A sandbox that has every declared user; nil where the suite's spec asks for what no such sandbox has, which then is said.
    fileprivate func sandboxOfUsers() async throws -> (any Sandbox)? {
        let needsRoot = capabilities.users.contains(SandboxSpec.root)
        let wanted = spec { $0.rootAccess = needsRoot }
        if needsRoot, provider.offers(for: wanted).isEmpty {
            expect(provider.refusal(of: wanted)?.isEmpty == false, "no reason is given why there is no root access")
            return nil
        }
        return try await ownSandbox { $0.rootAccess = needsRoot }
    }
}
