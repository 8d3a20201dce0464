import NIOCore
import SandstormCore
import Testing

@testable import SandstormWire

@Suite("Agent session, transition by transition")
struct AgentSessionTests {
    /// A session past its hello, whose frames are looked at.
    struct Fixture {
        var session = AgentSession()

        init() throws {
            try session.receive(.message(AgentFrame(channel: 0, message: .hello(.fixture))))
        }

        mutating func say(_ message: AgentMessage, on channel: UInt32) throws {
            let bytes = try AgentFrame(channel: channel, message: message).encoded()
            var reader = AgentFrameReader()
            reader.append(ByteBuffer(bytes: bytes))
            while let frame = try reader.next() { try session.receive(frame) }
            tell()
        }

        mutating func tell() {
            for tell in session.news { tell() }
            session.news = []
        }

        /// What went out since the last time.
        mutating func sent() throws -> [AgentFrame] {
            defer { session.outbox = [] }
            return try session.outbox.map { outbound in
                switch outbound {
                case .encoded(let bytes):
                    var decoder = AgentFrameDecoder()
                    decoder.append(bytes)
                    return try #require(try decoder.next())
                case .data(let kind, let channel, let bytes):
                    let bytes = Array(bytes.readableBytesView)
                    return AgentFrame(channel: channel, message: kind == .stdin ? .stdin(bytes) : .data(bytes))
                }
            }
        }

        /// Starts a process on the next channel.
        mutating func started() throws -> UInt32 {
            let waiter = AgentWaiter<Int32>()
            let id = try opened(session.start(AgentStart(arguments: ["x"]), program: "x", waiter))
            try say(.started(pid: 7), on: id)
            _ = try sent()
            return id
        }

        mutating func pull(_ id: UInt32) -> AgentWaiter<ProcessEvent?> {
            let waiter = AgentWaiter<ProcessEvent?>()
            session.pull(from: id, waiter)
            tell()
            return waiter
        }
    }

    private func value<Value: Sendable>(_ waiter: AgentWaiter<Value>) async throws(ProviderError) -> Value { try await waiter.value {} }

    @Test("channels are numbered upwards, in the order in which their first frames leave")
    func numbering() throws {
        var fixture = try Fixture()
        let ids = (0..<3).compactMap { _ in fixture.session.start(AgentStart(arguments: ["x"]), program: "x", AgentWaiter()) }
        #expect(ids == [1, 2, 3])
        #expect(try fixture.sent().map(\.channel) == [1, 2, 3])
    }

    @Test("credit is granted as the consumer takes bytes, in large pieces")
    func credit() async throws {
        var fixture = try Fixture()
        let id = try fixture.started()
        _ = try await value(fixture.pull(id))
        let piece = [UInt8](repeating: 1, count: AgentProtocol.maximumDataLength)
        for _ in 0..<4 { try fixture.say(.stdout(piece), on: id) }
        #expect(try fixture.sent().isEmpty, "nothing was taken yet")
        for _ in 0..<4 { _ = try await value(fixture.pull(id)) }
        let grants = try fixture.sent().map(\.message)
        #expect(grants == [.credit(bytes: 131_072), .credit(bytes: 131_072)])
    }

    @Test("more output than granted ends the session")
    func overdraft() throws {
        var fixture = try Fixture()
        let id = try fixture.started()
        let piece = [UInt8](repeating: 1, count: AgentProtocol.maximumDataLength)
        for _ in 0..<4 { try fixture.say(.stderr(piece), on: id) }
        #expect(throws: AgentProtocolError.creditExceeded(excess: 1)) { try fixture.say(.stdout([1]), on: id) }
    }

    @Test("a write waits for credit, and those behind it keep their order")
    func writing() async throws {
        var fixture = try Fixture()
        let id = try fixture.started()
        let waiters = (0..<3).map { _ in AgentWaiter<Void>() }
        fixture.session.write(ByteBuffer(repeating: 1, count: 200_000), to: id, waiters[0])
        fixture.session.write(ByteBuffer(repeating: 2, count: 100_000), to: id, waiters[1])
        fixture.session.closeInput(of: id, waiters[2])
        fixture.tell()
        func total(_ frames: [AgentFrame]) -> Int {
            frames.reduce(0) { if case .stdin(let bytes) = $1.message { $0 + bytes.count } else { $0 } }
        }
        let first = try fixture.sent()
        #expect(total(first) == AgentProtocol.initialWindow)
        #expect(
            first.allSatisfy { if case .stdin(let bytes) = $0.message { bytes.count <= AgentProtocol.maximumDataLength } else { false } })
        try await value(waiters[0])
        try fixture.say(.credit(bytes: 100_000), on: id)
        let second = try fixture.sent()
        #expect(total(second) == 300_000 - AgentProtocol.initialWindow)
        #expect(second.last?.message == .closeStdin)
        try await value(waiters[1])
        try await value(waiters[2])
    }

    @Test("when the process closes its input, writers are let go")
    func stdinClosed() async throws {
        var fixture = try Fixture()
        let id = try fixture.started()
        let waiter = AgentWaiter<Void>()
        fixture.session.write(ByteBuffer(repeating: 1, count: 1 << 20), to: id, waiter)
        try fixture.say(.stdinClosed, on: id)
        try await value(waiter)
        _ = try fixture.sent()
        fixture.session.write(ByteBuffer(repeating: 1, count: 1), to: id, AgentWaiter())
        #expect(try fixture.sent().isEmpty)
    }

    @Test("output and exit outlive the connection, what is cut does not end well")
    func close() async throws {
        var fixture = try Fixture()
        let (done, cut) = (try fixture.started(), try fixture.started())
        try fixture.say(.stdout([1]), on: done)
        try fixture.say(.exited(AgentExit(status: .code(3), userMicroseconds: 1, systemMicroseconds: 2, maximumResidentKiB: 4)), on: done)
        try fixture.say(.stdout([2]), on: cut)
        let start = AgentWaiter<Int32>()
        _ = fixture.session.start(AgentStart(arguments: ["y"]), program: "y", start)
        let file = AgentWaiter<ByteBuffer>()
        _ = fixture.session.get("/f", upTo: 10, file)
        fixture.session.close(because: ProviderError(.interrupted, "gone"))
        fixture.tell()

        #expect(try await value(fixture.pull(done)) == .started(pid: 7))
        #expect(try await value(fixture.pull(done)) == .stdout(ByteBuffer(bytes: [1])))
        #expect(try await value(fixture.pull(done)) == .exited(ExitStatus(.code(3), cpuTime: .microseconds(3), peakMemoryKiB: 4)))
        #expect(try await value(fixture.pull(done)) == nil)
        #expect(try await value(fixture.pull(cut)) == .started(pid: 7))
        #expect(try await value(fixture.pull(cut)) == .stdout(ByteBuffer(bytes: [2])))
        await #expect(throws: ProviderError(.interrupted, "gone", afterStart: true)) { _ = try await value(fixture.pull(cut)) }
        #expect(try await value(fixture.pull(cut)) == nil)
        await #expect(throws: ProviderError(.interrupted, "gone")) { _ = try await value(start) }
        await #expect(throws: ProviderError(.interrupted, "gone")) { _ = try await value(file) }
        fixture.session.forget(done)
        fixture.session.forget(cut)
        #expect(fixture.session.channelCount == 0)
    }

    @Test("a start that nobody waits for is killed, and its output drained so that it can end")
    func abandonedStart() throws {
        var fixture = try Fixture()
        let id = try opened(fixture.session.start(AgentStart(arguments: ["x"]), program: "x", AgentWaiter()))
        _ = try fixture.sent()
        fixture.session.abandonStart(id)
        #expect(try fixture.sent().map(\.message) == [.signal(number: 9, target: .group)])
        try fixture.say(.started(pid: 7), on: id)
        for _ in 0..<16 { try fixture.say(.stdout([UInt8](repeating: 1, count: AgentProtocol.maximumDataLength)), on: id) }
        #expect(try fixture.sent().map(\.message) == Array(repeating: .credit(bytes: 131_072), count: 8))
        try fixture.say(.exited(AgentExit(status: .signal(9), userMicroseconds: 0, systemMicroseconds: 0, maximumResidentKiB: 0)), on: id)
        #expect(fixture.session.channelCount == 0)
    }

    @Test("a process that is forgotten keeps nothing and is granted nothing")
    func forgotten() throws {
        var fixture = try Fixture()
        let id = try fixture.started()
        fixture.session.forget(id)
        for _ in 0..<4 { try fixture.say(.stdout([UInt8](repeating: 1, count: AgentProtocol.maximumDataLength)), on: id) }
        #expect(try fixture.sent().isEmpty)
        try fixture.say(.exited(AgentExit(status: .code(0), userMicroseconds: 0, systemMicroseconds: 0, maximumResidentKiB: 0)), on: id)
        #expect(fixture.session.channelCount == 0)
    }

    @Test("failures become the waist's errors")
    func failures() async throws {
        var fixture = try Fixture()
        func failure(_ failure: AgentFailure) async throws -> ProviderError? {
            let waiter = AgentWaiter<Int32>()
            let id = try opened(fixture.session.start(AgentStart(arguments: ["tool"]), program: "tool", waiter))
            try fixture.say(.failed(failure), on: id)
            do {
                _ = try await value(waiter)
                return nil
            } catch {
                return error
            }
        }
        let missing = try await failure(AgentFailure(errno: 2, stage: .program, message: "tool: No such file"))
        #expect(missing?.code == .invalid)
        #expect(missing?.missingProgram == "tool")
        let denied = try await failure(AgentFailure(errno: 13, stage: .program, message: "tool: Permission denied"))
        #expect(denied?.code == .invalid)
        #expect(denied?.missingProgram == nil)
        #expect(try await failure(AgentFailure(errno: 38, stage: .request, message: "unknown"))?.code == .unsupported)
        #expect(try await failure(AgentFailure(errno: 11, stage: .resources, message: "no more processes"))?.code == .invalid)
        #expect(fixture.session.channelCount == 0)
    }

    @Test("a command that is too long for a frame is refused before anything is sent")
    func tooLong() async throws {
        var fixture = try Fixture()
        let waiter = AgentWaiter<Int32>()
        let long = AgentStart(arguments: [String(repeating: "x", count: 2 << 20)])
        let refused = fixture.session.start(long, program: "x", waiter)
        #expect(refused == nil)
        fixture.tell()
        #expect(try fixture.sent().isEmpty)
        await #expect(throws: ProviderError.self) { _ = try await value(waiter) }
        let id = fixture.session.start(AgentStart(arguments: ["y"]), program: "y", AgentWaiter())
        #expect(id == 1)
    }

    @Test("an agent of another version is refused")
    func version() async throws {
        var session = AgentSession()
        let waiter = AgentWaiter<AgentHello>()
        session.awaitHello(waiter)
        var hello = AgentHello.fixture
        hello.protocolVersion = 9
        try session.receive(.message(AgentFrame(channel: 0, message: .hello(hello))))
        for tell in session.news { tell() }
        let error = await #expect(throws: ProviderError.self) { _ = try await value(waiter) }
        #expect(error?.code == .unsupported)
    }

    @Test("a file's growth beyond the limit is noticed, whatever size it claimed")
    func growingFile() async throws {
        var fixture = try Fixture()
        let waiter = AgentWaiter<ByteBuffer>()
        let id = try opened(fixture.session.get("/proc/x", upTo: 5, waiter))
        try fixture.say(.fileInfo(AgentFileInfo(size: 0, mode: 0o100_644, modifiedSeconds: 0, modifiedNanoseconds: 0)), on: id)
        try fixture.say(.data([1, 2, 3]), on: id)
        try fixture.say(.data([4, 5, 6]), on: id)
        #expect(try fixture.sent().last?.message == .cancel)
        await #expect(throws: ProviderError.self) { _ = try await value(waiter) }
        // What crossed the cancel on the way is dropped.
        try fixture.say(.data([7]), on: id)
        try fixture.say(.end, on: id)
        #expect(fixture.session.channelCount == 0)
    }
}

/// The channel that was opened; a requirement macro can't hold a mutating call.
private func opened(_ id: UInt32?) throws -> UInt32 { try #require(id) }

extension AgentHello {
    static var fixture: AgentHello { AgentHello(agentVersion: "test", pid: 1, uid: 1000) }
}
