/// What `contain` was asked to make.
struct ContainerOptions {
    /// The machine's user and group that are root inside, and how many follow.
    var firstID: UInt32 = 0
    var idCount: UInt32 = 0
    var hostname = "sandbox"
    /// Where the sandbox's disk is mounted. Its `root` is the root directory, or what was changed in ``image``.
    var disk = ""
    /// A directory of the machine under the root directory.
    var image: String?
    /// Directories of the machine that can be written to inside, with the names of their changes on the disk.
    var merged: [(host: String, path: String, name: String)] = []
    /// What of the machine can be read inside.
    var bound: [(host: String, path: String)] = []
    /// A file of the machine that becomes `/etc/resolv.conf`.
    var resolver: String?
    /// How large `/dev/shm` may become; nil for as large as memory allows.
    var sharedMemory: UInt64?
    /// A network namespace of its own; else the one that it is in.
    var makesNetwork = false
    /// What to run instead of the agent itself; for trials.
    var arguments: [String] = []

    init(parsing arguments: ArraySlice<String>) throws(LaunchOptions.Mistake) {
        var rest = arguments
        options: while let option = rest.popFirst() {
            switch option {
            case "--":
                self.arguments = Array(rest)
                break options
            case "--ids":
                let parts = try Self.value(of: option, &rest).split(separator: ":").map { UInt32($0) }
                guard parts.count == 2, let first = parts[0], let count = parts[1], first > 0, count > 1000,
                    !first.addingReportingOverflow(count).overflow
                else { throw LaunchOptions.Mistake(message: "--ids needs FIRST:COUNT") }
                (firstID, idCount) = (first, count)
            case "--hostname": hostname = try Self.value(of: option, &rest)
            case "--disk": disk = try Self.value(of: option, &rest)
            case "--image": image = try Self.value(of: option, &rest)
            case "--merge":
                let host = try Self.value(of: option, &rest)
                let path = try Self.value(of: option, &rest)
                merged.append((host, path, try Self.value(of: option, &rest)))
            case "--bind": bound.append((try Self.value(of: option, &rest), try Self.value(of: option, &rest)))
            case "--resolver": resolver = try Self.value(of: option, &rest)
            case "--shared-memory": sharedMemory = UInt64(try Self.value(of: option, &rest))
            case "--make-network": makesNetwork = true
            default: throw LaunchOptions.Mistake(message: "unknown option \(option)")
            }
        }
        guard idCount > 0, !disk.isEmpty else { throw LaunchOptions.Mistake(message: "--ids and --disk are needed") }
    }

    private static func value(of option: String, _ rest: inout ArraySlice<String>) throws(LaunchOptions.Mistake) -> String {
        guard let value = rest.popFirst() else { throw LaunchOptions.Mistake(message: "\(option) needs another value") }
        return value
    }
}
