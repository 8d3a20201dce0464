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
    ///   - onServerRunning: called once it listens, with its port (`nil` for a unix socket).
    package func service(
        _ frontEnds: [any FrontEnd], logger: Logger, onServerRunning: @escaping @Sendable (Int?) async -> Void = { _ in }
    ) -> any Service {
        let application = application(frontEnds, logger: logger, onServerRunning: onServerRunning)
        // Streams have their own few seconds for their last bytes.
        return BoundedShutdown(server: application, connections: connections, patience: configuration.drainTime + .seconds(3))
    }

    /// The same as an application of Hummingbird's, for tests.
    package func application(
        _ frontEnds: [any FrontEnd], logger: Logger, onServerRunning: @escaping @Sendable (Int?) async -> Void = { _ in }
    ) -> Application<GatewayResponder> {
        let frontEnds = FrontEnds(frontEnds)
        let address: BindAddress =
            switch configuration.address {
            case .hostname(let host, let port): .hostname(host, port: port)
            case .unixSocket(let path): .unixDomainSocket(path: path)
            }
        return Application(
            responder: GatewayResponder(frontEnds: frontEnds, metrics: metrics),
            server: HTTPServerBuilder { [connections, configuration] responder in
                APIChannel(responder: responder, frontEnds: frontEnds, connections: connections, configuration: configuration)
            },
            configuration: .init(
                address: address, serverName: "sandstorm", backlog: 4096,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    GatewayServer.maximumConnections(wanted: configuration.maximumConnections))),
            services: [portClient],
            onServerRunning: { channel in await onServerRunning(channel.localAddress?.port) },
            logger: logger)
    }
}
