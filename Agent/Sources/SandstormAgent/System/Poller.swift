import CLinux
import Glibc

/// epoll, edge-triggered.
///
/// Edges instead of levels, because a pipe whose writers are gone reports a hang-up for as long as it is registered: a level-triggered loop
/// would spin on each process whose output waits for credit. So an event sets a flag (`isReadable`), and only EAGAIN clears it.
struct Poller {
    /// What became possible, and for whom.
    struct Event {
        var token: Token
        var isReadable: Bool
        var isWritable: Bool
        /// The other end is gone, or the file is in an error state. Reading or writing will tell.
        var isHungUp: Bool
    }

    /// Who is to be told about an event. Channels come and go between an event and its delivery, so it is a name and no reference.
    struct Token: Hashable {
        var channel: UInt32
        var role: UInt8

        fileprivate var bits: UInt64 { UInt64(channel) << 8 | UInt64(role) }

        init(channel: UInt32, role: UInt8) {
            self.channel = channel
            self.role = role
        }

        fileprivate init(bits: UInt64) {
            channel = UInt32(truncatingIfNeeded: bits >> 8)
            role = UInt8(truncatingIfNeeded: bits)
        }
    }

    private let epoll: Descriptor
    private var buffer = [epoll_event](repeating: epoll_event(), count: 128)

    init() throws(SystemError) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw .current(in: "epoll_create1") }
        epoll = Descriptor(owning: number)
    }

    func add(_ descriptor: Descriptor, as token: Token) throws(SystemError) {
        try control(EPOLL_CTL_ADD, descriptor, token)
    }

    /// Sends the events of a descriptor to somebody else; what is already possible is reported again.
    func move(_ descriptor: Descriptor, to token: Token) throws(SystemError) {
        try control(EPOLL_CTL_MOD, descriptor, token)
    }

    private func control(_ operation: Int32, _ descriptor: Descriptor, _ token: Token) throws(SystemError) {
        var event = epoll_event()
        event.events = EPOLLIN.rawValue | EPOLLOUT.rawValue | SANDSTORM_EPOLLET
        event.data.u64 = token.bits
        guard epoll_ctl(epoll.number, operation, descriptor.number, &event) == 0 else { throw .current(in: "epoll_ctl") }
    }

    /// Waits for events, without limit or not at all.
    mutating func wait(blocking: Bool) -> [Event] {
        let count = epoll_wait(epoll.number, &buffer, Int32(buffer.count), blocking ? -1 : 0)
        // EINTR is the only error of a valid call: it is an empty round.
        guard count > 0 else { return [] }
        return buffer[..<Int(count)].map { event in
            let isHungUp = event.events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
            return Event(
                token: Token(bits: event.data.u64),
                isReadable: event.events & EPOLLIN.rawValue != 0 || isHungUp,
                isWritable: event.events & EPOLLOUT.rawValue != 0 || isHungUp,
                isHungUp: isHungUp
            )
        }
    }
}
