import NIOCore
import SandstormCore
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ConformanceCase {
    /// A line that needs about `mebibytes` of memory: tail keeps what it is to show.
    private static func hunger(_ mebibytes: Int) -> String {
        "head -c \(mebibytes << 20) /dev/zero | tail -c \(mebibytes << 20) | wc -c"
    }

    /// A program that needs about `mebibytes`, no more in case nothing limits it: tail waits for the end of the one line that it is fed.
    private static func overeat(_ mebibytes: Int) -> String {
        "mkfifo meal; (head -c \(mebibytes << 20) /dev/zero > meal &); exec tail -n 1 < meal > /dev/null"
    }

    /// The most memory that a case takes to go beyond a limit.
    private static let mostMemory = 1024

    static let limits: [ConformanceCase] = [
        ConformanceCase(.limits, "a program has the memory that the offer names") { c in
            let spec = c.spec { $0.memory = 512 }
            let sandbox = c.keep(try await c.creating { try await $0.create(spec, on: try c.offer(for: spec), tag: c.tag()) })
            let result = try await c.shell(sandbox, hunger(256), in: SandboxSpec.workspace)
            c.expect("bytes that went through 256 MiB of memory", result.stdout.filter(\.isNumber), is: "\(256 << 20)")
        },
        ConformanceCase(.limits, "running out of memory is reported as that") { c in
            let spec = c.spec { $0.memory = 128 }
            let offer = try c.offer(for: spec)
            let sandbox = c.keep(try await c.creating { try await $0.create(spec, on: offer, tag: c.tag()) })
            guard offer.resources.memoryMiB * 2 <= mostMemory else {
                // The offer says that there is more than can be tried here: then more than was asked for must be there.
                let result = try await c.shell(sandbox, hunger(256), in: SandboxSpec.workspace)
                return c.expect("bytes that went through 256 MiB of memory", result.stdout.filter(\.isNumber), is: "\(256 << 20)")
            }
            let error = await c.refusal("needing twice the memory", .interrupted) {
                try await c.shell(sandbox, overeat(offer.resources.memoryMiB * 2), in: SandboxSpec.workspace)
            }
            c.expect("whether it says that memory ran out", error?.outOfMemory, is: true)
            c.expect("whether it says that the code had started", error?.afterStart, is: true)
            c.expect("what is to be done about it", error?.disposition, is: .giveUp)
        },
        ConformanceCase(.limits, "a kill by hand is not taken for a lack of memory") { c in
            let result = try await c.shell(try await c.sandbox(), "kill -KILL $$; sleep 5")
            c.expect("how it ended", result.status?.outcome, is: .signal(.kill))
        },
        ConformanceCase(.limits, "one sandbox's lack of memory is not another's") { c in
            let spec = c.spec { $0.memory = 128 }
            let offer = try c.offer(for: spec)
            let (hungry, other) = (
                c.keep(try await c.creating { try await $0.create(spec, on: offer, tag: c.tag()) }), try await c.ownSandbox()
            )
            let process = try await other.start(c.line("echo up; read line; echo lives $line", in: SandboxSpec.workspace))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            if offer.resources.memoryMiB * 2 <= mostMemory {
                _ = try? await c.shell(hungry, overeat(offer.resources.memoryMiB * 2), in: SandboxSpec.workspace)
            }
            try await process.write(ByteBuffer(string: "on\n"))
            c.expect("what the other says", try await events.rest().output, is: "lives on\n")
        },
        ConformanceCase(.limits, "a full disk is full at its size, and told as that") { c in
            let spec = c.spec { $0.disk = 1 }
            let offer = try c.offer(for: spec)
            let sandbox = c.keep(try await c.creating { try await $0.create(spec, on: offer, tag: c.tag()) })
            // Where the offer names a larger disk, that much is not written just to see it.
            guard offer.resources.diskGiB <= 2 else { return }
            let (most, rest) = (offer.resources.diskGiB * 900, offer.resources.diskGiB * 300)
            let result = try await c.shell(
                sandbox,
                "fallocate -l \(most)M a 2>/dev/null || dd if=/dev/zero of=a bs=1M count=\(most) 2>/dev/null; echo $?; dd if=/dev/zero of=b bs=1M count=\(rest) 2>&1 | grep -ci 'no space'",
                in: SandboxSpec.workspace)
            c.expect("whether most of it could be written, and why the rest could not", result.stdout, is: "0\n1\n")
            await c.refusal("writing a file of 4 MiB then", .invalid, file: [.noSpace]) {
                try await sandbox.files.write("c", ByteBuffer(repeating: 0x78, count: 4 << 20), mode: 0o644)
            }
            _ = try await c.shell(sandbox, "rm -f a b", in: SandboxSpec.workspace)
            try await sandbox.files.write("c", ByteBuffer(repeating: 0x78, count: 4 << 20), mode: 0o644)
        },
        ConformanceCase(.limits, "a sandbox is not ended before its time") { c in
            let sandbox = try await c.ownSandbox { $0.timeout = .seconds(1) }
            try await sandbox.extend(to: Date(timeIntervalSinceNow: 300))
            try await Task.sleep(for: .seconds(3))
            c.expect(
                "what runs after its lease was extended", try await c.shell(sandbox, "echo fine", in: SandboxSpec.workspace).stdout,
                is: "fine\n")
        },
        ConformanceCase(.limits, "a command may take its time") { c in
            let sandbox = try await c.sandbox()
            let process = try await sandbox.start(c.line("sleep 5; echo done"))
            c.expect("what a quiet command says after 5 s", try await c.finished(process).stdout, is: "done\n")
        },
    ]
}
