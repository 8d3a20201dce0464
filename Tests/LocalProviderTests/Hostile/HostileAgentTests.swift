#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// Code that has taken the agent's place, whatever way it found: all it gets is the end of its own sandbox.
@Suite("A hostile agent", .enabled(if: Machine.canRun && Probe.isPossible, "needs python3"))
struct HostileAgentTests {
    /// What it sends after a proper hello, in Python: `send` takes bytes, `frame` makes a frame.
    enum Attack: String, CaseIterable {
        case noise = "send(os.urandom(100000))"
        case hugeFrame = "send(struct.pack('>IBI', 0xffffffff, 0x14, 1)); time.sleep(1000)"
        case unaskedOutput = "while True: send(frame(0x14, 1, b'x' * 60000))"
        case strayChannels = "for n in range(1, 10 ** 9): send(frame(0x11, n, struct.pack('>i', 1)))"
        case pongs = "while True: send(frame(0x03, 0, bytes(8)))"
        case unknownKinds = "while True: send(frame(0xee, 1, bytes(1000)))"
        case credit = "while True: send(frame(0x08, 1, b'\\xff' * 4))"
        case secondHello = "send(hello); time.sleep(1000)"
        case deaf = "time.sleep(1000)"
        case exit = "pass"
    }

    @Test("whatever it sends, the gateway lives, memory stays bounded, and the sandbox can be killed", arguments: Attack.allCases)
    func attack(_ attack: Attack) async throws {
        let real = try #require(Machine.agent)
        let version = try #require(
            String(decoding: Self.output([real, "--version"]).utf8, as: UTF8.self).split(separator: "protocol ").last?.prefix {
                $0.isNumber
            })
        try await Playground.run { playground in
            let path = try playground.provider.host.get().agent
            let program = """
                import os, socket, struct, time
                s = socket.socket(fileno=0)
                def send(data): s.sendall(data)
                def frame(kind, channel, payload): return struct.pack(">IBI", len(payload) + 5, kind, channel) + payload
                hello = frame(1, 0, struct.pack(">HI", \(version), 3) + b"bad" + struct.pack(">iI", 1, 1000))
                send(hello)
                \(attack.rawValue)
                """
            unlink(path)
            try HostFile.create(
                path,
                Array(
                    "#!/bin/sh\n[ \"$1\" = launch ] && exec \(real) \"$@\"\nexec /usr/bin/python3 -c '\(program.replacing("'", with: "'\\''"))'\n"
                        .utf8),
                mode: 0o755)
            let before = Self.residentMiB()
            let start = ContinuousClock.now
            do {
                let sandbox = try await playground.sandbox()
                // Nobody answers the honest questions; most attacks end the session by themselves.
                let asking = Task { try await sandbox.sh("echo x") }
                let reading = Task { try await sandbox.files.read("x", upTo: 1000) }
                try await Task.sleep(for: .milliseconds(300))
                try await sandbox.kill()
                for error in [await providerError { _ = try await asking.value }, await providerError { _ = try await reading.value }] {
                    #expect([.interrupted, .notFound, .unavailable].contains(error?.code), "\(String(describing: error))")
                }
            } catch {
                // It broke the rules before the sandbox was handed over.
                #expect([.unavailable, .interrupted, .unsupported].contains((error as? ProviderError)?.code), "\(error)")
            }
            // Not for ever, that is; a busy machine takes its time.
            #expect(ContinuousClock.now - start < .seconds(240))
            #expect(Self.residentMiB() - before < 120)
        }
        // The gateway makes sandboxes as before.
        try await Playground.run { playground in
            let output = try await playground.sandbox().sh("echo fine").stdout
            #expect(output == "fine\n")
        }
    }

    private static func output(_ arguments: [String]) throws -> String {
        let (ours, theirs) = try Descriptor.socketPair()
        let child = try ChildProcess.spawn(arguments, .init(output: theirs))
        _ = child.reap(within: .seconds(10))
        return String(decoding: ours.readAvailable(limit: 4096), as: UTF8.self)
    }

    private static func residentMiB() -> Int {
        (HostFile.text("/proc/self/statm")?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 256
    }
}

extension String {
    fileprivate func replacing(_ text: Character, with other: String) -> String { map { $0 == text ? other : String($0) }.joined() }
}
#endif
