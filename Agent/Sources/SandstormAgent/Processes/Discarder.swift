/// Empties the pipes that outlive the process they were made for.
///
/// `server &` in a shell leaves a server that holds its shell's stdout. Closing our end when the shell exits would kill the server with SIGPIPE
/// at its next line of log, which is not what anybody meant; not reading would block it.
struct Discarder {
    /// Each costs a file descriptor. Beyond so many, the oldest is closed after all.
    private static let limit = 64

    private var descriptors: [Descriptor] = []
    private(set) var hasWork = false

    mutating func add(_ descriptor: Descriptor, poller: Poller, token: Poller.Token) {
        guard (try? poller.move(descriptor, to: token)) != nil else { return }
        descriptors.append(descriptor)
        if descriptors.count > Self.limit {
            descriptors.removeFirst()
        }
        hasWork = true
    }

    mutating func noteReadable() {
        hasWork = !descriptors.isEmpty
    }

    /// Takes one read from each.
    mutating func pump(scratch: UnsafeMutableRawBufferPointer) {
        guard hasWork else { return }
        hasWork = false
        descriptors.removeAll { descriptor in
            switch descriptor.read(into: scratch) {
            case .count(0), .failed: return true
            case .wouldBlock: return false
            case .count:
                hasWork = true
                return false
            }
        }
    }
}
