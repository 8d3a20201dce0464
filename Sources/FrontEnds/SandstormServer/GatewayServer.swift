package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
package import ServiceLifecycle

/// The gateway's HTTP server: its listener and its connections, on which any number of front ends answer.
package struct GatewayServer: Sendable {
    package let configuration: Configuration
    /// Those that are open.
    package let connections: Connections
    /// What was answered so far.
    package let metrics = HTTPMetrics()
    /// Leads to the ports of sandboxes.
    package let ports: PortProxy
    private let portClient: PortClient

    package init(_ configuration: Configuration, connections: Connections = Connections()) {
        self.configuration = configuration
        self.connections = connections
        portClient = PortClient(timeout: configuration.portTimeout)
        ports = PortProxy(
            connections: connections, client: portClient, timeout: configuration.portTimeout, patience: configuration.drainTime)
    }

    /// The server.
    ///
    /// List it *before* the engine in the service group, which stops its services in reverse: the engine stops first, refuses new runs and
    /// settles the others while clients still get their answers here; then the server ends what only watches at once, waits for the rest up
    /// to ``Configuration/drainTime``, and returns.
    ///
    /// - Parameters:
    ///   - frontEnds: each is asked in turn whether a request is for it; the last one answers all others.
    ///   - onServerRunning: called for each listener once it listens, with its port (`nil` for a unix socket).
    /// - Throws: if the TLS identity can't be used any more.
    package func service(
        _ frontEnds: [any FrontEnd], logger: Logger,
        onServerRunning: @escaping @Sendable (Listener, Int?) async -> Void = { _, _ in }
    ) throws -> any Service {
        // Streams have their own few seconds for their last bytes.
        let patience = configuration.drainTime + .seconds(3)
        let plain = application(frontEnds, logger: logger) { await onServerRunning(.plain, $0) }
        guard let tls = configuration.tls else { return BoundedShutdown(server: plain, connections: connections, patience: patience) }
        let context = try tls.identity.context
        let secure = application(
            frontEnds, at: tls.address, services: [],
            server: { TLSChannel(context: context, http1: $0) }, logger: logger
        ) { await onServerRunning(.tls, $0) }
        return BoundedShutdown(server: BothListeners(plain: plain, secure: secure), connections: connections, patience: patience)
    }

    /// One of the places where a server listens.
    package enum Listener: Sendable {
        case plain
        case tls
    }

    /// The listener without TLS as an application of Hummingbird's, for tests.
    package func application(
        _ frontEnds: [any FrontEnd], logger: Logger, onServerRunning: @escaping @Sendable (Int?) async -> Void = { _ in }
    ) -> Application<GatewayResponder> {
        application(
            frontEnds, at: configuration.address, services: [portClient], server: { $0 }, logger: logger, onServerRunning: onServerRunning)
    }

    private func application(
        _ frontEnds: [any FrontEnd], at address: Address, services: [any Service],
        server: @escaping @Sendable (APIChannel) -> any ServerChildChannel, logger: Logger,
        onServerRunning: @escaping @Sendable (Int?) async -> Void
    ) -> Application<GatewayResponder> {
        let frontEnds = FrontEnds(frontEnds)
        let bind: BindAddress =
            switch address {
            case .hostname(let host, let port): .hostname(host, port: port)
            case .unixSocket(let path): .unixDomainSocket(path: path)
            }
        return Application(
            responder: GatewayResponder(frontEnds: frontEnds, metrics: metrics),
            server: HTTPServerBuilder { [connections, configuration] responder in
                server(APIChannel(responder: responder, frontEnds: frontEnds, connections: connections, configuration: configuration))
            },
            configuration: .init(
                address: bind, serverName: "sandstorm", backlog: 4096,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    GatewayServer.maximumConnections(wanted: configuration.maximumConnections))),
            services: services,
            onServerRunning: { channel in await onServerRunning(channel.localAddress?.port) },
            logger: logger)
    }
}

/// Both listeners, which end together.
private struct BothListeners: Service {
    let plain: Application<GatewayResponder>
    let secure: Application<GatewayResponder>

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await plain.run() }
            group.addTask { try await secure.run() }
            // If one can't listen there is none.
            defer { group.cancelAll() }
            try await group.waitForAll()
        }
    }
}
