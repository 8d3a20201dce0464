package import SandstormWire

extension GatewayServer {
    /// Where to listen.
    package enum Address: Hashable, Sendable {
        /// A host name or address, and a port; port 0 takes a free one.
        case hostname(String, port: Int)
        /// A unix socket. The file is removed at the end.
        case unixSocket(path: String)
    }

    /// What an operator may set.
    package struct Configuration: Sendable {
        package var address: Address
        /// A second listener, with TLS, HTTP/1.1 and HTTP/2.
        package var tls: (address: Address, identity: TLSIdentity)?
        /// Connections beyond this many wait until others are closed. A process that may not have so many files open takes fewer:
        /// see ``GatewayServer/maximumConnections(wanted:)``.
        package var maximumConnections = 16_384
        /// How long a connection may do nothing between requests or in the middle of sending one.
        package var idleTimeout: Duration = .seconds(75)
        /// How long a request body that is read at once may take to come; those that stream may take for ever.
        package var bodyTimeout: Duration = .seconds(60)
        /// How long a client may take nothing of an answer that waits for it. Event streams and sockets may wait longer: they show by themselves
        /// whether anybody is there.
        package var stallTimeout: Duration = .seconds(120)
        /// The longest request body, in bytes.
        package var maximumBodyBytes = 32 * 1024 * 1024
        /// How often a quiet event stream shows that it lives.
        package var heartbeatInterval: Duration = .seconds(15)
        /// How long a verified key is believed without asking the store: a revoked key works for at most this long.
        package var keyLifetime: Duration = .seconds(5)
        /// How long clients that wait for their own runs are waited for when the gateway stops. Streams that only watch end at once.
        package var drainTime: Duration = .seconds(10)

        /// How WebSockets are kept alive and how much of them is buffered.
        package var webSockets = WebSocketConnection.Limits()
        /// How long a sandbox's port may take to take the next part of a request, or to begin its answer.
        package var portTimeout: Duration = .seconds(120)

        package init(address: Address) { self.address = address }
    }
}
