import NIOCore
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@Suite("Processes in living sandboxes") struct ProcessTests {
    /// A gateway with one sandbox in it.
    private func place(
        _ script: [ScriptedProvider.Step], _ configuration: EngineConfiguration = TestGateway.quick, environment: [String: String] = [:]
    ) async throws -> (gateway: TestGateway, provider: ScriptedProvider, id: SandboxID) {
        let provider = ScriptedProvider(script: script)
        let gateway = try await TestGateway([provider], configuration: configuration)
        var request = SandboxRequest()
        request.spec.environment = environment
        return (gateway, provider, try await gateway.engine.createSandbox(request, by: .local).sandbox.id)
    }

    @Test func `everything that a process does is told in order, and remembered after its end`() async throws {
        let (gateway, _, id) = try await place([.output("out"), .errorOutput("err"), .exit(3)])
        let handle = try await gateway.engine.startProcess(ProcessRequest(Command(["make", "all"])), in: id, for: .local)
        let events = try await handle.events.all()
        #expect(events.map(\.name) == ["started", "stdout", "stderr", "exited"])
        #expect(events.map(\.sequence) == [1, 2, 3, 4])
        #expect(events.first?.body == .started(handle.info))
        #expect(events.last?.body == .exited(ExitStatus(.code(3))))
        let info = try await gateway.engine.process(handle.info.id, in: id, for: .local)
        #expect(info.exit == ExitStatus(.code(3)) && info.failure == nil && info.arguments == ["make", "all"])
        #expect(try await gateway.engine.processes(in: id, for: .local) == [info])
        let late = try await gateway.engine.processEvents(info.id, in: id, after: 2, following: true, for: .local).all()
        #expect(late == Array(events.dropFirst(2)))
        let none = await #expect(throws: EngineError.self) { try await gateway.engine.process(.generate(), in: id, for: .local) }
        #expect(none?.kind == .notFound)
        await gateway.stop()
    }

    @Test func `a command's environment is the sandbox's with its own on top`() async throws {
        let (gateway, provider, id) = try await place([.exit(0)], environment: ["A": "sandbox", "B": "sandbox"])
        let command = Command(["env"], environment: ["B": "own", "C": "own"])
        _ = try await gateway.engine.startProcess(ProcessRequest(command), in: id, for: .local).events.all()
        #expect(provider.commands.last?.environment == ["A": "sandbox", "B": "own", "C": "own"])
        await gateway.stop()
    }

    @Test func `input comes from the request and then from callers, in that order`() async throws {
        let (gateway, _, id) = try await place([.echoInput, .exit(0)])
        let first = [UInt8](repeating: 65, count: 200_000)
        let handle = try await gateway.engine.startProcess(ProcessRequest(Command(["cat"]), stdin: first), in: id, for: .local)
        try await gateway.engine.write(ByteBuffer(string: "bcd"), to: handle.info.id, in: id, for: .local)
        try await gateway.engine.closeInput(of: handle.info.id, in: id, for: .local)
        #expect(try await handle.events.all().output == first + Array("bcd".utf8))
        // What comes too late is dropped.
        try await gateway.engine.write(ByteBuffer(string: "e"), to: handle.info.id, in: id, for: .local)
        try await gateway.engine.closeInput(of: handle.info.id, in: id, for: .local)
        try await gateway.engine.signal(.terminate, to: .group, of: handle.info.id, in: id, for: .local)
        await gateway.stop()
    }

    @Test func `input that is closed with the request ends by itself`() async throws {
        let (gateway, _, id) = try await place([.echoInput, .exit(0)])
        let request = ProcessRequest(Command(["cat"]), stdin: Array("abc".utf8), closesInput: true)
        #expect(try await gateway.engine.startProcess(request, in: id, for: .local).events.all().output == Array("abc".utf8))
        await gateway.stop()
    }

    @Test func `a terminal is resized, pipes are not`() async throws {
        let (gateway, _, id) = try await place([.reportSize, .exit(0)])
        let command = Command(["sh"], terminal: TerminalSize(columns: 80, rows: 24))
        let handle = try await gateway.engine.startProcess(ProcessRequest(command), in: id, for: .local)
        #expect(handle.info.hasTerminal)
        var iterator = handle.events.makeAsyncIterator()
        var text = ""
        while !text.hasSuffix("24x80\n"), let event = try await iterator.next() { text += event.text }
        try await gateway.engine.resize(TerminalSize(columns: 132, rows: 50), of: handle.info.id, in: id, for: .local)
        while !text.hasSuffix("50x132\n"), let event = try await iterator.next() { text += event.text }
        #expect(text == "24x80\n50x132\n")
        let pipes = try await gateway.engine.startProcess(ProcessRequest(Command(["sh"])), in: id, for: .local)
        let error = await #expect(throws: EngineError.self) {
            try await gateway.engine.resize(TerminalSize(columns: 1, rows: 1), of: pipes.info.id, in: id, for: .local)
        }
        #expect(error?.kind == .conflict)
        await gateway.stop()
    }

    @Test func `output is never cut inside a character`() async throws {
        let bytes = Array("a😀é".utf8)
        let (gateway, _, id) = try await place(bytes.map { .bytes([$0]) } + [.exit(0)])
        let events = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local).events.all()
        #expect(events.output == bytes)
        #expect(events.allSatisfy { !$0.text.contains("\u{FFFD}") })
        await gateway.stop()
    }

    // MARK: Finding them

    @Test func `a process is found by its pid and by its label, one that runs first`() async throws {
        let (gateway, _, id) = try await place([.sleep(.seconds(3600))])
        var request = ProcessRequest(Command(["a"], environment: ["A": "1"], workingDirectory: "/srv"), detached: true)
        request.label = "web"
        let engine = gateway.engine
        let first = try await engine.startProcess(request, in: id, for: .local).info
        #expect(first.environment == ["A": "1"] && first.workingDirectory == "/srv" && first.label == "web" && first.endedAt == nil)
        #expect(!first.json.encoded.contains("srv") && !first.json.encoded.contains("\"A\""))
        #expect(try await engine.process(.pid(first.pid), in: id, for: .local).id == first.id)
        let second = try await engine.startProcess(request, in: id, for: .local).info
        #expect(try await engine.process(.label("web"), in: id, for: .local).id == second.id)
        try await engine.signal(.kill, to: .process, of: second.id, in: id, for: .local)
        #expect(try await eventually { try await engine.process(second.id, in: id, for: .local).endedAt != nil })
        #expect(try await engine.process(.label("web"), in: id, for: .local).id == first.id)
        try await engine.signal(.kill, to: .process, of: first.id, in: id, for: .local)
        #expect(try await eventually { try await engine.process(first.id, in: id, for: .local).endedAt != nil })
        // Of those that have ended the one that was started last.
        #expect(try await engine.process(.label("web"), in: id, for: .local).id == second.id)
        for selector in [ProcessSelector.pid(999_999), .label("other")] {
            let error = await #expect(throws: EngineError.self) { try await engine.process(selector, in: id, for: .local) }
            #expect(error?.kind == .notFound)
        }
        await gateway.stop()
    }

    @Test func `who asks for what is to come gets nothing that was, and of a process that has ended its end`() async throws {
        let (gateway, _, id) = try await place([.output("before"), .cat, .output("after"), .exit(4)])
        let handle = try await gateway.engine.startProcess(ProcessRequest(Command(["a"]), detached: true), in: id, for: .local)
        var iterator = handle.events.makeAsyncIterator()
        while let event = try await iterator.next(), event.text != "before" {}
        let news = try await gateway.engine.newProcessEvents(handle.info.id, in: id, for: .local)
        try await gateway.engine.closeInput(of: handle.info.id, in: id, for: .local)
        let events = try await news.all()
        #expect(events.map(\.name) == ["stdout", "exited"])
        #expect(events.first?.text == "after")
        let late = try await gateway.engine.newProcessEvents(handle.info.id, in: id, for: .local).all()
        #expect(late.map(\.body) == [.exited(ExitStatus(.code(4)))])
        await gateway.stop()
    }

    @Test func `a timeout may be shorter than a second`() async throws {
        let (gateway, _, id) = try await place([.sleep(.seconds(3600))])
        let begin = ContinuousClock.now
        let request = ProcessRequest(Command(["a"]), timeout: .milliseconds(50), detached: true)
        let events = try await gateway.engine.startProcess(request, in: id, for: .local).events.all()
        guard case .failed(let failure)? = events.last?.body else {
            Issue.record("it was not killed")
            return
        }
        #expect(failure.kind == .timeout)
        #expect(begin.duration(to: .now) < .seconds(4))
        await gateway.stop()
    }

    // MARK: Followers

    @Test func `a follower that does not read holds its process up, and no other`() async throws {
        var configuration = TestGateway.quick
        configuration.windowLimit = 64 * 1024
        let chunk = String(repeating: "x", count: 16 * 1024)
        let (gateway, provider, id) = try await place(Array(repeating: .output(chunk), count: 64) + [.exit(0)], configuration)
        let stalled = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local)
        #expect(await eventually { provider.stepsPlayed >= 3 })
        #expect(await !eventually(within: .milliseconds(300)) { provider.stepsPlayed > 8 })
        let other = try await gateway.engine.startProcess(ProcessRequest(Command(["b"])), in: id, for: .local)
        #expect(try await other.events.all().output.count == 64 * 16 * 1024)
        #expect(try await gateway.engine.process(stalled.info.id, in: id, for: .local).exit == nil)
        let events = try await stalled.events.all()
        #expect(events.output.count == 64 * 16 * 1024)
        #expect(events.map(\.sequence) == Array(1...66))
        await gateway.stop()
    }

    @Test func `a detached process that nobody follows never waits, and who comes late is told what is gone`() async throws {
        var configuration = TestGateway.quick
        configuration.windowLimit = 64 * 1024
        let chunk = String(repeating: "x", count: 16 * 1024)
        let (gateway, _, id) = try await place(Array(repeating: .output(chunk), count: 64) + [.exit(0)], configuration)
        let request = ProcessRequest(Command(["a"]), detached: true)
        let process = try await gateway.engine.startProcess(request, in: id, for: .local).info.id
        #expect(try await eventually { try await gateway.engine.process(process, in: id, for: .local).exit != nil })
        let events = try await gateway.engine.processEvents(process, in: id, after: 0, following: true, for: .local).all()
        #expect(events.map(\.name).prefix(3) == ["started", "dropped", "stdout"])
        #expect(events.last?.name == "exited")
        guard case .dropped(let bytes) = events[1].body else {
            Issue.record("nothing was dropped")
            return
        }
        #expect(bytes > 0 && bytes + events.output.count == 64 * 16 * 1024)
        #expect(events.map(\.sequence) == events.map(\.sequence).sorted())
        // A reader that was cut off in between goes on without a gap.
        let rest = try await gateway.engine.processEvents(process, in: id, after: events[1].sequence, following: true, for: .local).all()
        #expect(rest == Array(events.dropFirst(2)))
        await gateway.stop()
    }

    @Test func `a process that nobody follows any more is hung up on, and killed if that is nothing to it`() async throws {
        let (gateway, provider, id) = try await place([.sleep(.seconds(3600))])
        provider.behave { $0.ignoredSignals = [.hangUp] }
        let process = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local).info.id
        #expect(try await eventually { try await gateway.engine.process(process, in: id, for: .local).failure != nil })
        #expect(provider.signals == [.hangUp, .kill])
        let info = try await gateway.engine.process(process, in: id, for: .local)
        #expect(info.failure?.kind == .cancelled && info.exit == ExitStatus(.signal(.kill)))
        #expect(try await gateway.engine.sandbox(id, for: .local).state == .running)
        await gateway.stop()
    }

    @Test func `a follower that comes back in time finds its process`() async throws {
        var configuration = TestGateway.quick
        configuration.reconnectTime = .seconds(60)
        let (gateway, provider, id) = try await place([.output("a"), .cat, .exit(0)], configuration)
        let process = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local).info.id
        let events = try await gateway.engine.processEvents(process, in: id, after: 1, following: true, for: .local)
        try await gateway.engine.write(ByteBuffer(string: "b"), to: process, in: id, for: .local)
        try await gateway.engine.closeInput(of: process, in: id, for: .local)
        #expect(try await events.all().output == Array("ab".utf8))
        #expect(provider.signals.isEmpty)
        await gateway.stop()
    }

    @Test func `looking without following ends at what there is`() async throws {
        let (gateway, _, id) = try await place([.output("a"), .cat, .exit(0)])
        let request = ProcessRequest(Command(["a"]), detached: true)
        let process = try await gateway.engine.startProcess(request, in: id, for: .local).info.id
        let engine = gateway.engine
        #expect(
            try await eventually {
                try await engine.processEvents(process, in: id, after: 0, following: false, for: .local).all().map(\.name)
                    == ["started", "stdout"]
            })
        await gateway.stop()
    }

    // MARK: Ends

    @Test func `a process that takes too long is killed`() async throws {
        let (gateway, provider, id) = try await place([.output("a"), .sleep(.seconds(3600))])
        let request = ProcessRequest(Command(["a"]), timeout: .milliseconds(50))
        let events = try await gateway.engine.startProcess(request, in: id, for: .local).events.all()
        #expect(events.map(\.name) == ["started", "stdout", "failed"])
        guard case .failed(let failure)? = events.last?.body else { return }
        #expect(failure.kind == .timeout)
        #expect(provider.signals == [.kill])
        await gateway.stop()
    }

    @Test func `a timeout does not wait for a follower that does not read`() async throws {
        var configuration = TestGateway.quick
        configuration.windowLimit = 32 * 1024
        let chunk = String(repeating: "x", count: 16 * 1024)
        let (gateway, _, id) = try await place(Array(repeating: .output(chunk), count: 8) + [.sleep(.seconds(3600))], configuration)
        let request = ProcessRequest(Command(["a"]), timeout: .milliseconds(50))
        let handle = try await gateway.engine.startProcess(request, in: id, for: .local)
        let process = handle.info.id
        #expect(try await eventually { try await gateway.engine.process(process, in: id, for: .local).failure?.kind == .timeout })
        #expect(try await handle.events.all().last?.name == "failed")
        await gateway.stop()
    }

    @Test func `out of memory is told as such, and the sandbox lives on`() async throws {
        let (gateway, _, id) = try await place([.runOutOfMemory])
        let events = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local).events.all()
        guard case .failed(let failure)? = events.last?.body else {
            Issue.record("the process did not fail")
            return
        }
        #expect(failure.kind == .outOfMemory)
        #expect(try await gateway.engine.sandbox(id, for: .local).state == .running)
        await gateway.stop()
    }

    @Test func `a missing program is the caller's mistake`() async throws {
        let (gateway, provider, id) = try await place([.exit(0)])
        provider.behave { $0.missingPrograms = ["nope"] }
        let error = await #expect(throws: EngineError.self) {
            try await gateway.engine.startProcess(ProcessRequest(Command(["nope"])), in: id, for: .local)
        }
        #expect(error?.kind == .invalidRequest)
        #expect(try await gateway.engine.processes(in: id, for: .local).isEmpty)
        await gateway.stop()
    }

    @Test func `processes end with their sandbox and say why`() async throws {
        let (gateway, _, id) = try await place([.output("a"), .sleep(.seconds(3600))])
        let handle = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local)
        var iterator = handle.events.makeAsyncIterator()
        _ = try await iterator.next()
        _ = try await iterator.next()
        _ = try await gateway.engine.kill(id, for: .local)
        guard case .failed(let failure)? = try await iterator.next()?.body else {
            Issue.record("the process did not fail")
            return
        }
        #expect(failure == RunFailure(.cancelled, "the sandbox was killed"))
        #expect(try await iterator.next() == nil)
        await gateway.stop()
    }

    @Test func `the last hundred that ended are remembered`() async throws {
        let (gateway, provider, id) = try await place([.exit(0)])
        provider.behave { $0.scripts["stay"] = [.sleep(.seconds(3600))] }
        let request = ProcessRequest(Command(["stay"]), detached: true)
        let living = try await gateway.engine.startProcess(request, in: id, for: .local).info.id
        var ids: [ProcessID] = []
        for _ in 0..<103 {
            let handle = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local)
            _ = try await handle.events.all()
            ids.append(handle.info.id)
        }
        let expected = Set(ids.suffix(100) + [living])
        #expect(try await eventually { try await Set(gateway.engine.processes(in: id, for: .local).map(\.id)) == expected })
        await gateway.stop()
    }
}

extension SandboxProcessEvents {
    /// Every event until the last.
    func all() async throws -> [SandboxProcessEvent] {
        var events: [SandboxProcessEvent] = []
        for try await event in self { events.append(event) }
        return events
    }
}

extension SandboxProcessEvent {
    /// What it carries, as text.
    var text: String {
        switch body {
        case .stdout(let bytes), .stderr(let bytes): String(decoding: bytes, as: UTF8.self)
        default: ""
        }
    }
}

extension [SandboxProcessEvent] {
    /// What went to standard output.
    var output: [UInt8] {
        flatMap { event -> [UInt8] in
            guard case .stdout(let bytes) = event.body else { return [] }
            return bytes
        }
    }
}
