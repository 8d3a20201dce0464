import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A file system in memory: every node by its absolute path.
struct ScriptedFileTree: Sendable {
    private struct Node: Sendable {
        var kind: FileInfo.Kind
        var content: [UInt8] = []
        var mode: UInt16
        var owner = "user"
        var group = "user"
        var modifiedAt = Date()
        var linkTarget: String?
    }

    private var nodes: [String: Node] = [:]

    /// With the directories that every sandbox has, or with nothing at all.
    init(isEmpty: Bool = false) {
        guard !isEmpty else { return }
        for path in ["/", "/home", "/home/user", "/tmp", SandboxSpec.workspace] { nodes[path] = Node(kind: .directory, mode: 0o755) }
    }

    /// Relative to the workspace; `.` and `..` are resolved.
    static func absolute(_ path: String) -> String {
        var components: [Substring] = []
        let whole = path.hasPrefix("/") ? path : SandboxSpec.workspace + "/" + path
        for component in whole.split(separator: "/") where component != "." {
            if component == ".." { _ = components.popLast() } else { components.append(component) }
        }
        return "/" + components.joined(separator: "/")
    }

    private static func parent(of path: String) -> String {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        return "/" + parent
    }

    private func problem(_ problem: ProviderError.FileProblem, _ path: String) -> ProviderError {
        ProviderError(.invalid, "\(path): \(problem.rawValue)", fileProblem: problem)
    }

    /// The path of what a link at `path` leads to.
    private func resolve(_ path: String) throws(ProviderError) -> String {
        if path.utf8.contains(0) || path.utf8.count > 4096 { throw problem(.badPath, path) }
        var current = ScriptedFileTree.absolute(path)
        for _ in 0..<32 {
            guard let target = nodes[current]?.linkTarget else { return current }
            current = ScriptedFileTree.absolute(target.hasPrefix("/") ? target : ScriptedFileTree.parent(of: current) + "/" + target)
        }
        throw problem(.badPath, path)
    }

    private func node(_ path: String) throws(ProviderError) -> Node {
        guard let node = nodes[try resolve(path)] else { throw problem(.notFound, path) }
        return node
    }

    private mutating func makeParents(of path: String) throws(ProviderError) {
        let parent = ScriptedFileTree.parent(of: path)
        guard parent != path else { return }
        if let node = nodes[parent] {
            guard node.kind == .directory else { throw problem(.notDirectory, path) }
            return
        }
        try makeParents(of: parent)
        nodes[parent] = Node(kind: .directory, mode: 0o755)
    }

    /// - Returns: whether the file was not there before.
    mutating func write(_ path: String, _ content: [UInt8], mode: UInt16) throws(ProviderError) -> Bool {
        let path = try resolve(path)
        if nodes[path]?.kind == .directory { throw problem(.isDirectory, path) }
        try makeParents(of: path)
        return nodes.updateValue(Node(kind: .file, content: content, mode: mode), forKey: path) == nil
    }

    func content(_ path: String) throws(ProviderError) -> [UInt8] {
        let node = try node(path)
        guard node.kind == .file else { throw problem(.isDirectory, path) }
        return node.content
    }

    func info(_ path: String, followingLinks: Bool) throws(ProviderError) -> FileInfo {
        let absolute = ScriptedFileTree.absolute(path)
        let node = try followingLinks ? node(path) : nodes[absolute]
        guard let node else { throw problem(.notFound, path) }
        return FileInfo(
            path: absolute, kind: node.kind, size: Int64(node.content.count), mode: node.mode, owner: node.owner, group: node.group,
            modifiedAt: node.modifiedAt, linkTarget: node.linkTarget)
    }

    /// Paths below a directory, in their order.
    private func below(_ directory: String) -> [String] {
        let prefix = directory == "/" ? "/" : directory + "/"
        return nodes.keys.filter { $0.hasPrefix(prefix) && $0 != directory }.sorted()
    }

    func list(_ path: String, depth: Int) throws(ProviderError) -> [FileInfo] {
        let directory = try resolve(path)
        guard try node(path).kind == .directory else { throw problem(.notDirectory, path) }
        let level = directory.split(separator: "/").count
        var entries: [FileInfo] = []
        for path in below(directory) where path.split(separator: "/").count <= level + depth {
            entries.append(try info(path, followingLinks: false))
        }
        return entries
    }

    mutating func makeDirectory(_ path: String, mode: UInt16) throws(ProviderError) -> Bool {
        let path = try resolve(path)
        if let node = nodes[path] {
            guard node.kind == .directory else { throw problem(.exists, path) }
            return false
        }
        try makeParents(of: path)
        nodes[path] = Node(kind: .directory, mode: mode)
        return true
    }

    mutating func move(_ source: String, to destination: String, replacing: Bool) throws(ProviderError) {
        let (from, to) = (ScriptedFileTree.absolute(source), ScriptedFileTree.absolute(destination))
        guard let node = nodes[from] else { throw problem(.notFound, source) }
        if let there = nodes[to] {
            if there.kind == .directory { throw problem(.isDirectory, destination) }
            if !replacing { throw problem(.exists, destination) }
        }
        guard nodes[ScriptedFileTree.parent(of: to)]?.kind == .directory else { throw problem(.notFound, destination) }
        for path in below(from) { nodes[to + path.dropFirst(from.count)] = nodes.removeValue(forKey: path) }
        nodes[from] = nil
        nodes[to] = node
    }

    mutating func remove(_ path: String, recursively: Bool) throws(ProviderError) {
        let path = ScriptedFileTree.absolute(path)
        guard nodes[path] != nil else { throw problem(.notFound, path) }
        if path == "/" { throw problem(.notPermitted, path) }
        let inside = below(path)
        guard inside.isEmpty || recursively else { throw problem(.notEmpty, path) }
        for path in inside + [path] { nodes[path] = nil }
    }

    mutating func set(_ attributes: FileAttributes, of path: String) throws(ProviderError) {
        let path = try resolve(path)
        guard var node = nodes[path] else { throw problem(.notFound, path) }
        node.mode = attributes.mode ?? node.mode
        node.owner = attributes.owner ?? node.owner
        node.group = attributes.group ?? node.group
        node.modifiedAt = attributes.modifiedAt ?? node.modifiedAt
        nodes[path] = node
    }

    // MARK: Archives

    func archive(_ path: String) throws(ProviderError) -> [UInt8] {
        let root = try resolve(path)
        guard let top = nodes[root] else { throw problem(.notFound, path) }
        var tar = ScriptedTar()
        if top.kind != .directory { tar.add(String(root.split(separator: "/").last ?? "/"), "0", top.content, mode: top.mode) }
        for path in below(root) {
            guard let node = nodes[path] else { continue }
            let name = String(path.dropFirst(root == "/" ? 1 : root.count + 1))
            switch node.kind {
            case .directory: tar.add(name + "/", "5", [], mode: node.mode)
            case .symbolicLink: tar.add(name, "2", [], mode: node.mode, link: node.linkTarget ?? "")
            case .file, .other: tar.add(name, "0", node.content, mode: node.mode)
            }
        }
        return tar.finish()
    }

    mutating func extract(_ archive: [UInt8], into path: String) throws(ProviderError) {
        let root = try resolve(path)
        _ = try makeDirectory(root, mode: 0o755)
        guard let members = ScriptedTar.members(of: archive) else { throw problem(.badArchive, path) }
        for member in members {
            if member.name.hasPrefix("/") || member.name.split(separator: "/").contains("..") { throw problem(.badArchive, member.name) }
            let target = ScriptedFileTree.absolute(root + "/" + member.name)
            switch member.type {
            case "5": _ = try makeDirectory(target, mode: member.mode)
            case "2":
                try makeParents(of: target)
                nodes[target] = Node(kind: .symbolicLink, mode: 0o777, linkTarget: member.link)
            case "0": _ = try write(target, member.content, mode: member.mode)
            default: throw problem(.badArchive, member.name)
            }
        }
    }
}
