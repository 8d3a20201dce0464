import HTTPTypes
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A user inside a sandbox, as whom something is done there.
struct EnvdUser: Hashable, Sendable {
    /// The user of every sandbox when nobody is named.
    static let usual = EnvdUser(name: "user", home: "/home/user")
    private static let root = EnvdUser(name: "root", home: "/root")
    private static let longestName = 64

    let name: String
    /// Where paths begin that are not absolute, and processes that are not told where.
    let home: String

    /// As the engine has it: its usual user has no name.
    var engineName: String? { self == .usual ? nil : name }

    /// - Parameter name: `nil` for the sandbox's default.
    /// - Throws: ``ConnectError`` with `unauthenticated` if there is no such user in the sandbox.
    init(named name: String?, in sandbox: OpenSandbox, _ engine: Engine) async throws {
        let name = name.flatMap { $0.isEmpty ? nil : $0 } ?? sandbox.note.defaultUser
        switch name {
        case EnvdUser.usual.name: self = .usual
        case EnvdUser.root.name:
            guard sandbox.info.spec.rootAccess else {
                throw ConnectError(.unauthenticated, "nobody can be root in this sandbox: the place that it is in does not allow it")
            }
            self = .root
        default:
            guard let home = try await EnvdUser.home(of: name, in: sandbox, engine) else {
                throw ConnectError(.unauthenticated, "there is no user \"\(name.prefix(EnvdUser.longestName))\" in this sandbox")
            }
            self.init(name: name, home: home)
        }
    }

    private init(name: String, home: String) {
        self.name = name
        self.home = home
    }

    /// The name in the field `Authorization`, which selects a user and proves nothing.
    ///
    /// - Throws: ``ConnectError`` with `unauthenticated` for what is no name.
    static func name(in headers: HTTPFields) throws(ConnectError) -> String? {
        guard let value = headers[.authorization] else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "basic",
            let text = Data(base64Encoded: String(parts[1])).flatMap({ String(validating: $0, as: UTF8.self) })
        else { throw ConnectError(.unauthenticated, "Authorization names no user; send Basic with the base64 of \"‹user›:\"") }
        return String(text.prefix { $0 != ":" })
    }

    /// What the sandbox's own list of users says.
    private static func home(of name: String, in sandbox: OpenSandbox, _ engine: Engine) async throws -> String? {
        guard name.utf8.count <= longestName, name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: ":") }) else {
            return nil
        }
        let files = try await engine.files(of: sandbox.id, for: sandbox.principal)
        guard let list = try? await files.read("/etc/passwd", upTo: 1 << 20) else { return nil }
        for line in String(buffer: list).split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            if fields.count >= 6, fields[0] == name { return fields[5].isEmpty ? "/" : String(fields[5]) }
        }
        return nil
    }
}

extension EnvdUser {
    /// The absolute path that `path` means to this user: `~` is home, and what is not absolute begins there.
    ///
    /// - Throws: ``ConnectError`` with `invalid_argument`.
    func path(_ path: String) throws(ConnectError) -> String {
        guard !path.utf8.contains(0) else { throw ConnectError(.invalidArgument, "the path contains a NUL byte") }
        if path.hasPrefix("/") { return EnvdUser.clean(path) }
        if path.isEmpty || path == "~" { return home }
        if path.hasPrefix("~/") { return EnvdUser.clean(home + path.dropFirst()) }
        guard !path.hasPrefix("~") else {
            throw ConnectError(
                .invalidArgument, "\"\(path.prefix { $0 != "/" })\" is not expanded; only the user's own home has a short form")
        }
        return EnvdUser.clean("\(home)/\(path)")
    }

    /// The path that a link with this target leads to.
    static func absolute(_ target: String, from link: String) -> String {
        clean(target.hasPrefix("/") ? target : "\(link)/../\(target)")
    }

    /// Without empty components and `.`, and with `..` taken at its word.
    private static func clean(_ path: String) -> String {
        var components: [Substring] = []
        for component in path.split(separator: "/") where component != "." {
            if component == ".." { _ = components.popLast() } else { components.append(component) }
        }
        return "/" + components.joined(separator: "/")
    }
}
