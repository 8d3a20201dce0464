import HTTPTypes
import SandstormServer
import SandstormWire

/// Until when a caller wants its answer, by `Connect-Timeout-Ms`.
struct Deadline: Sendable {
    /// `nil` for a caller that waits for ever.
    let timeout: Duration?
    private let end: ContinuousClock.Instant?

    /// - Throws: ``ConnectError`` with `invalid_argument` for what is no time.
    init(_ headers: HTTPFields) throws(ConnectError) {
        guard let text = headers[HTTPField.Name.known(ConnectProtocol.timeoutHeader)] else {
            (timeout, end) = (nil, nil)
            return
        }
        guard let timeout = ConnectProtocol.timeout(text) else {
            throw ConnectError(.invalidArgument, "Connect-Timeout-Ms is not a number of milliseconds with at most ten digits")
        }
        self.timeout = timeout
        end = .now + timeout
    }

    /// Runs `body`, which is cancelled and awaited if it takes too long.
    ///
    /// - Throws: ``ConnectError`` with `deadline_exceeded`, or what `body` threw.
    func limit<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        guard let end else { return try await body() }
        return try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(until: end)
                throw Deadline.exceeded
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { throw CancellationError() }
            return first
        }
    }

    static let exceeded = ConnectError(.deadlineExceeded, "the time given by Connect-Timeout-Ms has passed")
}
