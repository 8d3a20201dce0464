#if os(Linux)
import SandstormCore

/// Unpacked images: directories `<name>/rootfs`, each with an optional `config.json` in the form of the OCI runtime, as `umoci unpack` makes them.
struct ImageStore: Sendable {
    /// An image as far as a sandbox needs it.
    struct Image: Hashable, Sendable {
        /// Its root directory on the machine.
        var root: String
        /// The read-only part of the sandbox's file system.
        var entries: [RootFilesystem.Entry]
        var environment: [String: String]

        /// With a resolver in place of the image's own, where that is a file.
        func entries(resolver: String?) -> [RootFilesystem.Entry] {
            let path = "/etc/resolv.conf"
            guard let resolver else { return entries }
            for case .bind(let host, "/etc", _) in entries {
                let own = "\(host)/resolv.conf"
                if HostFile.isRegular(own), !HostFile.isSymbolicLink(own) { return entries + [.bind(resolver, at: path, writable: false)] }
            }
            return entries
        }
    }

    /// What the sandbox has of its own, whatever an image brings.
    private static let own: Set<String> = ["proc", "dev", "sys", "tmp", "workspace", "home", ".sandstorm"]

    let directory: String
    /// Sandboxes have users of their own, who have to get to the images.
    let isForOthers: Bool

    /// Finds an image by name.
    ///
    /// - Throws: `invalid` for a name that is none or that nothing stands behind.
    func image(named name: String) throws(ProviderError) -> Image {
        let components = name.split(separator: "/", omittingEmptySubsequences: false)
        guard components.allSatisfy({ !$0.isEmpty && $0.first != "." && $0.utf8.allSatisfy(Self.isNameByte) }) else {
            throw ProviderError(
                .invalid, "image \(name): a name is made of letters, digits and ._-:@, in parts separated by /, none starting with a dot")
        }
        let home = "\(directory)/\(name)"
        let root = "\(home)/rootfs"
        // Images are directories of their own: a link would lead out of the images directory.
        guard let real = HostFile.real(root), let base = HostFile.real(directory), real == "\(base)/\(name)/rootfs",
            HostFile.isDirectory(real)
        else {
            throw ProviderError(
                .invalid,
                "image \(name): there is no such image here; unpack it to <images>/\(name)/rootfs, for instance with "
                    + "`skopeo copy docker://\(name) oci:tmp:x && umoci unpack --image tmp:x <images>/\(name)`")
        }
        guard !isForOthers || HostFile.isReachableByAll("\(real)/.") else {
            throw ProviderError(
                .unavailable,
                "image \(name): sandboxes' users can't get to the images directory; give others search permission (chmod o+x) on "
                    + "it and on what is above it, or have it elsewhere", vendorDetail: real)
        }
        return Image(root: real, entries: Self.entries(of: real), environment: Self.environment("\(home)/config.json"))
    }

    /// Mounts the image entry by entry into an empty root, so that the sandbox's own directories need no place in it.
    private static func entries(of root: String) -> [RootFilesystem.Entry] {
        func node(_ host: String, _ path: String) -> RootFilesystem.Entry? {
            if HostFile.isSymbolicLink(host) { return HostFile.target(of: host).map { .symbolicLink($0, at: path) } }
            return HostFile.isDirectory(host) || HostFile.isRegular(host) ? .bind(host, at: path, writable: false) : nil
        }
        let top = HostFile.names(in: root).filter { !own.contains($0) }.sorted().compactMap { node("\(root)/\($0)", "/\($0)") }
        let homes = HostFile.names(in: "\(root)/home").filter { $0 != "user" }.sorted().compactMap {
            node("\(root)/home/\($0)", "/home/\($0)")
        }
        return top + homes
    }

    private static func environment(_ path: String) -> [String: String] {
        guard let bytes = HostFile.read(path), let config = try? JSONValue(parsing: bytes) else { return [:] }
        var environment: [String: String] = [:]
        for entry in config["process"]?["env"]?.arrayValue ?? [] {
            guard let text = entry.stringValue, let equals = text.firstIndex(of: "=") else { continue }
            environment[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        // The image's home belongs to the image's user.
        environment["HOME"] = nil
        environment["TERM"] = nil
        return environment
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "._-:@".utf8.contains(byte)
        }
    }
}
#endif
