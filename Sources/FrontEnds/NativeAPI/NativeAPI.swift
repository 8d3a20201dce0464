package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
package import SandstormEngine
package import ServiceLifecycle

/// The native HTTP API: decodes, calls the engine, encodes. The reference is `docs/http-api.md`.
package enum NativeAPI {
    /// The server.
    ///
    /// List it *before* the engine in the service group, which stops its services in reverse: the engine stops first, refuses new runs and
    /// settles the others while clients still get their answers here; then the server ends what only watches at once, waits for the rest up
    /// to ``Configuration/drainTime``, and returns.
    ///
    /// - Parameter onServerRunning: called once it listens, with its port (`nil` for a unix socket).
    package static func service(
        engine: Engine, auth: AuthMode, configuration: Configuration, logger: Logger,
        onServerRunning: @escaping @Sendable (Int?) async -> Void = { _ in }
    ) -> any Service {
        let connections = Connections()
        let application = application(
            engine: engine, auth: auth, configuration: configuration, connections: connections, logger: logger,
            onServerRunning: onServerRunning)
        // Streams have their own few seconds for their last bytes.
        return BoundedShutdown(server: application, connections: connections, patience: configuration.drainTime + .seconds(3))
    }

    /// The same as an application of Hummingbird's, for tests.
    package static func application(
        engine: Engine, auth: AuthMode, configuration: Configuration, logger: Logger,
        onServerRunning: @escaping @Sendable (Int?) async -> Void = { _ in }
    ) -> Application<StreamResponder<RouterResponder<APIContext>>> {
        application(
            engine: engine, auth: auth, configuration: configuration, connections: Connections(), logger: logger,
            onServerRunning: onServerRunning)
    }

    private static func application(
        engine: Engine, auth: AuthMode, configuration: Configuration, connections: Connections, logger: Logger,
        onServerRunning: @escaping @Sendable (Int?) async -> Void
    ) -> Application<StreamResponder<RouterResponder<APIContext>>> {
        let ports = PortClient(timeout: configuration.portTimeout)
        let router = router(engine: engine, auth: auth, configuration: configuration, connections: connections, ports: ports)
        let address: BindAddress =
            switch configuration.address {
            case .hostname(let host, let port): .hostname(host, port: port)
            case .unixSocket(let path): .unixDomainSocket(path: path)
            }
        let maximumBodyBytes = configuration.maximumBodyBytes
        return Application(
            responder: StreamResponder(router.buildResponder()),
            server: HTTPServerBuilder { responder in
                APIChannel(
                    responder: responder, connections: connections, maximumBodyBytes: maximumBodyBytes,
                    idleTimeout: configuration.idleTimeout, bodyTimeout: configuration.bodyTimeout, stallTimeout: configuration.stallTimeout
                )
            },
            configuration: .init(
                address: address, serverName: "sandstorm", backlog: 4096,
                availableConnectionsDelegate: MaximumAvailableConnections(maximumConnections(wanted: configuration.maximumConnections))),
            services: [ports],
            onServerRunning: { channel in await onServerRunning(channel.localAddress?.port) },
            logger: logger)
    }

    /// Every route over every middleware.
    static func router(
        engine: Engine, auth: AuthMode, configuration: Configuration, connections: Connections, ports: PortClient
    ) -> Router<APIContext> {
        let metrics = HTTPMetrics()
        let streams = EventStreams(
            connections: connections, heartbeatInterval: configuration.heartbeatInterval, patience: configuration.drainTime)
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.addMiddleware {
            PacingMiddleware()
            MeasureMiddleware(metrics: metrics)
            RequestIDMiddleware()
            ProblemMiddleware()
            CallerMiddleware(auth: auth, keyLifetime: configuration.keyLifetime)
        }
        HealthRoutes(engine: engine).add(to: router)
        MetricsRoutes(engine: engine, metrics: metrics, connections: connections).add(to: router)
        OpenAPIRoutes().add(to: router)
        let callers = router.group(context: CallerContext.self)
        let limit = configuration.maximumBodyBytes
        RunRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        LogRoutes(engine: engine, streams: streams).add(to: callers)
        DecisionRoutes(engine: engine, maximumBodyBytes: limit).add(to: callers)
        ProviderRoutes(engine: engine).add(to: callers)
        PriceRoutes(engine: engine).add(to: callers)
        SandboxRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        SnapshotRoutes(engine: engine, maximumBodyBytes: limit).add(to: callers)
        ProcessRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        ProcessControlRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        FileRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        FileContentRoutes(engine: engine, streams: streams).add(to: callers)
        ArchiveRoutes(engine: engine, streams: streams).add(to: callers)
        ProcessSocketRoutes(engine: engine, connections: connections, limits: configuration.webSockets).add(to: callers)
        PortRoutes(
            engine: engine, connections: connections, ports: ports, timeout: configuration.portTimeout, patience: configuration.drainTime
        ).add(to: callers)
        return router
    }
}
