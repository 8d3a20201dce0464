import Dispatch
import Sandstorm

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The sizes of the terminal as its user changes them.
enum TerminalSizes {
    /// Tells of each new size until its task is cancelled. Of sizes that come faster than they are taken, the last counts.
    static func follow(_ take: (TerminalSize) async -> Void) async {
        let (sizes, continuation) = AsyncStream.makeStream(of: TerminalSize.self, bufferingPolicy: .bufferingNewest(1))
        let queue = DispatchQueue(label: "sandstorm.terminal")
        let resized = DispatchSource.makeSignalSource(signal: SIGWINCH, queue: queue)
        let continued = DispatchSource.makeSignalSource(signal: SIGCONT, queue: queue)
        resized.setEventHandler { _ = RawTerminal.size.map { continuation.yield($0) } }
        continued.setEventHandler {
            RawTerminal.apply()
            _ = RawTerminal.size.map { continuation.yield($0) }
        }
        resized.resume()
        continued.resume()
        // It may have changed before anybody listened.
        _ = RawTerminal.size.map { continuation.yield($0) }
        defer {
            resized.cancel()
            continued.cancel()
        }
        for await size in sizes { await take(size) }
    }
}
