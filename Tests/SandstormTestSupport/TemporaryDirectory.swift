package import Foundation
import SandstormCore

/// A directory of its own, removed when the value that holds it goes away, or with the test process if tests share it until the very end.
package final class TemporaryDirectory: Sendable {
    /// Those that are there.
    private static let living: Locked<Set<URL>> = {
        atexit { for url in TemporaryDirectory.living.withLock(\.self) { try? FileManager.default.removeItem(at: url) } }
        return Locked([])
    }()

    package let url: URL

    package init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("sandstorm-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        TemporaryDirectory.living.withLock { _ = $0.insert(url) }
    }

    package var path: String { url.path }

    deinit {
        try? FileManager.default.removeItem(at: url)
        TemporaryDirectory.living.withLock { _ = $0.remove(url) }
    }

    /// Makes sure that what is still there at the exit is removed after what was registered with `atexit` later than this.
    static func removeAtExit() { living.withLock { _ in } }
}
