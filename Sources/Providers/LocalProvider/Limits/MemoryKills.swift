#if os(Linux)
import Glibc

/// How often the kernel has killed in a sandbox because its memory was full.
///
/// The control file stays open and is read where it stands, before each command: that is a copy of a few numbers out of the
/// kernel's memory, which waits for nothing and takes a tenth of the way to another thread and back.
final class MemoryKills: Sendable {
    private let file: Descriptor?

    init(_ group: ControlGroup?) {
        file = group?.directories[.memory].flatMap {
            try? Descriptor.open("\($0)/\(group?.isUnified == true ? "memory.events" : "memory.oom_control")", O_RDONLY)
        }
    }

    /// Since the sandbox was made; 0 where nobody counts, or the sandbox is gone.
    var count: Int {
        guard let file else { return 0 }
        return withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { buffer in
            let length = pread(file.number, buffer.baseAddress, buffer.count, 0)
            guard length > 0 else { return 0 }
            return Self.count(in: UnsafeRawBufferPointer(rebasing: buffer[..<length]))
        }
    }

    /// Reads the number after `oom_kill ` at the start of a line.
    static func count(in text: some Collection<UInt8>) -> Int {
        for line in text.split(separator: UInt8(ascii: "\n")) where line.starts(with: "oom_kill ".utf8) {
            return line.dropFirst("oom_kill ".utf8.count).prefix { (48...57).contains($0) }.reduce(0) { $0 * 10 + Int($1 - 48) }
        }
        return 0
    }
}
#endif
