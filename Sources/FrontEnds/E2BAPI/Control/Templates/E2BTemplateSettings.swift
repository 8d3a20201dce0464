package import SandstormCore

/// A template that every tenant has: what sandboxes of this name are like.
package struct E2BTemplateSettings: Hashable, Sendable {
    /// The image; `nil` for the place's own file system.
    package var image: String?
    /// vCPUs; `nil` for the vendor's default, or as many as there are.
    package var cpu: Double?
    /// MiB.
    package var memory: Int?
    /// GiB.
    package var disk: Int?
    /// Runs in the background from a sandbox's start on.
    package var startCommand: String?
    /// Succeeds once a sandbox is ready for its user.
    package var readyCommand: String?

    package init() {}

    /// Those that are there without being configured, with the resources that the vendor gives them.
    package static let standard: [String: E2BTemplateSettings] = {
        var base = E2BTemplateSettings()
        base.memory = 512
        var interpreter = E2BTemplateSettings()
        interpreter.memory = 2048
        return ["base": base, InterpreterHost.template: interpreter]
    }()

    /// Reads one of the section `templates`.
    ///
    /// - Throws: ``InvalidRequest`` with all that is wrong with it.
    package init(json: JSONValue, at pointer: String) throws(InvalidRequest) {
        var reader = JSONReader(json, at: pointer)
        image = reader.string("image")
        cpu = reader.read("cpu", "is out of range", remedy: "send vCPUs above 0 and at most 64") { value in
            value.doubleValue.flatMap { SandboxSpec.Limits.cpu.contains($0) ? $0 : nil }
        }
        memory = reader.integer("memory", in: SandboxSpec.Limits.memory, unit: "MiB")
        disk = reader.integer("disk", in: SandboxSpec.Limits.disk, unit: "GiB")
        startCommand = reader.string("startCommand")
        readyCommand = reader.string("readyCommand")
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }
}

/// The names that templates may have.
enum TemplateName {
    static func isValid(_ name: some StringProtocol) -> Bool {
        !name.isEmpty && name.utf8.count <= 128 && name.utf8.allSatisfy(isPlain) && name.utf8.first != UInt8(ascii: "-")
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
