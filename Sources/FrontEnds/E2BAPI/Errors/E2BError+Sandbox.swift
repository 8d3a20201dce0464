import HTTPTypes
import SandstormCore

/// What stands before the ports of a sandbox says, rather than what listens there. SDKs tell the two apart by these very words.
extension E2BError {
    /// There is no such sandbox, it was killed, or it is paused and nobody asked for it to be woken by requests.
    ///
    /// - Parameter name: the sandbox as the client wrote it.
    static func sandboxNotFound(_ name: String) -> E2BError {
        var error = E2BError(.badGateway, "The sandbox was not found")
        error.details["sandboxId"] = .string(String(name.prefix(128)))
        return error
    }

    /// Nothing listens on the port of a sandbox that runs.
    static func portNotOpen(_ port: Int, _ name: String) -> E2BError {
        var error = E2BError(.badGateway, "The sandbox is running but port is not open")
        error.details["sandboxId"] = .string(String(name.prefix(128)))
        error.details["port"] = .integer(port)
        return error
    }

    /// It is on its way from one state to another.
    static func sandboxInTransition(_ name: String) -> E2BError {
        var error = E2BError(.conflict, "The sandbox is still transitioning to another state; try again")
        error.details["sandboxId"] = .string(String(name.prefix(128)))
        return error
    }
}
