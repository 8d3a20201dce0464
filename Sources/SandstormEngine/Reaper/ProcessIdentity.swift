#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The name of an operating-system process that no later process can have: its number and, where the system tells it, its start.
struct ProcessIdentity: Hashable, Sendable {
    let rawValue: String

    /// This process.
    static let current = ProcessIdentity(pid: getpid())
    /// No process: what it owns is there to be taken.
    static let nobody = ProcessIdentity(rawValue: "")

    init(rawValue: String) { self.rawValue = rawValue }

    private init(pid: pid_t) { rawValue = "\(pid):\(ProcessIdentity.startTime(of: pid) ?? "")" }

    /// The process still runs.
    var isAlive: Bool {
        guard let pid = rawValue.split(separator: ":").first.flatMap({ pid_t($0) }), pid > 0 else { return false }
        guard kill(pid, 0) == 0 || errno == EPERM else { return false }
        return ProcessIdentity(pid: pid) == self
    }

    /// Field 22 of `/proc/PID/stat`, in ticks since boot; `nil` where there is no such file.
    private static func startTime(of pid: pid_t) -> String? {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return nil }
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = fread(&buffer, 1, buffer.count, file)
        // The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
        guard let end = buffer[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = buffer[(end + 1)..<count].split(separator: UInt8(ascii: " "))
        return fields.count > 19 ? String(decoding: fields[19], as: UTF8.self) : nil
    }
}
