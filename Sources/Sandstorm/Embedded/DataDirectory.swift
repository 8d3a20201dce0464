#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where the embedded engine and a gateway keep what must outlive them.
package struct DataDirectory: Hashable, Sendable {
    /// The directory itself, absolute; may not exist yet.
    package let path: String

    /// - Parameter path: absolute, or relative to the working directory of this moment.
    package init(path: String) {
        self.path = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// `SANDSTORM_DATA_DIR`, else `$XDG_DATA_HOME/sandstorm`, else `~/.local/share/sandstorm`.
    ///
    /// An empty variable counts as absent, and so does a relative `XDG_DATA_HOME`, as its specification demands.
    package static func standard(in environment: [String: String]) -> DataDirectory {
        if let path = environment["SANDSTORM_DATA_DIR"], !path.isEmpty { return DataDirectory(path: path) }
        if let base = environment["XDG_DATA_HOME"], base.hasPrefix("/") { return DataDirectory(path: base + "/sandstorm") }
        let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? FileManager.default.homeDirectoryForCurrentUser.path
        return DataDirectory(path: home + "/.local/share/sandstorm")
    }
}
