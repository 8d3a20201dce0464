/// What `launch` was asked to do before it becomes the program.
struct LaunchOptions {
    var cgroups: [String] = []
    var uid: UInt32?
    var gid: UInt32?
    var limits: [(name: String, limit: ResourceLimit, value: UInt)] = []
    var oomScoreAdjustment: Int?
    var diesWithParent = false
    /// In a mount namespace of its own, `/dev/net/tun` is there for every user. Needs root.
    var opensTun = false
    /// The files of the namespaces to enter.
    var userNamespace: String?
    var networkNamespace: String?
    /// The program and its arguments.
    var command: [String] = []

    struct Mistake: Error {
        let message: String
    }

    init(parsing arguments: ArraySlice<String>) throws(Mistake) {
        var rest = arguments
        while let option = rest.popFirst() {
            switch option {
            case "--":
                guard !rest.isEmpty else { throw Mistake(message: "no program after --") }
                command = Array(rest)
                return
            case "--cgroup": cgroups.append(try Self.value(of: option, &rest))
            case "--uid": uid = try Self.number(of: option, &rest)
            case "--gid": gid = try Self.number(of: option, &rest)
            case "--oom-score-adj": oomScoreAdjustment = try Self.number(of: option, &rest)
            case "--die-with-parent": diesWithParent = true
            case "--open-tun": opensTun = true
            case "--join-user": userNamespace = try Self.value(of: option, &rest)
            case "--join-network": networkNamespace = try Self.value(of: option, &rest)
            case "--rlimit": limits.append(try Self.limit(try Self.value(of: option, &rest)))
            default: throw Mistake(message: "unknown option \(option)")
            }
        }
        throw Mistake(message: "no -- and program")
    }

    private static func value(of option: String, _ rest: inout ArraySlice<String>) throws(Mistake) -> String {
        guard let value = rest.popFirst() else { throw Mistake(message: "\(option) needs a value") }
        return value
    }

    private static func number<Number: FixedWidthInteger>(of option: String, _ rest: inout ArraySlice<String>) throws(Mistake) -> Number {
        let text = try value(of: option, &rest)
        guard let number = Number(text) else { throw Mistake(message: "\(option) needs a number, not \(text)") }
        return number
    }

    private static func limit(_ text: String) throws(Mistake) -> (String, ResourceLimit, UInt) {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let limit = ResourceLimit(rawValue: String(parts[0])) else {
            let names = ResourceLimit.allCases.map(\.rawValue).joined(separator: ", ")
            throw Mistake(message: "--rlimit needs NAME=NUMBER with a NAME of \(names), not \(text)")
        }
        // RLIM_INFINITY has all bits set.
        guard let value = parts[1] == "unlimited" ? .max : UInt(parts[1]) else {
            throw Mistake(message: "--rlimit \(parts[0]) needs a number or unlimited, not \(parts[1])")
        }
        return (String(parts[0]), limit, value)
    }
}
