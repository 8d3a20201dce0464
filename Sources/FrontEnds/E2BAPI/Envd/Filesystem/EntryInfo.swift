import SandstormCore

/// A file or directory as `filesystem.Filesystem` tells of it. Fields with default values are left out, as protobuf's JSON has it.
struct EntryInfo: Sendable {
    private let info: FileInfo
    /// What a symbolic link leads to; `nil` for what is none, and for one that leads nowhere.
    private let target: FileInfo?
    private let metadata: [String: String]

    /// Looks at `path`, and at what it leads to.
    init(_ path: String, in files: any SandboxFiles, metadata: FileMetadata) async throws(ProviderError) {
        try await self.init(files.info(path, followingLinks: false), in: files, metadata: metadata)
    }

    /// Looks at what `info` leads to, if it is a link.
    init(_ info: FileInfo, in files: any SandboxFiles, metadata: FileMetadata) async throws(ProviderError) {
        self.info = info
        self.metadata = metadata.of(info.path)
        guard info.kind == .symbolicLink else {
            target = nil
            return
        }
        do throws(ProviderError) {
            target = try await files.info(info.path, followingLinks: true)
        } catch {
            guard error.fileProblem != nil else { throw error }
            target = nil
        }
    }

    var isFileWithContent: Bool { info.kind == .file && info.size > 0 }

    var json: JSONValue {
        let isLink = info.kind == .symbolicLink
        let meant = target ?? info
        var object: JSONObject = ["name": .string(info.name), "type": .string(EntryInfo.type(of: meant.kind)), "path": .string(info.path)]
        // 64-bit numbers are text there.
        if meant.size > 0, meant.kind != .directory { object["size"] = .string(String(meant.size)) }
        let bits = meant.mode & 0o7777
        if bits != 0 { object["mode"] = .integer(bits) }
        object["permissions"] = .string(EntryInfo.permissions(of: info))
        object["owner"] = .string(info.owner)
        object["group"] = .string(info.group)
        object["modifiedTime"] = .string(info.modifiedAt.rfc3339)
        if isLink, let text = info.linkTarget { object["symlinkTarget"] = .string(EnvdUser.absolute(text, from: info.path)) }
        if !metadata.isEmpty { object["metadata"] = metadata.json }
        if isLink { object["isSymlink"] = true }
        return .object(object)
    }

    private static func type(of kind: FileInfo.Kind) -> String {
        switch kind {
        case .file: "FILE_TYPE_FILE"
        case .directory: "FILE_TYPE_DIRECTORY"
        case .symbolicLink: "FILE_TYPE_SYMLINK"
        case .other: "FILE_TYPE_UNSPECIFIED"
        }
    }

    /// As `ls -l` has them.
    private static func permissions(of info: FileInfo) -> String {
        var text: [Character] = []
        switch info.kind {
        case .directory: text.append("d")
        case .symbolicLink: text.append("L")
        case .file, .other: text.append("-")
        }
        for shift in [6, 3, 0] {
            let bits = info.mode >> UInt16(shift)
            text.append(bits & 4 != 0 ? "r" : "-")
            text.append(bits & 2 != 0 ? "w" : "-")
            text.append(bits & 1 != 0 ? "x" : "-")
        }
        return String(text)
    }
}
