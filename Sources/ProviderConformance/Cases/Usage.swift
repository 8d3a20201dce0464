import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    static let usage: [ConformanceCase] = [
        ConformanceCase(.usage, "CPU time grows with work", needs: [.usage]) { c in
            let sandbox = try await c.ownSandbox()
            guard let before = try await sandbox.usage().cpuTime else { return }
            _ = try await c.shell(sandbox, "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", in: SandboxSpec.workspace)
            try await c.eventually("it did not grow from \(before)") { try await sandbox.usage().cpuTime ?? .zero > before }
        },
        ConformanceCase(.usage, "memory is used, within its limit", needs: [.usage]) { c in
            let spec = c.spec { $0.memory = 256 }
            let offer = try c.offer(for: spec)
            let sandbox = c.keep(try await c.creating { try await $0.create(spec, on: offer, tag: c.tag()) })
            _ = try await c.shell(sandbox, "true", in: SandboxSpec.workspace)
            let usage = try await sandbox.usage()
            if let memory = usage.memory {
                c.expect(memory > 0, "none is used")
                c.expect(memory <= usage.memoryLimit ?? .max, "\(memory) are used of \(usage.memoryLimit ?? 0)")
                if let peak = usage.peakMemory { c.expect(peak >= memory / 2, "the peak \(peak) is far below what is used, \(memory)") }
            }
            if let limit = usage.memoryLimit { c.expect("the limit", limit, is: Int64(offer.resources.memoryMiB) << 20) }
        },
        ConformanceCase(.usage, "the disk fills with what is written", needs: [.usage]) { c in
            let sandbox = try await c.ownSandbox()
            guard let before = try await sandbox.usage().disk else { return }
            _ = try await c.shell(sandbox, "head -c 33554432 /dev/urandom > file; sync", in: SandboxSpec.workspace)
            try await c.eventually("it did not grow by about 32 MiB from \(before)") {
                try await sandbox.usage().disk ?? 0 >= before + 30 << 20
            }
            let usage = try await sandbox.usage()
            c.expect(usage.disk ?? 0 <= usage.diskLimit ?? .max, "\(usage.disk ?? 0) are used of \(usage.diskLimit ?? 0)")
        },
        ConformanceCase(.usage, "processes are counted", needs: [.usage]) { c in
            let sandbox = try await c.ownSandbox()
            guard let before = try await sandbox.usage().processes else { return }
            let process = try await sandbox.start(
                c.line("for i in 1 2 3 4 5; do sleep 1000 & done; echo up; wait", in: SandboxSpec.workspace))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await c.eventually("five more are not counted beside \(before)") { try await sandbox.usage().processes ?? 0 >= before + 5 }
            try await process.signal(.kill)
        },
        ConformanceCase(.usage, "what was killed uses nothing", needs: [.usage]) { c in
            let sandbox = try await c.ownSandbox()
            try await sandbox.kill()
            await c.refusal("asking", .notFound, .interrupted) { try await sandbox.usage() }
        },
    ]
}
