import CLinux
import Glibc

/// Finds a program as a shell in the process's own environment and directory would.
///
/// `posix_spawnp` would search the PATH of the agent.
enum ProgramLookup {
    private static let defaultPath = Array("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".utf8)

    /// Relative entries of the PATH start in `directory`.
    ///
    /// - Returns: a path to execute, which is relative to `directory` if it does not start with a slash.
    static func find(_ program: [UInt8], environment: [[UInt8]], in directory: Descriptor) throws(AgentFailure) -> [UInt8] {
        guard !program.isEmpty else { throw missing(program, ENOENT) }
        guard !program.contains(UInt8(ascii: "/")) else { return program }
        let prefix = Array("PATH=".utf8)
        let path = environment.first { $0.starts(with: prefix) }.map { Array($0.dropFirst(prefix.count)) } ?? defaultPath
        var code = ENOENT
        for entry in path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            // An empty entry means the working directory, in every shell.
            let candidate = (entry.isEmpty ? [UInt8(ascii: ".")] : Array(entry)) + [UInt8(ascii: "/")] + program
            switch check(candidate, in: directory) {
            case 0: return candidate
            case EACCES: code = EACCES
            default: break
            }
        }
        throw missing(program, code)
    }

    /// Says why a start failed that had got as far as the program.
    static func failure(of program: [UInt8], _ code: Int32, in directory: Descriptor) -> AgentFailure {
        guard code == ENOENT || code == ENOTDIR, check(program, in: directory) == 0 else { return missing(program, code) }
        let text = "\(name(program)) is there, but not the interpreter that it asks for"
        return AgentFailure(errno: code, stage: .program, message: text)
    }

    private static func check(_ path: [UInt8], in directory: Descriptor) -> Int32 {
        path.withCString { path in
            var info = stat()
            guard fstatat(directory.number, path, &info, 0) == 0 else { return errno }
            guard info.st_mode & S_IFMT == S_IFREG else { return EACCES }
            return sandstorm_access(directory.number, path, X_OK) == 0 ? 0 : errno
        }
    }

    private static func missing(_ program: [UInt8], _ code: Int32) -> AgentFailure {
        AgentFailure(errno: code, stage: .program, message: "\(name(program)): \(SystemError.text(of: code))")
    }

    private static func name(_ program: [UInt8]) -> String {
        String(decoding: program.prefix(1024), as: UTF8.self)
    }
}
