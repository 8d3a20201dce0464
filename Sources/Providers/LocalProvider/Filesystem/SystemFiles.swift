#if os(Linux)
import Glibc

/// The machine's own toolchains as a sandbox sees them: `/usr`, and of `/etc` a synthetic one with the few things that toolchains need.
///
/// Nothing else of the machine is visible: no home directory, no data directory, no `/opt`, `/srv`, `/var`, `/run` or `/mnt`, unless the operator
/// names it.
struct SystemFiles: Sendable {
    /// What of `/etc` toolchains need. A name that ends in `*` stands for all that start so.
    private static let shared = [
        "alternatives", "ssl/certs", "ssl/openssl.cnf", "ca-certificates", "ca-certificates.conf", "java*", "mono", "php", "python*",
        "perl",
        "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "services", "protocols", "dotnet",
        "matplotlibrc", "R",
    ]
    /// And what of it only makes sense with a network. `pip.conf` may name a mirror: whoever writes a password there shares it.
    private static let sharedWithNetwork = ["resolv.conf", "pip.conf", "npmrc", "gai.conf"]

    private struct Shared: Sendable {
        var name: String
        var isForNetwork: Bool

        func isVisible(_ names: NameService) -> Bool {
            switch names {
            case .none: !isForNetwork
            case .machine: true
            case .translated, .addressesOnly: name != "resolv.conf"
            }
        }
    }

    /// Where the synthetic `/etc` of each kind is kept.
    private let synthetic: [NameService: String]
    private let names: [Shared]
    /// `/bin` and its like: links, where they are part of `/usr`.
    let topLevel: [RootFilesystem.Entry]
    /// What the operator adds.
    let extra: [String]

    /// Writes the synthetic directories below `directory`.
    init(in directory: String, extraReadOnlyPaths extra: [String]) throws(SystemError) {
        self.extra = extra
        var names: [Shared] = []
        for (patterns, isForNetwork) in [(Self.shared, false), (Self.sharedWithNetwork, true)] {
            for pattern in patterns {
                names += Self.expand(pattern).map { Shared(name: $0, isForNetwork: isForNetwork) }
            }
        }
        self.names = names
        var synthetic: [NameService: String] = [:]
        for kind: NameService in [.none, .machine, .translated, .addressesOnly] {
            let resolver = kind == .translated ? [(name: "resolv.conf", content: Self.translatedResolver)] : []
            synthetic[kind] = try Self.write(names.filter { $0.isVisible(kind) }.map(\.name), Self.files + resolver, in: directory)
        }
        self.synthetic = synthetic
        topLevel = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"].compactMap { path in
            if HostFile.isSymbolicLink(path) { return HostFile.target(of: path).map { .symbolicLink($0, at: path) } }
            return HostFile.isDirectory(path) ? .bind(path, at: path, writable: false) : nil
        }
    }

    /// What it has written.
    var directories: [String] { Set(synthetic.values).sorted() }

    /// The part of the root file system that is read-only.
    func entries(_ kind: NameService) -> [RootFilesystem.Entry] {
        var entries: [RootFilesystem.Entry] = [.bind("/usr", at: "/usr", writable: false)] + topLevel
        if let directory = synthetic[kind] { entries.append(.bind(directory, at: "/etc", writable: false)) }
        for shared in names where shared.isVisible(kind) {
            // A package may have been removed since.
            guard let host = HostFile.real("/etc/\(shared.name)") else { continue }
            entries.append(.bind(host, at: "/etc/\(shared.name)", writable: false))
        }
        for path in extra where HostFile.exists(path) { entries.append(.bind(path, at: path, writable: false)) }
        return entries
    }

    /// What of the machine's `/etc` a sandbox sees, by names below it.
    func sharedNames(_ kind: NameService) -> [String] { names.filter { $0.isVisible(kind) }.map(\.name) }

    /// Whether a program's path, all links followed, is visible in a sandbox.
    func shows(_ path: String) -> Bool {
        guard let real = HostFile.real(path) else { return false }
        return (["/usr"] + extra).contains { real.hasPrefix("\($0)/") }
    }

    private static func expand(_ pattern: String) -> [String] {
        guard pattern.hasSuffix("*") else { return HostFile.exists("/etc/\(pattern)") ? [pattern] : [] }
        return HostFile.names(in: "/etc").filter { $0.hasPrefix(pattern.dropLast()) }.sorted()
    }

    /// Writes a synthetic `/etc` under a name that tells its content, unless it is there: sandboxes that run may use it.
    private static func write(
        _ mountPoints: [String], _ files: [(name: String, content: String)], in directory: String
    ) throws(SystemError) -> String {
        let nodes = mountPoints.map { (name: $0, isDirectory: HostFile.isDirectory("/etc/\($0)")) }
        let final = "\(directory)/etc-\(ContentName.of("\(nodes)" + files.map { $0.name + $0.content }.joined()))"
        if HostFile.isDirectory(final) { return final }
        let temporary = "\(final).\(UInt32.random(in: .min ... .max))"
        try HostFile.makeDirectories(temporary)
        for file in files { try HostFile.create("\(temporary)/\(file.name)", Array(file.content.utf8)) }
        for node in nodes {
            let path = "\(temporary)/\(node.name)"
            if node.isDirectory {
                try HostFile.makeDirectories(path)
            } else {
                if let slash = path.lastIndex(of: "/") { try HostFile.makeDirectories(String(path[..<slash])) }
                try HostFile.create(path, [])
            }
        }
        for (link, target) in [("os-release", "../usr/lib/os-release"), ("mtab", "../proc/self/mounts")] {
            guard symlink(target, "\(temporary)/\(link)") == 0 else { throw .current(in: "symlink \(link)") }
        }
        // Another provider on the same directory may have been faster; its copy is the same.
        if rename(temporary, final) != 0 { HostFile.removeTree(temporary) }
        return final
    }

    /// The `resolv.conf` for a network of the sandbox's own; nil for others.
    func resolverFile(_ kind: NameService) -> String? { kind == .translated ? synthetic[kind].map { "\($0)/resolv.conf" } : nil }

    /// The machine's, with the translator in place of its servers.
    private static var translatedResolver: String {
        let lines = (HostFile.text("/etc/resolv.conf") ?? "").split(separator: "\n").filter { line in
            ["search ", "domain ", "options "].contains { line.hasPrefix($0) }
        }
        return (["nameserver \(NetworkTranslator.resolver)"] + lines).joined(separator: "\n") + "\n"
    }

    static let hostname = "sandbox"

    static let files: [(name: String, content: String)] = [
        (
            "passwd",
            "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:\(RootFilesystem.home):/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        ),
        ("group", "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n"),
        ("hostname", "\(hostname)\n"),
        ("hosts", "127.0.0.1 localhost \(hostname)\n::1 localhost ip6-localhost ip6-loopback\n"),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\nnetworks: files\n"
        ),
        ("shells", "/bin/sh\n/bin/bash\n"),
    ]
}
#endif
