import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension Channel {
    /// A machine that lost its power closes no connection: without these probes its run would go on until its timeout.
    func probeAndPace() {
        setOption(.socketOption(.so_keepalive), value: 1).whenFailure { _ in }
        #if os(Linux)
        for (option, value) in [(TCP_KEEPIDLE, 30), (TCP_KEEPINTVL, 10), (TCP_KEEPCNT, 3)] {
            setOption(.tcpOption(.init(rawValue: option)), value: SocketOptionValue(value)).whenFailure { _ in }
        }
        // What a slow client has not been sent yet waits here and not in the kernel, where it would be out of sight and of every bound.
        setOption(.tcpOption(.init(rawValue: TCP_NOTSENT_LOWAT)), value: 128 * 1024).whenFailure { _ in }
        #endif
    }
}
