import NIOCore
import SandstormCore

extension SandboxLink {
    /// Lines that print how often the kernel has killed for lack of memory, and how much memory it has in KiB.
    static let memoryLines = #"""
        while read -r k v _; do [ "$k" = oom_kill ] && printf 'kills %s\n' "$v"; done </proc/vmstat
        while read -r k v _; do [ "$k" = MemTotal: ] && printf 'total %s\n' "$v"; done </proc/meminfo
        exit 0
        """#

    /// Takes what ``memoryLines`` printed.
    ///
    /// - Returns: the kills; `nil` where the kernel is not the sandbox's own, and counts what happens in others too.
    func memoryKills(in output: ByteBuffer) -> Int? {
        var figures: [Substring: Int] = [:]
        for line in String(buffer: output).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { figures[words[0]] = Int(words[1]) }
        }
        guard let kills = figures["kills"], let total = figures["total"], let memory = access.memoryMiB, total <= memory * 1024 else {
            return nil
        }
        return kills
    }

    /// Whether the kernel in the sandbox has killed for lack of memory since it was last asked.
    ///
    /// A machine of its own has a kernel of its own, whose counter says so. Nothing else does.
    func hasRunOutOfMemory() async -> Bool {
        guard let before = memoryKills, let result = try? await run(SandboxLink.memoryLines), let now = memoryKills(in: result.output)
        else {
            return false
        }
        memoryKills = now
        return now > before
    }
}
