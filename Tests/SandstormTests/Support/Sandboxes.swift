import Foundation
import SandstormCore
import Testing

/// What this machine can do.
enum Sandboxes {
    /// Sandboxes can be made here; asked once.
    static let canBeMade = Task {
        let program = Program(dataDirectory: FileManager.default.temporaryDirectory.path + "/sandstorm-doctor-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: program.dataDirectory) }
        return try await program("doctor").code == 0
    }

    /// Sandboxes that exist below a data directory.
    static func living(in dataDirectory: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: dataDirectory + "/local")) ?? []
        return names.filter { $0.hasPrefix("local-") }
    }
}

extension Trait where Self == ConditionTrait {
    /// The test runs code, which needs sandboxes.
    static var needsSandboxes: Self {
        .enabled("sandstorm doctor finds no way to make a sandbox here") { try await Sandboxes.canBeMade.value }
    }
}
