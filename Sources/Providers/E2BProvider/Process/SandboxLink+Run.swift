import NIOCore
import SandstormCore
import SandstormWire

/// What a small command of ours said.
struct ToolResult: Sendable {
    var code: Int32
    var output: ByteBuffer
    var errors: String
}

extension SandboxLink {
    /// Runs a few lines of shell in the sandbox, for what the protocol lacks.
    ///
    /// - Parameters:
    ///   - arguments: `$1` and so on.
    ///   - most: how much they may say.
    func run(
        _ script: String, _ arguments: [String] = [], as user: String? = nil, upTo most: Int = 64 << 20
    ) async throws(ProviderError) -> ToolResult {
        let tool = try await open(script, arguments, as: user)
        var result = ToolResult(code: -1, output: ByteBuffer(), errors: "")
        while let event = try await tool.next() {
            switch event {
            case .output(var bytes):
                guard result.output.readableBytes + bytes.readableBytes <= most else {
                    throw ProviderError(.invalid, "there is more of it than may be told at once", fileProblem: .tooLarge)
                }
                result.output.writeBuffer(&bytes)
            case .end(let code):
                result.code = code
                result.errors = tool.errors
            }
        }
        return result
    }

    /// Starts a few lines of shell whose output is read as it comes.
    func open(_ script: String, _ arguments: [String] = [], as user: String? = nil) async throws(ProviderError) -> Tool {
        try checkIsThere()
        let tag = "sandstorm-" + String(UInt64.random(in: .min ... .max), radix: 36)
        var message: JSONObject = [
            "process": ["cmd": "/bin/sh", "args": .strings(["-c", script, "sh"] + arguments), "envs": ["LC_ALL": "C"], "cwd": "/"],
            "tag": .string(tag),
        ]
        if access.version >= .optionalInput { message["stdin"] = false }
        do throws(EnvdFailure) {
            return Tool(try await stream("process.Process/Start", .object(message), as: user), link: self, tag: tag, user: user)
        } catch {
            killLater(tag, as: user)
            throw await self.error(error)
        }
    }
}

/// A small command of ours whose output is read as it comes. One consumer.
final class Tool: Sendable {
    enum Event: Sendable {
        case output(ByteBuffer)
        /// The exit code, 128 and the signal's number for one that was ended by a signal; the last.
        case end(Int32)
    }

    private struct State {
        var errors = ByteBuffer()
        var isOver = false
        var hasBegun = false
    }

    private let messages: ConnectMessages
    private let link: SandboxLink
    private let tag: String
    private let user: String?
    private let state = Locked(State())

    init(_ messages: ConnectMessages, link: SandboxLink, tag: String, user: String?) {
        self.messages = messages
        self.link = link
        self.tag = tag
        self.user = user
    }

    deinit {
        // Nobody reads it any more: without this it would go on, as nothing ends it but itself.
        if !state.withLock(\.isOver) { link.killLater(tag, as: user) }
    }

    /// What it said to standard error, the beginning of it.
    var errors: String { String(buffer: state.withLock(\.errors)) }

    func next() async throws(ProviderError) -> Event? {
        while !state.withLock(\.isOver) {
            let next: ConnectMessages.Next
            do throws(EnvdFailure) {
                next = try await messages.next(within: link.patience.silence)
            } catch {
                throw await link.error(error, hasBegun: state.withLock(\.hasBegun))
            }
            switch next {
            case .cut:
                let failure = VendorFailure(.lost, "the connection broke", mayHaveArrived: true)
                throw await link.error(.transport(failure), hasBegun: state.withLock(\.hasBegun))
            case .end(let error):
                throw await link.error(
                    error.map { .connect($0, nil) } ?? .garbage("a stream without an end"), hasBegun: state.withLock(\.hasBegun))
            case .message(let payload):
                guard let event = EnvdEvent(payload) else { throw await link.error(.garbage("an event that is none")) }
                switch event {
                case .start: state.withLock { $0.hasBegun = true }
                case .keepalive: break
                case .output(let bytes): return .output(bytes)
                case .errors(let bytes):
                    state.withLock { state in
                        if state.errors.readableBytes < 64 << 10 { state.errors.writeImmutableBuffer(bytes) }
                    }
                case .end(let exit):
                    state.withLock { $0.isOver = true }
                    await messages.drain()
                    return .end(try code(of: exit))
                }
            }
        }
        return nil
    }

    private func code(of exit: EnvdExit) throws(ProviderError) -> Int32 {
        switch exit.outcome {
        case .code(let code)?: return code
        case .signal(let signal)?:
            if link.isDying { throw ProviderError(.interrupted, "the sandbox was killed", afterStart: true) }
            return 128 + signal.rawValue
        case nil: throw ProviderError(.unavailable, "a command in the sandbox ended in a way that is not told", vendorDetail: exit.status)
        }
    }
}
