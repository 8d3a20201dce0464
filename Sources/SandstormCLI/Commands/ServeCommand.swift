import ArgumentParser
import E2BAPI
import Logging
import NIOCore
import NIOPosix
import NativeAPI
import NullProvider
import Sandstorm
import SandstormEngine
import SandstormServer
import SandstormStore
import ServiceLifecycle

/// `sandstorm serve`
struct ServeCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves the HTTP API over this machine's sandboxes.",
        discussion: """
            Callers need an API key. The first one is made on the first start and shown once. With --dev no key is needed, and only \
            this machine can call.

            The first SIGTERM or Ctrl-C lets runs under way finish; the second ends the program at once.
            """)

    @Flag(help: "For development: no keys, loopback only.")
    var dev = false

    @Option(help: ArgumentHelp("Where to listen; port 0 takes a free one.", valueName: "host:port"))
    var listen = "127.0.0.1:8787"

    @Option(
        help: ArgumentHelp(
            "Where to listen with TLS besides, for HTTP/1.1 and HTTP/2: names of sandboxes need it.", valueName: "host:port"))
    var tlsListen: String?

    @Option(
        help: ArgumentHelp("With --tls-listen: the certificate and those that lead to its root, as PEM.", valueName: "file"),
        completion: .file())
    var tlsCertificate: String?

    @Option(
        help: ArgumentHelp("With --tls-listen: the certificate's key, as PEM, without a password.", valueName: "file"), completion: .file())
    var tlsKey: String?

    @Option(
        help: ArgumentHelp("What to log: trace, debug, info, notice, warning, error.", valueName: "level"),
        completion: .list(Logger.Level.allCases.map(\.rawValue)))
    var logLevel = "notice"

    @Option(
        help: ArgumentHelp(
            "How many connections are served at a time; more wait. Fewer where the process may not have so many files open.",
            valueName: "count"))
    var maxConnections = 16_384

    @Option(help: ArgumentHelp("How long a connection may do nothing before it is closed: 30s, 5m.", valueName: "time"))
    var idleTimeout = "75s"

    @Option(
        help: ArgumentHelp(
            "What a vCPU of a sandbox on this machine costs in an hour, in US dollars: what the machine costs you.", valueName: "usd"))
    var localPrice: String?

    @Option(
        help: ArgumentHelp(
            "A private network or address that sandboxes of this machine may reach if they have a network: 10.1.0.0/16. Repeatable.",
            valueName: "network"))
    var localPrivateNetwork: [String] = []

    @Flag(
        help: ArgumentHelp(
            "Sandboxes of this machine that have a network get the machine's own. Dangerous: they reach all that it reaches, this gateway too."
        ))
    var localHostNetwork = false

    @Option(
        help: ArgumentHelp(
            """
            How many sandboxes of the standard shape are kept ready, for runs and sandboxes that ask for nothing else; or auto: as many of \
            each shape as it is foreseen that they are asked for.
            """, valueName: "count|auto"))
    var warm = "0"

    @Option(
        help: ArgumentHelp("What sandboxes that --warm auto keeps ready may cost together in an hour, in US dollars.", valueName: "usd"))
    var warmBudget: String?

    @Option(
        help: ArgumentHelp(
            "A provider beside this machine: null, which runs nothing and shows what the gateway itself costs. Repeatable.",
            valueName: "name"))
    var provider: [String] = []

    @Option(
        help: ArgumentHelp(
            "A JSON file that says more: accounts at clouds, rules and limits of routing, prices of your own.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var config: String?

    @OptionGroup var data: DataOptions

    /// How long draining may take altogether.
    private static let drainLimit = Duration.seconds(30)

    func execute() async throws -> ExitCode {
        let settings = try settings()
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = settings.logLevel
            return handler
        }
        OpenFiles.raiseLimit()
        Allocator.limitHeaps()
        let gateway = try await EmbeddedGateway(
            opening: data.directory, exclusive: true, local: settings.local, warm: settings.warm, routing: settings.file.routing,
            beside: { [provider] prices throws(SandstormError) in
                (provider.isEmpty ? [] : [NullProvider()]) + (try settings.file.accounts.providers(prices))
            },
            prices: settings.file.prices, logger: Logger(label: "sandstorm"))
        do {
            try await serve(gateway, settings)
        } catch {
            await gateway.store.close()
            throw ServeCommand.failure(error, at: settings.address)
        }
        await gateway.store.close()
        return .success
    }

    private func serve(_ gateway: EmbeddedGateway, _ settings: Settings) async throws {
        let logger = Logger(label: "sandstorm")
        let auth: AuthMode
        if dev {
            auth = .none
        } else {
            let ring = KeyRing(store: gateway.store)
            if let secret = try await ring.makeFirst() {
                Terminal.tell("The first API key, shown this once: \(secret)")
            }
            auth = .required(ring)
        }
        let address = settings.address
        let server = GatewayServer(settings.server)
        var dialect = settings.file.e2b
        dialect.uploadDirectory = "\(data.directory.path)/e2b-uploads"
        let e2b = E2BAPI(engine: gateway.engine, auth: auth, server: server, settings: dialect)
        let frontEnds: [any FrontEnd] = [
            e2b, NativeAPI(engine: gateway.engine, auth: auth, server: server),
        ]
        let tlsAddress = settings.tlsAddress ?? address
        let api = try server.service(
            frontEnds, logger: logger,
            onServerRunning: { [dev] listener, port in
                switch listener {
                case .plain:
                    Terminal.tell(
                        "sandstorm: listening on \(address.url(port: port ?? address.port))"
                            + (dev ? ", for development: no key needed" : "")
                    )
                case .tls: Terminal.tell("sandstorm: listening on \(tlsAddress.url(port: port ?? tlsAddress.port, scheme: "https"))")
                }
            })
        // Stopped in reverse: the engine first, so that waiting callers are told what became of their runs before the server closes.
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: api), .init(service: e2b.upkeep), .init(service: gateway.engine)], logger: logger)
        configuration.maximumGracefulShutdownDuration = ServeCommand.drainLimit
        let group = ServiceGroup(configuration: configuration)
        // The task of a command is cancelled by the first signal; a server drains instead.
        try await withGracefulStop(of: group)
    }

    private func withGracefulStop(of group: ServiceGroup) async throws {
        let running = Task { try await group.run() }
        try await withTaskCancellationHandler {
            try await running.value
        } onCancel: {
            Task { await group.triggerGracefulShutdown() }
        }
    }

    private static func failure(_ error: any Error, at address: ListenAddress) -> any Error {
        let code = (error as? IOError)?.errnoCode
        switch code {
        case EADDRINUSE:
            return CommandFailure(.sandstormFailed, "\(address) is taken by another program; choose another port with --listen")
        case EADDRNOTAVAIL:
            return CommandFailure(.sandstormFailed, "this machine has no address \(address.host); choose another with --listen")
        case EACCES:
            return CommandFailure(.sandstormFailed, "port \(address.port) is reserved for root; choose one above 1023 with --listen")
        default: return error
        }
    }
}
