import Crypto
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes a template: starts a sandbox from what it is made of, takes the steps in it, and keeps a snapshot.
struct TemplateBuilder: Sendable {
    /// What begins the names of the snapshots that are parts of templates.
    static let snapshotPrefix = "template-build/"
    /// How long a build may take altogether.
    private static let limit = Duration.seconds(3600)
    /// What a step is called that is no step of the client's.
    private static let baseStep = "base"
    private static let finalStep = "finalize"
    /// Images of the vendor's that stand for no image at all.
    private static let ownImages: Set<String> = ["e2bdev/base", "e2bdev/base:latest"]

    let engine: Engine
    let maker: SandboxMaker
    let shelf: UploadShelf?
    let build: TemplateBuildRecord
    let plan: BuildPlan
    let principal: Principal

    /// Why a build failed.
    struct Failure: Error {
        var message: String
        var step: String?
    }

    private var start: SandboxStart { maker.settling }

    /// Makes the template.
    ///
    /// - Returns: the build as it ended.
    func carryOut() async -> TemplateBuildRecord {
        var build = build
        do {
            try await make(&build)
            build.state = .ready
        } catch {
            let failure = TemplateBuilder.failure(error)
            build.state = .failed
            build.failure = failure.message
            build.failedStep = failure.step
            await log("Build failed: \(failure.message)", level: "error", step: failure.step)
        }
        build.finishedAt = Date()
        build.updatedAt = Date()
        return build
    }

    private static func failure(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure: failure
        case let error as E2BError: Failure(message: error.message)
        case let error as EngineError: Failure(message: error.message)
        case is CancellationError: Failure(message: "the gateway is stopping")
        default: Failure(message: "something broke inside the gateway")
        }
    }

    private func make(_ build: inout TemplateBuildRecord) async throws {
        var base = try await foundation()
        base.cpu = build.cpu
        base.memory = build.memory
        base.disk = build.disk
        var note = E2BNote()
        note.template = PlainID.text(build.template)
        note.environment = base.environment
        note.defaultUser = base.user
        note.workingDirectory = base.workingDirectory
        let digest = digest(base)
        var document = BuildDocument()
        document.image = base.image
        document.digest = digest
        if let earlier = try await alike(digest) {
            await log("CACHED: made of the same as build \(BuildIDText.text(earlier.id))")
            document = BuildDocument(earlier.document)
            build.snapshot = earlier.snapshot
        } else if plan.steps.isEmpty, plan.startCommand == nil, plan.readyCommand == nil {
            // Nothing is done: what it is made of is what it is.
            document.environment = base.environment
            document.user = base.user
            document.workingDirectory = base.workingDirectory
            document.startCommand = base.startCommand
            document.readyCommand = base.readyCommand
            build.snapshot = base.snapshot
        } else {
            build.snapshot = try await work(base, &note)
            document.ownsSnapshot = true
            document.environment = note.environment
            document.user = note.defaultUser
            document.workingDirectory = note.workingDirectory
            document.startCommand = plan.startCommand ?? base.startCommand
            document.readyCommand = plan.readyCommand ?? base.readyCommand
        }
        build.document = document.json
        await log("Build finished")
    }

    /// What the template is made of.
    private func foundation() async throws -> TemplateBase {
        do {
            if let template = plan.template { return try await maker.catalog.base(template, for: principal) }
        } catch {
            throw Failure(message: TemplateBuilder.failure(error).message, step: TemplateBuilder.baseStep)
        }
        var base = maker.catalog.base("base", maker.catalog.configured["base"] ?? E2BTemplateSettings())
        if let image = plan.image, !TemplateBuilder.ownImages.contains(image) {
            base.image = image
            base.startCommand = nil
            base.readyCommand = nil
        }
        return base
    }

    /// A name for all that the template is made of.
    private func digest(_ base: TemplateBase) -> String {
        let parts: JSONValue = [
            "image": .string(base.image ?? ""), "snapshot": .string(base.snapshot?.rawValue ?? ""), "template": .string(base.id),
            "plan": plan.identity,
        ]
        return SHA256.hash(data: parts.encodedBytes).map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
    }

    /// An earlier build of the template that was made of the same.
    private func alike(_ digest: String) async throws -> TemplateBuildRecord? {
        guard !plan.isForced else { return nil }
        let builds = try await maker.catalog.asked { () async throws(StoreError) in
            try await engine.templates.builds(of: build.template, before: nil, limit: 50)
        }
        for earlier in builds where earlier.state == .ready && BuildDocument(earlier.document).digest == digest {
            guard let snapshot = earlier.snapshot else { return earlier }
            // Somebody may have removed it.
            if (try? await engine.snapshot(snapshot, for: principal)) != nil { return earlier }
        }
        return nil
    }

    // MARK: In a sandbox

    private func work(_ base: TemplateBase, _ note: inout E2BNote) async throws -> SnapshotID {
        var request = SandboxRequest()
        request.spec = try await maker.spec(base, nil, for: principal)
        request.spec.timeout = TemplateBuilder.limit
        request.snapshot = base.snapshot
        request.attributes = [SandboxMaker.hiddenAttribute: "template build"]
        await log("Starting a sandbox to build in", step: TemplateBuilder.baseStep)
        let sandbox: SandboxInfo
        do {
            sandbox = try await maker.create(request, for: principal).sandbox
        } catch {
            throw Failure(message: TemplateBuilder.failure(error).message, step: TemplateBuilder.baseStep)
        }
        do {
            let snapshot = try await work(in: sandbox, base, &note)
            await start.abandon(sandbox.id, for: principal)
            return snapshot
        } catch {
            await start.abandon(sandbox.id, for: principal)
            throw error
        }
    }

    private func work(in sandbox: SandboxInfo, _ base: TemplateBase, _ note: inout E2BNote) async throws -> SnapshotID {
        guard engine.capabilities(of: sandbox.provider)?.snapshot.contains(.filesystem) == true else {
            throw Failure(
                message: "\(sandbox.provider), where sandboxes of this kind are made, has no snapshots", step: TemplateBuilder.baseStep)
        }
        if base.user == "user", base.snapshot == nil { try await furnish(sandbox.id, note) }
        for (index, step) in plan.steps.enumerated() {
            let number = "\(index + 1)"
            await log("[\(number)/\(plan.steps.count)] \(step.title)", step: number)
            do {
                try await take(step, number, in: sandbox.id, &note)
            } catch {
                throw Failure(message: TemplateBuilder.failure(error).message, step: number)
            }
        }
        do {
            if plan.startCommand != nil || plan.readyCommand != nil {
                await log("Checking that it starts", step: TemplateBuilder.finalStep)
                var trial = note
                trial.startCommand = plan.startCommand ?? base.startCommand
                trial.readyCommand = plan.readyCommand ?? base.readyCommand
                try await start.start(sandbox.id, trial, for: principal)
                // Sandboxes start it anew: what it left of itself is not to be in their way.
                var killer = note
                killer.workingDirectory = "/"
                if sandbox.spec.rootAccess { killer.defaultUser = SandboxSpec.root }
                _ = try await start.run("kill -KILL -1", killer, within: .seconds(10), in: sandbox.id, for: principal)
            }
            await log("Keeping a snapshot", step: TemplateBuilder.finalStep)
            let name = TemplateBuilder.snapshotPrefix + BuildIDText.text(build.id)
            return try await engine.snapshot(sandbox.id, kind: .filesystem, name: name, for: principal).id
        } catch {
            throw Failure(message: TemplateBuilder.failure(error).message, step: TemplateBuilder.finalStep)
        }
    }

    /// Sees to it that the home directory is there in which steps begin.
    private func furnish(_ id: SandboxID, _ note: E2BNote) async throws {
        var bare = note
        bare.workingDirectory = "/"
        _ = try await start.run("mkdir -p /home/user", bare, within: .seconds(30), in: id, for: principal)
    }

    private func take(_ step: BuildPlan.Step, _ number: String, in id: SandboxID, _ note: inout E2BNote) async throws {
        switch step {
        case .environment(let values): note.environment.merge(values) { _, new in new }
        case .user(let name): note.defaultUser = name
        case .workingDirectory(let path):
            let absolute = TemplateBuilder.path(path, from: note)
            var root = note
            root.defaultUser = SandboxSpec.root
            root.workingDirectory = "/"
            let quoted = TemplateBuilder.quoted(absolute)
            try await run(
                "[ -d \(quoted) ] || { mkdir -p \(quoted) && chown \(TemplateBuilder.quoted(note.defaultUser)) \(quoted); }", root, number,
                in: id)
            note.workingDirectory = absolute
        case .run(let line, let user):
            var who = note
            if let user { who.defaultUser = user }
            // A user of one step has the directory of all.
            who.workingDirectory = note.workingDirectory ?? TemplateBuilder.home(of: note.defaultUser)
            try await run(line, who, number, in: id)
        case .copy(let source, let destination, let user, let mode, let files):
            try await copy(
                source, TemplateBuilder.path(destination, from: note), user ?? note.defaultUser, mode, files, number, note, in: id)
        }
    }

    private func run(_ line: String, _ note: E2BNote, _ number: String, in id: SandboxID) async throws {
        let (outcome, tail) = try await start.run(line, note, within: TemplateBuilder.limit, in: id, for: principal) { bytes, isError in
            let text = String(decoding: bytes, as: UTF8.self)
            let lines = text.split(whereSeparator: \.isNewline).map { line in
                TemplateBuildLine(time: Date(), level: isError ? "warn" : "info", step: number, message: String(line))
            }
            await log(lines)
        }
        switch outcome {
        case .code(0): return
        case .code(let code): throw Failure(message: "failed to run command '\(line)': exit status \(code)", step: number)
        case .signal(let signal): throw Failure(message: "failed to run command '\(line)': killed by signal \(signal)", step: number)
        case nil: throw Failure(message: "failed to run command '\(line)': \(tail.suffix(512))", step: number)
        }
    }

    // MARK: Files

    /// Unpacks what the client sent, and puts it where it belongs, as root.
    private func copy(
        _ source: String, _ destination: String, _ owner: String, _ mode: String?, _ name: String, _ number: String, _ note: E2BNote,
        in id: SandboxID
    ) async throws {
        guard let shelf, let bytes = await shelf.bytes(of: name, build.template) else {
            throw Failure(message: "the files of '\(source)' were not sent", step: number)
        }
        let root = SandboxSpec.root
        let place = "/tmp/.template-\(number)"
        let files = try await engine.files(of: id, as: root, for: principal)
        do throws(ProviderError) {
            _ = try await files.makeDirectory(place, mode: 0o700)
            try await files.write("\(place)/archive", from: bytes, mode: 0o600)
        } catch {
            throw EngineError(error)
        }
        var who = note
        who.defaultUser = root
        who.workingDirectory = place
        let group = owner.contains(":") ? owner : "\(owner):"
        let words = [
            "place=\(TemplateBuilder.quoted(place))", "source=\(TemplateBuilder.quoted(TemplateBuilder.relative(source)))",
            "destination=\(TemplateBuilder.quoted(destination))", "owner=\(TemplateBuilder.quoted(group))",
            "mode=\(TemplateBuilder.quoted(mode ?? ""))",
        ]
        try await run(words.joined(separator: "\n") + "\n" + TemplateBuilder.copyScript, who, number, in: id)
    }

    /// A directory's content goes into the destination; a file becomes the destination, or goes into it if that is a directory; of a pattern,
    /// everything that matches goes into it.
    private static let copyScript = """
        set -e
        mkdir "$place/files"
        tar -xf "$place/archive" -C "$place/files" --no-same-owner
        cd "$place/files"
        chown -R "$owner" .
        if [ -n "$mode" ]; then for each in *; do chmod -R "$mode" "$each"; done; fi
        if [ -z "$source" ] || [ -d "./$source" ]; then
            mkdir -p "$destination"
            cp -a "./$source/." "$destination/"
        elif [ -e "./$source" ] || [ -L "./$source" ]; then
            case "$destination" in
                */) mkdir -p "$destination" ;;
                *) mkdir -p "$(dirname "$destination")" ;;
            esac
            cp -a "./$source" "$destination"
        else
            mkdir -p "$destination"
            cp -a $source "$destination/"
        fi
        cd /
        rm -rf "$place"
        """

    /// The client's path below its own directory, without what means nothing.
    private static func relative(_ path: String) -> String {
        path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    static func home(of user: String) -> String { user == SandboxSpec.root ? "/root" : "/home/\(user)" }

    /// A path as the steps mean it.
    private static func path(_ path: String, from note: E2BNote) -> String {
        if path.hasPrefix("/") { return path }
        let home = home(of: note.defaultUser)
        if path == "~" { return home }
        if path.hasPrefix("~/") { return home + path.dropFirst() }
        let start = note.workingDirectory ?? home
        return path == "." ? start + "/" : "\(start)/\(path)"
    }

    /// A word for the shell.
    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

    // MARK: The log

    private func log(_ message: String, level: String = "info", step: String? = nil) async {
        await log([TemplateBuildLine(time: Date(), level: level, step: step, message: message)])
    }

    /// A log that can't be written does not end a build.
    private func log(_ lines: [TemplateBuildLine]) async {
        guard !lines.isEmpty else { return }
        _ = try? await maker.catalog.asked { () async throws(StoreError) in try await engine.templates.append(lines, to: build.id) }
    }
}
