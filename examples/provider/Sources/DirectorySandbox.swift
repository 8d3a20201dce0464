import Foundation
import SandstormCore

/// A directory with a tag, a workspace, a home, and a file for each process that was started.
struct DirectorySandbox: Sandbox {
    let id: ProviderSandboxID
    let directory: URL

    var files: any SandboxFiles { DirectoryFiles(sandbox: self) }
    var workspace: String { directory.appending(path: "workspace").path }
    private var tagFile: URL { directory.appending(path: "tag") }
    var processes: URL { directory.appending(path: "processes") }

    /// A sandbox lives as long as it has a tag.
    var isAlive: Bool { access(tagFile.path, F_OK) == 0 }

    func checkIsAlive() throws(ProviderError) {
        if !isAlive { throw ProviderError(.notFound, "sandbox \(id) is gone") }
    }

    /// What the tag says; `nil` if this is no sandbox.
    var record: SandboxRecord? {
        guard let text = try? String(contentsOf: tagFile, encoding: .utf8) else { return nil }
        let words = text.split(separator: " ").map(String.init)
        guard words.count == 5, let gateway = GatewayID(words[0]), let run = RunID(words[1]), let attempt = AttemptID(words[2]),
            let sandbox = SandboxID(words[3]), let seconds = Double(words[4])
        else { return nil }
        return SandboxRecord(
            id: id, tag: SandboxTag(gateway: gateway, run: run, attempt: attempt, sandbox: sandbox),
            createdAt: Date(timeIntervalSince1970: seconds))
    }

    func make(_ tag: SandboxTag) throws(ProviderError) {
        let text = "\(tag.gateway) \(tag.run) \(tag.attempt) \(tag.sandbox) \(Date().timeIntervalSince1970)"
        do {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
            try Data(text.utf8).write(to: tagFile, options: .atomic)
            for name in ["workspace", "home", "processes"] {
                try FileManager.default.createDirectory(at: directory.appending(path: name), withIntermediateDirectories: false)
            }
        } catch {
            try? FileManager.default.removeItem(at: directory)
            throw ProviderError(.unavailable, "the sandbox's directory could not be made", vendorDetail: "\(error)")
        }
    }

    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
        // What the capabilities do not declare is refused by name.
        if command.terminal != nil { throw .unsupported("terminal") }
        if command.user != nil { throw .unsupported("user") }
        return try await blocking { () throws(ProviderError) in
            try checkIsAlive()
            let process = try DirectoryProcess(command, in: self)
            // Written down, so that another gateway can end it.
            _ = FileManager.default.createFile(atPath: processes.appending(path: "\(process.pid)").path, contents: nil)
            // Killed meanwhile: nobody else knows of the new process.
            if !isAlive { process.end() }
            try checkIsAlive()
            return process
        }
    }

    func extend(to lease: Date) async throws(ProviderError) { try checkIsAlive() }

    func kill() async throws(ProviderError) {
        try await blocking { () throws(ProviderError) in
            // Without its tag nothing can be started in it any more, and who reads from a process knows why it died.
            unlink(tagFile.path)
            let pids = ((try? FileManager.default.contentsOfDirectory(atPath: processes.path)) ?? []).compactMap { Int32($0) }
            for pid in pids {
                _ = Foundation.kill(-pid, SIGKILL)
                // When this returns nothing runs any more; another gateway's children are not ours to wait for.
                _ = waitpid(pid, nil, 0)
            }
            // What was just being written may appear while we remove.
            for _ in 0..<100 where access(directory.path, F_OK) == 0 {
                try? FileManager.default.removeItem(at: directory)
                usleep(1000)
            }
            if access(directory.path, F_OK) == 0 { throw ProviderError(.unavailable, "the sandbox's directory could not be removed") }
        }
    }
}
