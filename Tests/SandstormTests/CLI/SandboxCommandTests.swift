import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

/// A gateway with one sandbox, and the program that works with it.
private struct Site: Sendable {
    let fixture: Fixture
    let url: String
    let id: String
    private let gateway: RunningProgram

    /// Does something with a sandbox behind a gateway, and ends both after it.
    static func with(_ options: String..., work: (Site) async throws -> Void) async throws {
        let fixture = try Fixture()
        let (gateway, url) = try await fixture.serve("--dev")
        let made = try await fixture.program.start(["sandboxes", "create", "--gateway", url] + options).outcome()
        try #require(made.code == 0, "\(made)")
        let site = Site(fixture: fixture, url: url, id: made.stdout.trimmingCharacters(in: .whitespacesAndNewlines), gateway: gateway)
        let ended = await outcome { try await work(site) }
        let killed = try await site("sandboxes", "kill", "--all", "--yes")
        #expect(killed.code == 0, "\(killed)")
        gateway.send(.terminate)
        _ = try await gateway.outcome()
        #expect(Sandboxes.living(in: fixture.directory.path + "/gateway") == [])
        try ended.get()
    }

    func callAsFunction(_ words: String..., input: String? = nil) async throws -> Program.Outcome {
        var fixture = fixture.program
        fixture.environment["SANDSTORM_URL"] = url
        return try await fixture.start(words, input: input).outcome()
    }
}

@Suite("sandstorm sandboxes, exec, files, snapshots", .needsSandboxes) struct SandboxCommandTests {
    @Test func `exec passes bytes and the exit code on`() async throws {
        try await Site.with { site in
            let piped = try await site("exec", site.id, "--", "sh", "-c", "cat; echo err >&2; exit 9", input: "one\ntwo")
            #expect(piped.code == 9)
            #expect(piped.stdout == "one\ntwo")
            #expect(piped.stderr == "err\n")
            let bytes = try await site("exec", site.id, "--", "printf", #"\377\000\033]0;t\a"#)
            #expect(bytes.output == [0xFF, 0x00, 0x1B, 0x5D, 0x30, 0x3B, 0x74, 0x07])
            let options = try await site(
                "exec", site.id, "-e", "A=b c", "-w", "/tmp", "--no-stdin", "--", "sh", "-c", "echo $A; pwd; cat", input: "not this")
            #expect(options.stdout == "b c\n/tmp\n")
            #expect(try await site("exec", site.id, "--", "sh", "-c", "kill -TERM $$").code == 143)
            let slow = try await site("exec", site.id, "--timeout", "500ms", "--", "sleep", "60")
            #expect(slow.code == 124, "\(slow)")
            let missing = try await site("exec", site.id, "--", "no-such-program")
            #expect(missing.code == 125, "\(missing)")
            #expect(missing.stderr.contains("no-such-program"))
            let detached = try await site("exec", "-d", site.id, "--", "sh", "-c", "sleep 0.2; echo done > /tmp/done")
            #expect(detached.stdout.hasPrefix("prc_"))
            #expect(
                try await eventually { try await site("exec", site.id, "--", "cat", "/tmp/done").stdout == "done\n" })
            let much = try await site("exec", site.id, "--", "sh", "-c", "yes | head -c 3000000")
            #expect(much.output.count == 3_000_000)
        }
    }

    @Test func `a closed output kills the command`() async throws {
        try await Site.with { site in
            let script = "\"$0\" exec $1 --gateway $2 -- sh -c 'while :; do echo line; sleep 0.1; done' | head -1; echo ${PIPESTATUS[0]}"
            let outcome = try await site.fixture.program.start("/bin/bash", ["-c", script, Program.path, site.id, site.url]).outcome()
            #expect(outcome.stdout == "line\n141\n", "\(outcome)")
            let count = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'echo li[n]e'"
            let isGone = try await eventually { try await site("exec", site.id, "--", "sh", "-c", count).stdout == "0\n" }
            #expect(isGone)
        }
    }

    @Test func `Ctrl-C kills the command and leaves the sandbox`() async throws {
        try await Site.with { site in
            var program = site.fixture.program
            program.environment["SANDSTORM_URL"] = site.url
            let exec = try program.start(["exec", site.id, "--", "sh", "-c", "echo begun; exec sleep 4321"])
            try #require(await eventually(within: .seconds(60)) { exec.stdout == "begun\n" })
            exec.send(.interrupt)
            let outcome = try await exec.outcome()
            #expect(outcome.code == 130, "\(outcome)")
            let isGone = try await eventually {
                try await site("exec", site.id, "--", "sh", "-c", "! cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -q 'sleep 43[2]1'").code
                    == 0
            }
            #expect(isGone)
        }
    }

    @Test func `the life of a sandbox`() async throws {
        try await Site.with("--label", "team=a", "--timeout", "10m", "--memory", "256MiB") { site in
            let shown = try JSONValue(parsing: try await site("sandboxes", "get", site.id, "--json").output)
            let info = try #require(SandboxInfo(json: shown))
            #expect(info.state == .running)
            #expect(info.spec.metadata == ["team": "a"])
            #expect(info.spec.memory == 256)
            let text = try await site("sandbox", "show", site.id)
            #expect(text.stdout.contains(site.id) && text.stdout.contains("team=a"), "\(text)")
            #expect(try await site("sandboxes", "--label", "team=b").stdout.split(separator: "\n").count == 1)
            #expect(try await site("sandboxes", "--label", "team=a").stdout.contains(site.id))
            let renewed = try await site("sandboxes", "renew", site.id, "1h", "--json")
            let lease = try #require(SandboxInfo(json: try JSONValue(parsing: renewed.output))?.leaseUntil)
            #expect(lease > info.leaseUntil)
            let usage = try await site("sandboxes", "usage", site.id)
            #expect(usage.code == 0 && usage.stdout.contains("memory"), "\(usage)")
            let killed = try await site("sandboxes", "kill", site.id)
            #expect(killed.stdout == site.id + "\n")
            #expect(try await site("sandboxes", "kill", site.id).code == 0)
            #expect(try await site("sandboxes", "get", site.id).stdout.contains("ended"))
            let late = try await site("exec", site.id, "--", "true")
            #expect(late.code == 125, "\(late)")
        }
    }

    @Test func `pause, resume, fork and snapshot`() async throws {
        try await Site.with { site in
            _ = try await site("exec", site.id, "--", "sh", "-c", "echo kept > /workspace/file")
            let paused = try await site("sandboxes", "pause", site.id, "--json")
            guard paused.code == 0 else {
                // Where the machine can't freeze, the command says so.
                #expect(paused.code == 125)
                return
            }
            #expect(SandboxInfo(json: try JSONValue(parsing: paused.output))?.state == .paused)
            #expect(try await site("sandboxes", "resume", site.id).code == 0)
            let snapshot = try await site("snapshots", "create", site.id, "--name", "first")
            #expect(snapshot.code == 0, "\(snapshot)")
            let id = snapshot.stdout.trimmingCharacters(in: .whitespacesAndNewlines)
            let fork = try await site("sandboxes", "fork", site.id)
            #expect(fork.code == 0, "\(fork)")
            let copy = fork.stdout.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(try await site("files", "cat", copy + ":file").stdout == "kept\n")
            let listed = try await site("snapshots")
            #expect(listed.stdout.contains(id) && listed.stdout.contains("first"))
            let again = try await site("sandboxes", "create", "--snapshot", id)
            #expect(again.code == 0, "\(again)")
            #expect(
                try await site("files", "cat", again.stdout.trimmingCharacters(in: .whitespacesAndNewlines) + ":file").stdout == "kept\n")
            #expect(try await site("snapshots", "delete", id).code == 0)
            #expect(try await site("snapshots", "delete", id).code == 125)
        }
    }

    @Test func `files in and out`() async throws {
        try await Site.with { site in
            let local = try site.fixture.file("data.bin", (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let content = try #require(FileManager.default.contents(atPath: local))
            let up = try await site("files", "cp", local, site.id + ":in/")
            #expect(up.code == 0, "\(up)")
            let back = site.fixture.directory.path + "/back.bin"
            let down = try await site("files", "cp", site.id + ":/workspace/in/data.bin", back)
            #expect(down.code == 0, "\(down)")
            #expect(FileManager.default.contents(atPath: back) == content)
            #expect(try await site("files", "cp", "-", site.id + ":note", input: "from a pipe").code == 0)
            #expect(try await site("files", "cp", site.id + ":note", "-").stdout == "from a pipe")
            #expect(try await site("files", "ls", site.id).stdout == "in/\nnote\n")
            #expect(try await site("files", "ls", "-l", site.id).stdout.contains("-rw-r--r--"))
            #expect(try await site("files", "mkdir", site.id + ":a/b").code == 0)
            #expect(try await site("files", "mv", site.id + ":note", site.id + ":a/note").code == 0)
            let info = try await site("files", "stat", site.id + ":a/note", "--json")
            #expect(FileInfo(json: try JSONValue(parsing: info.output))?.size == 11, "\(info)")
            let refused = try await site("files", "rm", site.id + ":a")
            #expect(refused.code == 125, "\(refused)")
            #expect(try await site("files", "rm", "-r", site.id + ":a").code == 0)
            let gone = try await site("files", "cat", site.id + ":a/note")
            #expect(gone.code == 125, "\(gone)")
        }
    }

    @Test func `directories in and out, from a sandbox that means harm`() async throws {
        try await Site.with { site in
            let tree = site.fixture.directory.path + "/tree"
            try FileManager.default.createDirectory(atPath: tree + "/sub/empty", withIntermediateDirectories: true)
            try Data("one".utf8).write(to: URL(fileURLWithPath: tree + "/sub/file"))
            try FileManager.default.createSymbolicLink(atPath: tree + "/link", withDestinationPath: "sub/file")
            let up = try await site("files", "cp", tree, site.id + ":/workspace")
            #expect(up.code == 0, "\(up)")
            let script = """
                cd /workspace/tree && cat link sub/file && ln -s /etc evil && ln -s ../../.. up && mkfifo pipe && chmod 4755 sub/file
                """
            #expect(try await site("exec", site.id, "--", "sh", "-c", script).stdout == "oneone")
            let target = site.fixture.directory.path + "/out"
            let down = try await site("files", "cp", site.id + ":tree", target)
            #expect(down.code == 0, "\(down)")
            #expect(try String(contentsOfFile: target + "/link", encoding: .utf8) == "one")
            #expect(Set(try FileManager.default.contentsOfDirectory(atPath: target)) == ["sub", "link"])
            #expect(down.stderr.contains("left out evil: a link to /etc, which is outside"), "\(down)")
            // Onto a directory: into it, under its own name.
            #expect(try await site("files", "cp", site.id + ":tree/sub", target).code == 0)
            #expect(try String(contentsOfFile: target + "/sub/file", encoding: .utf8) == "one")
        }
    }

    @Test func `changes are told as they come`() async throws {
        try await Site.with { site in
            var program = site.fixture.program
            program.environment["SANDSTORM_URL"] = site.url
            let watch = try program.start(["files", "watch", site.id, "--json"])
            #expect(
                try await eventually(within: .seconds(60)) {
                    _ = try await site("exec", site.id, "--", "sh", "-c", "date +%N > /workspace/watched")
                    return watch.stdout.contains("watched")
                }, "\(watch.stderr)")
            watch.send(.interrupt)
            #expect(try await watch.outcome().code == 130)
        }
    }

    @Test func `prices, without a gateway too`() async throws {
        let outcome = try await Fixture().program("prices", "--cpu", "2", "--memory", "1GiB", "--duration", "10m")
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.stdout.contains("local/"))
        let json = try await Fixture().program("prices", "--json")
        #expect(try JSONValue(parsing: json.output)["duration"]?.intValue == 3_600_000)
        #expect(try JSONValue(parsing: json.output)["prices"]?.arrayValue?.isEmpty == false)
    }
}

@Suite("What is wrong with a command about sandboxes") struct SandboxRefusalTests {
    private static let id = SandboxID.generate().rawValue

    @Test(
        "without a gateway",
        arguments: [
            ["exec", id, "--", "true"], ["shell", id], ["shell", "--keep"], ["sandboxes", "create"], ["sandboxes", "kill", id],
            ["sandboxes", "renew", id, "5m"], ["sandboxes", "pause", id], ["sandboxes", "fork", id],
            ["files", "cp", "/etc/hostname", id + ":x"],
            ["files", "ls", id], ["snapshots", "create", id],
        ])
    func gateway(arguments: [String]) async throws {
        let outcome = try await Fixture().program.start(arguments).outcome()
        #expect(outcome.code == 64)
        #expect(outcome.stderr.contains("without a gateway"), "\(outcome)")
        #expect(outcome.stderr.contains("sandstorm serve"))
    }

    @Test func `all problems at once`() async throws {
        let outcome = try await Fixture().program("exec", "nonsense", "--env", "x", "--workdir", "y", "--timeout", "z", "--tty", "--detach")
        #expect(outcome.code == 64)
        for part in ["nonsense", "--env", "--workdir", "--timeout", "--tty", "nothing to run", "7 problems"] {
            #expect(outcome.stderr.contains(part), "\(part): \(outcome)")
        }
        let created = try await Fixture().program(
            "sandboxes", "create", "--gateway", "http://127.0.0.1:1", "--memory", "x", "--snapshot", "y", "--label", "z")
        #expect(created.stderr.contains("3 problems"), "\(created)")
        let copied = try await Fixture().program("files", "cp", "a", "b")
        #expect(copied.stderr.contains("both on this machine"))
        let killed = try await Fixture().program("sandboxes", "kill", "--all", "--gateway", "http://127.0.0.1:1")
        #expect(killed.stderr.contains("--yes"))
        let shell = try await Fixture().program("shell", Self.id, "--gateway", "http://127.0.0.1:1", "--memory", "1GiB")
        #expect(shell.stderr.contains("--memory is for a new sandbox"), "\(shell)")
    }
}
