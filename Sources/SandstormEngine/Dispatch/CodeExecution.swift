import NIOCore
import SandstormCore

/// Carries out a spec's code or command inside one sandbox.
final class CodeExecution: Sendable {
    /// What the code's streams are handed to.
    typealias Output = @Sendable (_ stream: Stream, _ bytes: ByteBuffer) async -> Void

    enum Stream: Sendable { case stdout, stderr }

    private let spec: SandboxSpec
    private let sandbox: any Sandbox
    private let output: Output
    private let waits: WaitClock
    private let current = Locked<(any SandboxProcess)?>(nil)
    private let started = Locked(false)
    private let plans: [RunPlan]
    private let onFirstStart: Locked<(@Sendable () -> Void)?>

    /// - Parameter onFirstStart: called once, when the first process of all has been started.
    init(
        _ spec: SandboxSpec, in sandbox: any Sandbox, waits: WaitClock, onFirstStart: @escaping @Sendable () -> Void,
        output: @escaping Output
    ) {
        self.waits = waits
        self.onFirstStart = Locked(onFirstStart)
        plans =
            spec.code.flatMap { code in
                spec.language?.runtime.plans(
                    code: code, requirements: spec.requirements, arguments: spec.arguments, files: spec.files.map(\.path),
                    memory: spec.memory)
            } ?? []
        self.spec = spec
        self.sandbox = sandbox
        self.output = output
    }

    /// The user's own code has been started: from now on running it elsewhere would be running it twice.
    var hasStarted: Bool { started.withLock { $0 } }

    /// Kills the process under way, so that its output so far still arrives.
    func kill() async {
        guard let process = current.withLock({ $0 }) else { return }
        try? await process.signal(.kill)
    }

    /// Writes what the code begins with, its caller's files and its own. Nothing runs yet.
    func prepare() async throws(ProviderError) {
        for file in spec.files { try await write(file) }
        for file in plans.first?.files ?? [] { try await write(file) }
    }

    /// Finds out whether the sandbox answers; one into which files were written has shown that.
    func reach() async throws(ProviderError) {
        guard spec.files.isEmpty, plans.first?.files.isEmpty ?? true else { return }
        try await waits.during { () async throws(ProviderError) in _ = try await sandbox.files.info("/", followingLinks: true) }
    }

    /// Runs everything in order, after ``prepare()``.
    ///
    /// - Returns: how the code ended, or how an earlier step failed.
    /// - Throws: ``ProviderError``; `unsupported` if no toolchain for the language is there.
    func run() async throws(ProviderError) -> ExitStatus {
        guard spec.code != nil, let language = spec.language else {
            return try await perform(RunPlan.Step(.run, (spec.command ?? []) + spec.arguments))
        }
        for (index, plan) in plans.enumerated() {
            if index > 0 { for file in plan.files { try await write(file) } }
            if let status = try await carryOut(plan) { return status }
        }
        throw .unsupported("language \(language.rawValue): no toolchain in this image")
    }

    /// Carries out one plan, whose files are there; `nil` if its toolchain is not.
    private func carryOut(_ plan: RunPlan) async throws(ProviderError) -> ExitStatus? {
        for (index, step) in plan.steps.enumerated() {
            let status: ExitStatus
            do throws(ProviderError) {
                status = try await perform(step)
            } catch {
                guard error.missingProgram != nil else { throw error }
                return nil
            }
            if let code = step.unusableExitCode, status.outcome == .code(code) { return nil }
            if index == plan.steps.count - 1 || status.outcome != .code(0) { return status }
        }
        return ExitStatus(.code(0))
    }

    private func write(_ file: SpecFile) async throws(ProviderError) {
        try await waits.during { () async throws(ProviderError) in
            try await sandbox.files.write(WorkspacePath.absolute(file.path), ByteBuffer(bytes: file.content), mode: file.mode)
        }
    }

    private func perform(_ step: RunPlan.Step) async throws(ProviderError) -> ExitStatus {
        let command = Command(step.arguments, environment: step.environment.merging(spec.environment) { _, own in own })
        let process = try await waits.during { () async throws(ProviderError) in try await sandbox.start(command) }
        if step.purpose == .run { started.withLock { $0 = true } }
        onFirstStart.withLock { tell in
            defer { tell = nil }
            return tell
        }?()
        current.withLock { $0 = process }
        defer { current.withLock { $0 = nil } }
        let input = step.purpose == .run ? spec.stdin : []
        // Fed at the same time as the output is read: a program may fill its output before it reads all its input.
        // Leaving this scope cancels what was not read.
        async let _ = feed(input, to: process)
        var events = process.events.makeAsyncIterator()
        while true {
            let next = try await waits.during { () async throws(ProviderError) in try await events.next(isolation: nil) }
            guard let event = next else { break }
            switch event {
            case .started: break
            // Only the program itself may write to the run's standard output.
            case .stdout(let bytes): await output(step.purpose == .run ? .stdout : .stderr, bytes)
            case .stderr(let bytes): await output(.stderr, bytes)
            case .exited(let status): return status
            }
        }
        throw ProviderError(.interrupted, "the process' events ended without its exit", afterStart: hasStarted)
    }

    /// Errors are no news here: a program that does not read its input is free to do so, and a lost sandbox shows in its events.
    private func feed(_ input: [UInt8], to process: any SandboxProcess) async {
        var rest = input[...]
        do {
            while !rest.isEmpty {
                try await process.write(ByteBuffer(bytes: rest.prefix(64 * 1024)))
                rest = rest.dropFirst(64 * 1024)
            }
            try await process.closeInput()
        } catch {}
    }
}
