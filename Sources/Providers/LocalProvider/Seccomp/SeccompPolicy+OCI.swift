import SandstormCore

extension SeccompPolicy {
    /// The policy as the OCI runtime specification writes it.
    static var oci: JSONValue {
        #if arch(arm64)
        let machine = "SCMP_ARCH_AARCH64"
        #elseif arch(riscv64)
        let machine = "SCMP_ARCH_RISCV64"
        #else
        let machine = "SCMP_ARCH_X86_64"
        #endif
        var object = ociAction(otherwise, key: "defaultAction", errno: "defaultErrnoRet")
        object["architectures"] = .strings([machine])
        object["syscalls"] = .array(
            rules.map { rule in
                var row: JSONObject = ["names": .strings(rule.names)]
                for member in ociAction(rule.action, key: "action", errno: "errnoRet").members { row[member.key] = member.value }
                if !rule.tests.isEmpty { row["args"] = .array(rule.tests.map(\.oci)) }
                return .object(row)
            })
        return .object(object)
    }

    private static func ociAction(_ action: Action, key: String, errno: String) -> JSONObject {
        switch action {
        case .allow: [key: "SCMP_ACT_ALLOW"]
        case .fail(let number): [key: "SCMP_ACT_ERRNO", errno: .integer(number)]
        }
    }
}

extension SeccompPolicy.Test {
    fileprivate var oci: JSONValue {
        var object: JSONObject = ["index": .integer(argument)]
        switch comparison {
        case .equal:
            object["value"] = .integer(value)
            object["op"] = "SCMP_CMP_EQ"
        case .greater:
            object["value"] = .integer(value)
            object["op"] = "SCMP_CMP_GT"
        case .masked(let mask):
            object["value"] = .integer(mask)
            object["valueTwo"] = .integer(value)
            object["op"] = "SCMP_CMP_MASKED_EQ"
        }
        return .object(object)
    }
}
