import NIOCore

/// Closes a connection whose client takes nothing of what waits for it. To be used on the connection's event loop only.
///
/// Bytes that a client has taken make room in the operating system's buffer, into which the channel then writes some of its own: as long as
/// those become fewer now and then, somebody reads, however slowly.
final class StallTimer {
    private let timeout: Duration
    /// A stream of HTTP/2 does not tell how much of it waits; asked for it, it ends the process.
    private let isStream: Bool
    private var check: Scheduled<Void>?
    private var pending = 0
    private var lastProgress = ContinuousClock.now

    init(timeout: Duration, isStream: Bool) {
        self.timeout = timeout
        self.isStream = isStream
    }

    /// Something waits for the client.
    func start(_ channel: any Channel) {
        guard check == nil else { return }
        pending = pendingBytes(of: channel)
        lastProgress = .now
        schedule(channel)
    }

    /// Nothing waits any more.
    func stop() {
        check?.cancel()
        check = nil
    }

    private func schedule(_ channel: any Channel) {
        check = channel.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout / 4)) { [weak self] in self?.look(at: channel) }
    }

    private func look(at channel: any Channel) {
        let now = pendingBytes(of: channel)
        if now < pending { lastProgress = .now }
        pending = now
        if ContinuousClock.now - lastProgress >= timeout { channel.close(promise: nil) } else { schedule(channel) }
    }

    private func pendingBytes(of channel: any Channel) -> Int {
        isStream ? 0 : (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}
