import Glibc

/// The byte stream to the gateway.
struct Transport {
    /// The descriptors that the agent was given.
    enum Origin {
        /// One that is read and written.
        case socket(Int32)
        /// One for each direction: an exec stream.
        case pipes(input: Int32, output: Int32)
    }

    let input: Descriptor
    /// The same as ``input`` for a socket.
    let output: Descriptor

    /// Moves the stream to numbers that no child inherits, and leaves /dev/null where it was.
    init(_ origin: Origin) throws(SystemError) {
        switch origin {
        case .socket(let number):
            input = try Self.move(number)
            output = input
        case .pipes(let inputNumber, let outputNumber):
            input = try Self.move(inputNumber)
            output = try Self.move(outputNumber)
            output.makeNonBlocking()
        }
        input.makeNonBlocking()
        Self.occupyStandardNumbers()
    }

    private static func move(_ number: Int32) throws(SystemError) -> Descriptor {
        let moved = fcntl(number, F_DUPFD_CLOEXEC, 3)
        guard moved >= 0 else { throw .current(in: "file descriptor \(number)") }
        if number != 2 {
            close(number)
        }
        return Descriptor(owning: moved)
    }

    /// Makes sure that 0, 1 and 2 are taken, so that no pipe of a child gets one of these numbers: the child's own 0, 1 and 2 are made one after
    /// the other, and the first would overwrite the source of a later one.
    private static func occupyStandardNumbers() {
        while true {
            var number = open("/dev/null", O_RDWR)
            if number < 0 {
                // A sandbox without /dev. Any file will do.
                number = open("/", O_RDONLY)
            }
            guard number >= 0 else { return }
            if number > 2 {
                close(number)
                return
            }
        }
    }
}
