import Sandstorm

/// One thing that is wrong with what was typed, by the name under which it was typed.
struct OptionProblem: Hashable, CustomStringConvertible {
    /// An option, an argument, or the place in a spec file.
    var place: String
    var detail: String
    var remedy: String

    init(_ place: String, _ detail: String, remedy: String) {
        self.place = place
        self.detail = detail
        self.remedy = remedy
    }

    var description: String { (place.isEmpty ? "" : place + " ") + detail + (remedy.isEmpty ? "" : "; \(remedy)") }
}

extension OptionProblem {
    /// What an option is called, and what would be right in the words of the command line where the API's do not fit.
    private static let options: [String: (name: String, remedy: String?)] = [
        "spec/code": ("the code", nil),
        "spec/command": ("the command", nil),
        "spec/language": ("--language", nil),
        "spec/requirements": ("--requirement", "pass --network open, or a list of hosts"),
        "spec/arguments": ("--arg", nil),
        "spec/environment": ("--env", nil),
        "spec/files": ("--file", nil),
        "spec/stdin": ("--stdin", nil),
        "spec/cpu": ("--cpu", "give vCPUs above 0 and at most 64"),
        "spec/memory": ("--memory", "give 64MiB to 512GiB"),
        "spec/disk": ("--disk", "give 1GiB to 1024GiB"),
        "spec/gpu": ("--gpu", "give a type and 1 to 16 of them, such as L4:2"),
        "spec/timeout": ("--timeout", "give 1s to 24h"),
        "spec/network": ("--network", "give none, open, or hosts separated by commas"),
        "spec/region": ("--region", nil),
        "spec/isolation": ("--isolation", nil),
        "spec/image": ("--image", nil),
        "spec/metadata": ("--label", nil),
        "snapshotId": ("--snapshot", "copy an id from sandstorm snapshots; it starts with snp_"),
        "constraints/maxCost": ("--max-cost", "give US dollars such as 0.10, with at most nine decimals"),
        "constraints/maxLatency": ("--max-latency", "give 1ms to 24h"),
        "constraints/preferredProviders": ("--prefer", nil),
        "constraints/excludeProviders": ("--exclude", nil),
        "constraints/objective": ("--objective", "give cheapest, fastest, balanced, or weights such as cost=70,latency=30"),
        "constraints/weights": ("--objective", nil),
        "constraints/routing": ("--route", nil),
        "constraints/sessionKey": ("--session", nil),
    ]

    /// A problem with the request that was made of the options.
    ///
    /// - Parameter origin: where a field stands that no option sets: a spec file's name.
    init(_ problem: FieldProblem, origin: String? = nil) {
        let parts = problem.pointer.split(separator: "/").map(String.init)
        let option = OptionProblem.options[parts.prefix(2).joined(separator: "/")]
        // Whose items have names of their own is told which one; a position in a list tells nobody anything.
        let item: String =
            switch parts.dropFirst().first {
            case "environment", "metadata", "weights": parts.dropFirst(2).first.map { " \($0)" } ?? ""
            case "routing": parts.count > 2 ? " at /" + parts[2...].joined(separator: "/") : ""
            default: ""
            }
        let index = parts.count > 2 ? Int(parts[2]).map { " (number \($0 + 1))" } ?? "" : ""
        if let option {
            let isAboutList = parts.count > 2 && parts[1] == "requirements"
            let remedy = isAboutList ? problem.remedy : option.remedy ?? problem.remedy
            self.init(option.name + item + index, problem.detail, remedy: remedy)
        } else {
            self.init([origin, problem.pointer].compactMap(\.self).joined(separator: " at "), problem.detail, remedy: problem.remedy)
        }
    }
}
