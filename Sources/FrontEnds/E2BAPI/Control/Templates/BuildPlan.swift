import HTTPTypes
import SandstormCore
import SandstormWire

/// What a template is to be made of, as a client says it.
struct BuildPlan: Hashable, Sendable {
    enum Step: Hashable, Sendable {
        /// - Parameter user: `nil` for the one of the steps before.
        case run(String, user: String?)
        /// - Parameter files: the name under which they were sent.
        case copy(from: String, to: String, user: String?, mode: String?, files: String)
        case environment([String: String])
        case workingDirectory(String)
        case user(String)

        /// In words for a log.
        var title: String {
            switch self {
            case .run(let line, _): "RUN \(line)"
            case .copy(let source, let destination, _, _, _): "COPY \(source) \(destination)"
            case .environment(let values): "ENV \(values.keys.sorted().joined(separator: " "))"
            case .workingDirectory(let path): "WORKDIR \(path)"
            case .user(let name): "USER \(name)"
            }
        }
    }

    /// An image, or a template or snapshot by name; never both.
    var image: String?
    var template: String?
    var steps: [Step] = []
    var startCommand: String?
    var readyCommand: String?
    /// Nothing that an earlier build made may be used again.
    var isForced = false
    /// What the client sent, for telling one plan from another.
    private(set) var identity = JSONValue.null

    private static let maximumSteps = 1000

    init(_ reader: inout JSONReader) throws(E2BError) {
        image = reader.string("fromImage")
        template = reader.string("fromTemplate")
        if image != nil, template != nil { throw E2BError(.badRequest, "Send fromImage or fromTemplate, not both") }
        if reader.value("fromImageRegistry") != nil {
            throw E2BError(.badRequest, "Images behind registry credentials can't be fetched here")
        }
        startCommand = reader.string("startCmd").flatMap { $0.isEmpty ? nil : $0 }
        readyCommand = reader.string("readyCmd").flatMap { $0.isEmpty ? nil : $0 }
        isForced = reader.bool("force") ?? false
        let steps = reader.value("steps")
        if let steps, steps.arrayValue == nil {
            reader.report("steps", "must be an array", remedy: "send [{\"type\": \"RUN\", \"args\": […]}]")
        }
        guard (steps?.arrayValue?.count ?? 0) <= BuildPlan.maximumSteps else { throw E2BError(.badRequest, "There are too many steps") }
        for (index, value) in (steps?.arrayValue ?? []).enumerated() {
            var nested = JSONReader(value, at: "/steps/\(index)")
            if let step = try BuildPlan.step(&nested) { self.steps.append(step) }
            if nested.bool("force") == true { isForced = true }
            reader.merge(nested.problems)
        }
        identity = [
            "steps": .array(
                (steps?.arrayValue ?? []).map { step in
                    var step = step.objectValue ?? [:]
                    step["force"] = nil
                    return .object(step)
                }), "startCmd": .string(startCommand ?? ""), "readyCmd": .string(readyCommand ?? ""),
        ]
    }

    private static func step(_ reader: inout JSONReader) throws(E2BError) -> Step? {
        let type = reader.requiredString("type")
        let arguments = reader.strings("args") ?? []
        func argument(_ index: Int) -> String? { index < arguments.count && !arguments[index].isEmpty ? arguments[index] : nil }
        switch type.uppercased() {
        case "RUN":
            if let line = argument(0) { return .run(line, user: argument(1)) }
        case "COPY", "ADD":
            guard let source = argument(0), let destination = argument(1) else { break }
            guard let files = reader.string("filesHash"), UploadShelf.isName(files) else {
                reader.report("filesHash", "is missing or no SHA-256", remedy: "send the hash under which the files were sent")
                return nil
            }
            if let mode = argument(3), UInt16(mode, radix: 8) == nil {
                reader.report("args/3", "is no file mode", remedy: "send octal digits such as 0755")
            }
            return .copy(from: source, to: destination, user: argument(2), mode: argument(3), files: files)
        case "ENV", "ARG":
            guard !arguments.isEmpty, arguments.count % 2 == 0 else { break }
            var values: [String: String] = [:]
            for index in stride(from: 0, to: arguments.count, by: 2) { values[arguments[index]] = arguments[index + 1] }
            if values.keys.contains(where: { $0.isEmpty || $0.contains("=") }) { break }
            return .environment(values)
        case "WORKDIR":
            if let path = argument(0) { return .workingDirectory(path) }
        case "USER":
            if let name = argument(0) { return .user(name) }
        default:
            reader.report("type", "is no step", remedy: "send RUN, COPY, ENV, WORKDIR or USER")
            return nil
        }
        reader.report("args", "do not fit \(type)", remedy: "see the SDK's documentation of the step")
        return nil
    }
}
