import NIOCore
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@testable import E2BProvider

@Suite("A command's stream") struct StreamTests {
    private static let connect = "/process.Process/Connect"
    private static let start = "/process.Process/Start"
    private static let isOver = FaultStep.answer(404, #"{"code":"not_found","message":"process with pid 42 not found"}"#)

    /// What a command of the tests says.
    private static func frames(_ mark: String) -> [ByteBuffer] {
        [
            Frames.start(), Frames.stdout(mark + "+first "), Frames.keepalive, Frames.stderr("err"), Frames.stdout("sec\u{F6}nd"),
            Frames.exit(3),
            Frames.end,
        ]
    }

    @Test("comes whole in single bytes, in one piece, and in frames", arguments: [0, 1, 2])
    func shapes(shape: Int) async throws {
        try await FaultServer.run { request in
            guard request.path == Self.start, let mark = request.mark else { return Vendor.usual(request) }
            let frames = Self.frames(mark)
            switch shape {
            case 0:
                return [FaultStep.streamHead()] + [
                    .drip(frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer(FaultStep.chunk($1)) }), FaultStep.lastChunk,
                ]
            case 1: return FaultStep.stream([Frames.joined(frames)])
            default: return FaultStep.stream(frames)
            }
        } _: { server in
            let process = try await Vendor.link(server).start(Command(["true"]))
            #expect(process.pid == 42)
            let transcript = await Transcript(process)
            #expect(transcript.output == "first sec\u{F6}nd" && transcript.errors == "err")
            #expect(transcript.status == .code(3) && transcript.failure == nil)
        }
    }

    @Test("that is cut at any byte, with the connection or before it, is never a success", arguments: [true, false])
    func cutAnywhere(abruptly: Bool) async throws {
        let sample = Self.frames("\u{1}mark000000000:")
        let whole = Frames.joined(sample).readableBytes
        // Behind the exit nothing more is needed: the last frame may be missing.
        let complete = whole - Frames.end.readableBytes
        let cut = Locked(0)
        try await FaultServer.run { request in
            switch request.path {
            case Self.start:
                guard request.mark != nil else { return Vendor.usual(request) }
                // The same length each time, whatever the word is.
                let bytes = Frames.joined(Self.frames(request.mark ?? ""))
                let length = max(0, bytes.readableBytes - (whole - cut.withLock(\.self)))
                let piece = bytes.getSlice(at: 0, length: length) ?? ByteBuffer()
                let body = piece.readableBytes > 0 ? [FaultStep.bytes(FaultStep.chunk(piece))] : []
                return [FaultStep.streamHead()] + body + (abruptly ? [.close] : [FaultStep.lastChunk])
            case Self.connect: return Self.isOver
            default: return Vendor.usual(request)
            }
        } _: { server in
            let link = try Vendor.link(server)
            for position in 0...whole {
                cut.withLock { $0 = position }
                do throws(ProviderError) {
                    let process = try await link.start(Command(["true"]))
                    let transcript = await Transcript(process)
                    if position >= complete {
                        #expect(transcript.status == .code(3), "cut at \(position) of \(whole)")
                    } else {
                        #expect(transcript.status == nil, "cut at \(position) of \(whole)")
                        #expect(transcript.failure?.code == .interrupted && transcript.failure?.afterStart == true)
                    }
                    #expect("first sec\u{F6}nd".utf8.starts(with: transcript.output.utf8) || transcript.output.contains("\u{FFFD}"))
                } catch {
                    // Before it was known to run: it may run all the same.
                    #expect(
                        error.code == .unavailable && error.mayHaveTakenEffect, "cut at \(position) of \(whole): \(error.debugDescription)")
                    #expect(position < complete)
                }
            }
        }
    }

    @Test("that broke goes on over a new connection, and ends with an error that tells the exit")
    func reconnects() async throws {
        let connections = Locked(0)
        try await FaultServer.run { request in
            switch request.path {
            case Self.start:
                guard let mark = request.mark else { return Vendor.usual(request) }
                return [
                    FaultStep.streamHead(), .bytes(FaultStep.chunk(Frames.joined([Frames.start(), Frames.stdout(mark + "+one ")]))), .close,
                ]
            case Self.connect:
                #expect(request.message?["process"]?["pid"] == 42)
                let number = connections.withLock { number in
                    number += 1
                    return number
                }
                if number == 1 { return [.close] }
                if number == 2 {
                    return [
                        FaultStep.streamHead(), .bytes(FaultStep.chunk(Frames.joined([Frames.start(), Frames.stdout("two ")]))), .close,
                    ]
                }
                return FaultStep.stream([Frames.start(), Frames.stdout("three"), Frames.exit(0), Frames.end])
            default: return Vendor.usual(request)
            }
        } _: { server in
            let process = try await Vendor.link(server).start(Command(["true"]))
            let transcript = await Transcript(process)
            #expect(transcript.output == "one two three")
            // What was said while nobody listened is gone, and how much that was is not known.
            #expect(transcript.status == nil)
            #expect(transcript.failure?.code == .interrupted && transcript.failure?.message.contains("exited with 0") == true)
            // And stays so.
            #expect(await Transcript(process).failure == transcript.failure)
        }
    }

    @Test("of a sandbox that is gone says so")
    func sandboxGone() async throws {
        try await FaultServer.run { request in
            switch request.path {
            case Self.start:
                guard let mark = request.mark else { return Vendor.usual(request) }
                return [
                    FaultStep.streamHead(), .bytes(FaultStep.chunk(Frames.joined([Frames.start(), Frames.stdout(mark + "+")]))), .close,
                ]
            case "/sandboxes/\(Vendor.sandboxID)": return FaultStep.answer(404, #"{"code":404,"message":"gone"}"#)
            default: return FaultStep.answer(502, #"{"code":502,"message":"The sandbox was not found","sandboxId":"x"}"#)
            }
        } _: { server in
            let link = try Vendor.link(server)
            let process = try await link.start(Command(["true"]))
            let transcript = await Transcript(process)
            #expect(
                transcript.failure?.code == .interrupted && transcript.failure?.afterStart == true
                    && transcript.failure?.outOfMemory == false)
            #expect(link.isGone)
            #expect(await failure { try await process.write(ByteBuffer(string: "x")) }?.code == .notFound)
        }
    }

    @Test("may have its last frame late, or never: an exit is an exit", arguments: [[FaultStep.pause(.seconds(5))], [.hang], [.halfClose]])
    func lateEnd(steps: [FaultStep]) async throws {
        try await FaultServer.run { request in
            guard request.path == Self.start, let mark = request.mark else { return Vendor.usual(request) }
            let frames = Frames.joined([Frames.start(), Frames.stdout(mark + "+x"), Frames.exit(0)])
            return [FaultStep.streamHead(), .bytes(FaultStep.chunk(frames))] + steps + [.close]
        } _: { server in
            let began = ContinuousClock.now
            let transcript = await Transcript(try await Vendor.link(server).start(Command(["true"])))
            #expect(transcript.output == "x" && transcript.status == .code(0))
            #expect(ContinuousClock.now - began < .seconds(4))
        }
    }

    @Test(
        "that never comes is given up",
        arguments: [
            [FaultStep.hang], [FaultStep.streamHead(), .hang], [FaultStep.streamHead(), .bytes(FaultStep.chunk(Frames.start())), .hang],
        ])
    func silence(steps: [FaultStep]) async throws {
        try await FaultServer.run { request in
            request.path == Self.start && request.mark != nil ? steps : Vendor.usual(request)
        } _: { server in
            let link = try Vendor.link(server) { $0.patience.envd = .milliseconds(300) }
            let error = await failure { try await link.start(Command(["true"])) }
            #expect(error?.code == .timedOut && error?.mayHaveTakenEffect == true)
            // Whatever it was that may have been started is ended by the name that it was given.
            #expect(
                await eventually {
                    server.requests("POST", "/process.Process/SendSignal").contains {
                        $0.json?["process"]?["tag"]?.stringValue?.hasPrefix("sandstorm-") == true
                    }
                })
        }
    }

    @Test("that falls silent is connected to anew")
    func fallsSilent() async throws {
        try await FaultServer.run { request in
            switch request.path {
            case Self.start:
                guard let mark = request.mark else { return Vendor.usual(request) }
                return [
                    FaultStep.streamHead(), .bytes(FaultStep.chunk(Frames.joined([Frames.start(), Frames.stdout(mark + "+")]))), .hang,
                ]
            case Self.connect: return FaultStep.stream([Frames.start(), Frames.exit(0), Frames.end])
            default: return Vendor.usual(request)
            }
        } _: { server in
            let link = try Vendor.link(server) { $0.patience.silence = .milliseconds(300) }
            let transcript = await Transcript(try await link.start(Command(["true"])))
            #expect(transcript.status == nil && transcript.failure?.message.contains("exited with 0") == true)
        }
    }

    @Test(
        "that is none is refused",
        arguments: [
            FaultStep.answer(200, "{}"), FaultStep.answer(200, "", type: "text/plain"), FaultStep.answer(200, "<html>", type: "text/html"),
            FaultStep.stream([ByteBuffer(bytes: [0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3])]),
            FaultStep.stream([ByteBuffer(bytes: [1, 0, 0, 0, 1, 0x7B])]),
            FaultStep.stream([ByteBuffer(bytes: [0x40, 0, 0, 0, 0])]),
            FaultStep.stream([ConnectFrame(payload: ByteBuffer(string: "nonsense")).encoded]),
            FaultStep.stream([ConnectFrame(["event": ["start": ["pid": -4]]]).encoded]),
            FaultStep.stream([Frames.keepalive, Frames.start()]),
            FaultStep.stream([Frames.end]), FaultStep.stream([ConnectFrame(payload: ByteBuffer(string: "{"), isEnd: true).encoded]),
        ])
    func garbage(steps: [FaultStep]) async throws {
        try await FaultServer.run { request in
            request.path == Self.start && request.mark != nil ? steps : Vendor.usual(request)
        } _: { server in
            let error = await failure { try await Vendor.link(server).start(Command(["true"])) }
            #expect(error?.code == .unavailable)
            #expect(error?.mayHaveTakenEffect == true)
        }
    }

    @Test("that turns into garbage is left, and not taken for an end")
    func laterGarbage() async throws {
        try await FaultServer.run { request in
            switch request.path {
            case Self.start:
                guard let mark = request.mark else { return Vendor.usual(request) }
                return FaultStep.stream([
                    Frames.start(), Frames.stdout(mark + "+x"), ByteBuffer(bytes: [0, 0x7F, 0xFF, 0xFF, 0xFF]), Frames.exit(0),
                ])
            case Self.connect: return Self.isOver
            default: return Vendor.usual(request)
            }
        } _: { server in
            let transcript = await Transcript(try await Vendor.link(server).start(Command(["true"])))
            #expect(transcript.output == "x" && transcript.status == nil && transcript.failure?.code == .interrupted)
        }
    }

    static let refusals: [(ConnectCode, String, ProviderError.Code)] = [
        (.invalidArgument, "cwd '/x' does not exist", .invalid), (.unauthenticated, "user: unknown user nobody", .invalid),
        (.resourceExhausted, "too many", .rateLimited), (.permissionDenied, "no", .forbidden), (.unimplemented, "no", .unsupported),
        (.unavailable, "no", .unavailable), (.internal, "no", .unavailable), (.canceled, "no", .interrupted),
        (.deadlineExceeded, "no", .timedOut),
    ]

    @Test("that begins with an error, as a frame or as an answer, says what it means", arguments: refusals, [true, false])
    func refused(_ row: (ConnectCode, String, ProviderError.Code), asFrame: Bool) async throws {
        try await FaultServer.run { request in
            guard request.path == Self.start, request.mark != nil else { return Vendor.usual(request) }
            if asFrame { return FaultStep.stream([Frames.failure(row.0, row.1)]) }
            return FaultStep.answer(row.0.httpStatus, #"{"code":"\#(row.0.rawValue)","message":"\#(row.1)"}"#)
        } _: { server in
            let error = await failure { try await Vendor.link(server).start(Command(["true"])) }
            #expect(error?.code == row.2)
            #expect(error?.missingProgram == nil)
        }
    }

    @Test("tells what the launcher found", arguments: ["?", "!"])
    func verdicts(verdict: String) async throws {
        try await FaultServer.run { request in
            guard request.path == Self.start, let mark = request.mark else { return Vendor.usual(request) }
            // In two pieces, as a pipe may have it.
            return FaultStep.stream([
                Frames.start(), Frames.stdout(String(mark.prefix(4))), Frames.stdout(String(mark.dropFirst(4)) + verdict), Frames.exit(127),
                Frames.end,
            ])
        } _: { server in
            let error = await failure { try await Vendor.link(server).start(Command(["my-tool"])) }
            #expect(error?.code == .invalid && error?.missingProgram == (verdict == "?" ? "my-tool" : nil))
        }
    }

    @Test("output that does not begin with the launcher's word is the program's own")
    func noVerdict() async throws {
        try await FaultServer.run { request in
            guard request.path == Self.start, request.mark != nil else { return Vendor.usual(request) }
            return FaultStep.stream([Frames.start(), Frames.stdout("own words"), Frames.killed("terminated"), Frames.end])
        } _: { server in
            let transcript = await Transcript(try await Vendor.link(server).start(Command(["true"])))
            #expect(transcript.output == "own words" && transcript.status == .signal(.terminate))
        }
    }

    @Test("input of a process that has ended goes nowhere, that of one in a sandbox that fails is told")
    func input() async throws {
        let answers = Locked([
            FaultStep.answer(200, "{}"), FaultStep.answer(404, #"{"code":"not_found","message":"no process"}"#),
            FaultStep.answer(500, #"{"code":"internal","message":"error writing to stdin: write |1: broken pipe"}"#),
            FaultStep.answer(500, #"{"code":"internal","message":"out of files"}"#), FaultStep.answer(200, "[", type: "application/json"),
        ])
        try await FaultServer.run { request in
            switch request.path {
            case Self.start:
                guard let mark = request.mark else { return Vendor.usual(request) }
                return [
                    FaultStep.streamHead(), .bytes(FaultStep.chunk(Frames.joined([Frames.start(), Frames.stdout(mark + "+")]))), .hang,
                ]
            case "/process.Process/SendInput": return answers.withLock { $0.removeFirst() }
            default: return Vendor.usual(request)
            }
        } _: { server in
            let process = try await Vendor.link(server).start(Command(["cat"]))
            for _ in 0..<3 { try await process.write(ByteBuffer(string: "x")) }
            for _ in 0..<2 { #expect(await failure { try await process.write(ByteBuffer(string: "x")) }?.code == .unavailable) }
            let request = try #require(server.requests("POST", "/process.Process/SendInput").first)
            #expect(request.json == ["process": ["pid": 42], "input": ["stdin": "eA=="]])
            #expect(request.headers["content-type"] == "application/json" && request.headers["connect-protocol-version"] == "1")
        }
    }

    @Test("a kill by the kernel for lack of memory is told as that, one by hand is not", arguments: [(0, false), (1, true)])
    func outOfMemory(kills: Int, isOutOfMemory: Bool) async throws {
        try await FaultServer.run { request in
            guard request.path == Self.start else { return Vendor.usual(request) }
            if let mark = request.mark {
                return FaultStep.stream([Frames.start(), Frames.stdout(mark + "+"), Frames.killed("killed"), Frames.end])
            }
            return FaultStep.stream([Frames.start(), Frames.stdout("kills \(kills)\ntotal 490000\n"), Frames.exit(0), Frames.end])
        } _: { server in
            let link = try Vendor.link(server)
            link.memoryKills = 0
            let transcript = await Transcript(try await link.start(Command(["true"])))
            #expect(transcript.failure?.outOfMemory == (isOutOfMemory ? true : nil))
            #expect(transcript.status == (isOutOfMemory ? nil : .signal(.kill)))
        }
    }

    @Test("connections are used again, and none is left when all is let go of")
    func connections() async throws {
        try await FaultServer.run {
            Vendor.usual($0)
        } _: { server in
            do {
                let link = try Vendor.link(server)
                for _ in 0..<20 { #expect(await Transcript(try await link.start(Command(["true"]))).status == .code(0)) }
                #expect(server.open.withLock(\.self) <= 2, "one after the other on one connection")
                // Streams that nobody reads to their end.
                for _ in 0..<5 { _ = try await link.start(Command(["true"])) }
                #expect(await eventually { link.aftercare.count == 0 })
            }
            #expect(await eventually { server.open.withLock(\.self) == 0 })
        }
    }

    @Test("whoever does not read holds up the other side")
    func backPressure() async throws {
        let sent = Locked(0)
        try await FaultServer.run { request in
            guard request.path == Self.start, let mark = request.mark else { return Vendor.usual(request) }
            _ = sent
            let piece = FaultStep.bytes(FaultStep.chunk(Frames.stdout(String(repeating: "x", count: 65_536))))
            return [FaultStep.streamHead(), .bytes(FaultStep.chunk(Frames.joined([Frames.start(), Frames.stdout(mark + "+")])))]
                + Array(repeating: piece, count: 800) + [
                    .bytes(FaultStep.chunk(Frames.joined([Frames.exit(0), Frames.end]))), FaultStep.lastChunk,
                ]
        } _: { server in
            let process = try await Vendor.link(server).start(Command(["yes"]))
            var count = 0
            var iterator = process.events.makeAsyncIterator()
            while let event = try await iterator.next(isolation: nil) {
                if case .stdout(let bytes) = event { count += bytes.readableBytes }
            }
            #expect(count == 800 * 65_536)
        }
    }
}
