import SandstormEngine
import SandstormServer

/// What every part of this front end works with.
struct E2BServices: Sendable {
    let engine: Engine
    let callers: CallerCheck
    let server: GatewayServer
    let settings: E2BSettings
    let interpreters: InterpreterHost
}
