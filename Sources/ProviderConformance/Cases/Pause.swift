import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    private static let ticking = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.05; done"

    static let pause: [ConformanceCase] = [
        ConformanceCase(.pause, "what is paused does nothing, and goes on where it was", needs: [.pause]) { c in
            let sandbox = try await c.ownSandbox()
            let process = try await sandbox.start(c.line(ticking, in: SandboxSpec.workspace))
            let last = Locked(0)
            let reading = Task {
                var text = ""
                for try await event in process.events {
                    guard case .stdout(let bytes) = event else { continue }
                    text += String(buffer: bytes)
                    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                    text = lines.last.map(String.init) ?? ""
                    for line in lines.dropLast() {
                        let (number, before) = (Int(line) ?? -1, last.withLock(\.self))
                        c.expect(number == before + 1, "\(number) came after \(before)")
                        last.withLock { $0 = number }
                    }
                }
            }
            try await c.eventually("it did not begin") { last.withLock(\.self) > 3 }
            try await sandbox.pause()
            // What was on its way arrives.
            try await Task.sleep(for: .seconds(1))
            let paused = last.withLock(\.self)
            try await Task.sleep(for: .seconds(1))
            c.expect("what was said while it was paused", last.withLock(\.self), is: paused)
            try await sandbox.resume()
            try await c.eventually("it did not go on") { last.withLock(\.self) > paused + 3 }
            try await process.signal(.kill)
            _ = await reading.result
        },
        ConformanceCase(.pause, "pausing and resuming twice is as good as once", needs: [.pause]) { c in
            let sandbox = try await c.ownSandbox()
            try await sandbox.resume()
            try await sandbox.pause()
            try await sandbox.pause()
            try await sandbox.resume()
            try await sandbox.resume()
            c.expect("what runs then", try await c.shell(sandbox, "echo fine", in: SandboxSpec.workspace).stdout, is: "fine\n")
        },
        ConformanceCase(.pause, "files and memory outlast a pause", needs: [.pause]) { c in
            let sandbox = try await c.ownSandbox()
            let process = try await sandbox.start(
                c.line("kept=in-memory; echo on-disk > file; echo up; read line; echo $kept $line; cat file", in: SandboxSpec.workspace))
            var events = process.events.makeAsyncIterator()
            _ = try await events.output(until: "up\n")
            try await sandbox.pause()
            try await sandbox.resume()
            try await process.write(ByteBuffer(string: "back\n"))
            c.expect("what it still knows", try await events.rest().output, is: "in-memory back\non-disk\n")
        },
        ConformanceCase(.pause, "what is paused can be killed", needs: [.pause]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await sandbox.start(c.line("exec sleep 1000", in: SandboxSpec.workspace))
            try await sandbox.pause()
            try await sandbox.kill()
            try await c.eventually("it is still listed") { try await c.listed().isEmpty }
            await c.refusal("attaching", .notFound) { try await c.provider.attach(sandbox.id).id }
        },
        ConformanceCase(.pause, "what is paused is still listed, and found by its name", needs: [.pause]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await c.shell(sandbox, "echo kept > file", in: SandboxSpec.workspace)
            try await sandbox.pause()
            c.expect("what is listed", try await c.listed().map(\.id), is: [sandbox.id])
            let again = try await c.provider.attach(sandbox.id)
            try await again.resume()
            c.expect("a file in it", try await c.shell(again, "cat file", in: SandboxSpec.workspace).stdout, is: "kept\n")
        },
    ]
}
