import ExampleProvider
import Foundation
import ProviderConformance
import SandstormCore
import Testing

private let conformance: ProviderConformance = {
    // There is no sandbox without a network here, so the suite asks for one with.
    var spec = SandboxSpec()
    spec.network = .open
    return ProviderConformance(
        "directory", spec: spec, hosts: EgressHosts(allowed: "127.0.0.1", other: "127.0.0.2", port: Listener.shared.port),
        deviations: [
            "lifecycle: the workspace is /workspace for commands too": "a directory of the machine has the name that it has"
        ],
        provider: { try DirectoryProvider(root: root) })
}()

@Test("The directory provider conforms", conformance.scope, arguments: ConformanceCase.all)
func conforms(to behaviour: ConformanceCase) async throws { try await conformance.check(behaviour) }

/// The sandboxes' directory; goes with the test process.
private let root: URL = {
    atexit { try? FileManager.default.removeItem(at: root) }
    return FileManager.default.temporaryDirectory.appending(path: "sandstorm-test-directory-\(getpid())")
}()

/// Answers HTTP on the machine's loopback, for the cases about the network.
private final class Listener: Sendable {
    static let shared = Listener()
    let port: Int

    private init() {
        let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(listening, pointer, length)
                _ = listen(listening, 16)
                _ = getsockname(listening, pointer, &length)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        Thread.detachNewThread {
            while true {
                let connection = accept(listening, nil, nil)
                guard connection >= 0 else { return }
                let answer = Array("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
                // Not closed before the question was read: that would be a reset.
                var question = [UInt8](repeating: 0, count: 4096)
                _ = recv(connection, &question, question.count, 0)
                _ = send(connection, answer, answer.count, Int32(MSG_NOSIGNAL))
                close(connection)
            }
        }
    }
}
