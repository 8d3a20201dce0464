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
        application(engine: engine, auth: auth, configuration: configuration, logger: logger, onServerRunning: onServerRunning)
    }

    /// The same as an application of Hummingbird's, for tests.
    package static func application(
        engine: Engine, auth: AuthMode, configuration: Configuration, logger: Logger,
        onServerRunning: @escaping @Sendable (Int?) async -> Void = { _ in }
    ) -> Application<RouterResponder<APIContext>> {
        let connections = Connections()
        let router = router(engine: engine, auth: auth, configuration: configuration, connections: connections)
        let address: BindAddress =
            switch configuration.address {
            case .hostname(let host, let port): .hostname(host, port: port)
            case .unixSocket(let path): .unixDomainSocket(path: path)
            }
        let maximumBodyBytes = configuration.maximumBodyBytes
        return Application(
            router: router,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionHandler(connections: connections, maximumBodyBytes: maximumBodyBytes)],
                    idleTimeout: TimeAmount(configuration.idleTimeout))),
            configuration: .init(
                address: address, serverName: "sandstorm",
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.maximumConnections)),
            onServerRunning: { channel in await onServerRunning(channel.localAddress?.port) },
            logger: logger)
    }

    private static func router(
        engine: Engine, auth: AuthMode, configuration: Configuration, connections: Connections
    ) -> Router<APIContext> {
        let metrics = HTTPMetrics()
        let streams = RunStreams(
            connections: connections, heartbeatInterval: configuration.heartbeatInterval, patience: configuration.drainTime)
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.addMiddleware {
            MeasureMiddleware(metrics: metrics)
            RequestIDMiddleware()
            ProblemMiddleware()
            CallerMiddleware(auth: auth, keyLifetime: configuration.keyLifetime)
        }
        HealthRoutes(engine: engine).add(to: router)
        MetricsRoutes(engine: engine, metrics: metrics, connections: connections).add(to: router)
        let callers = router.group(context: CallerContext.self)
        RunRoutes(engine: engine, streams: streams, maximumBodyBytes: configuration.maximumBodyBytes).add(to: callers)
        LogRoutes(engine: engine, streams: streams).add(to: callers)
        DecisionRoutes(engine: engine, maximumBodyBytes: configuration.maximumBodyBytes).add(to: callers)
        ProviderRoutes(engine: engine).add(to: callers)
        return router
    }
}
