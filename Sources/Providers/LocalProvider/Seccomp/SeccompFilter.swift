#if os(Linux)
import CSeccomp
import Glibc

/// The policy as the kernel takes it.
enum SeccompFilter {
    /// Compiles the policy into a file of classic BPF instructions, for the machine's own architecture; calls made as another architecture's fail.
    ///
    /// - Throws: what libseccomp reports, the step naming the rule.
    static func compile(to path: String) throws(SystemError) {
        guard let context = seccomp_init(SeccompPolicy.otherwise.code) else { throw SystemError(ENOMEM, in: "seccomp_init") }
        defer { seccomp_release(context) }
        // As a tree rather than a chain: a dozen comparisons at most instead of hundreds.
        _ = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2)
        _ = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SeccompPolicy.otherwise.code)
        for rule in SeccompPolicy.rules {
            let tests = rule.tests.map(\.compiled)
            for name in rule.names {
                let number = seccomp_syscall_resolve_name(name)
                // Negative: unknown to this architecture, or to a libseccomp that is older than the call.
                guard number >= 0 else { continue }
                let result = seccomp_rule_add_array(context, rule.action.code, number, UInt32(tests.count), tests)
                guard result == 0 else { throw SystemError(-result, in: "seccomp rule for \(name)") }
            }
        }
        let temporary = "\(path).\(UInt32.random(in: .min ... .max))"
        let file = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o644)
        let result = seccomp_export_bpf(context, file.number)
        guard result == 0, rename(temporary, path) == 0 else {
            let error = result == 0 ? SystemError.current(in: "rename \(path)") : SystemError(-result, in: "seccomp_export_bpf")
            unlink(temporary)
            throw error
        }
    }
}

extension SeccompPolicy.Action {
    /// `SCMP_ACT_ALLOW` and `SCMP_ACT_ERRNO(number)`: macros with arguments are not imported.
    fileprivate var code: UInt32 {
        switch self {
        case .allow: 0x7fff_0000
        case .fail(let number): 0x0005_0000 | UInt32(number)
        }
    }
}

extension SeccompPolicy.Test {
    fileprivate var compiled: scmp_arg_cmp {
        switch comparison {
        case .equal: scmp_arg_cmp(arg: argument, op: SCMP_CMP_EQ, datum_a: value, datum_b: 0)
        case .greater: scmp_arg_cmp(arg: argument, op: SCMP_CMP_GT, datum_a: value, datum_b: 0)
        case .masked(let mask): scmp_arg_cmp(arg: argument, op: SCMP_CMP_MASKED_EQ, datum_a: mask, datum_b: value)
        }
    }
}
#endif
