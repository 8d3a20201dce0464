import NIOCore
import SandstormCore
import Testing

extension ConformanceCase {
    /// Starts a command that can't be started; some places say so only once they are asked for its events.
    private static func start(_ c: CaseContext, _ arguments: [String]) async throws -> Transcript {
        try await c.finished(try await c.sandbox().start(Command(arguments, workingDirectory: c.directory)))
    }

    private static func refusesSpec(_ c: CaseContext, _ what: String, _ change: (inout SandboxSpec) -> Void) async throws {
        let spec = c.spec(change)
        c.expect("offers for \(what)", c.provider.offers(for: spec).count, is: 0)
        c.expect(c.provider.refusal(of: spec)?.isEmpty == false, "no reason is given against \(what)")
        // An offer of another spec does not make it possible.
        let offer = try c.offer(for: c.spec())
        let error = await c.refusal("a create with \(what)", .unsupported) {
            try await c.creating { provider in c.keep(try await provider.create(spec, on: offer, tag: c.tag())).id }
        }
        c.expect("what is to be done about it", error?.disposition, is: .elsewhere)
        c.expect("whether a sandbox may be there all the same", error?.mayHaveTakenEffect, is: false)
    }

    static let errors: [ConformanceCase] = [
        ConformanceCase(.errors, "a missing program is the caller's mistake, and named") { c in
            for program in ["sandstorm-no-such-program", "/no/such/program"] {
                let error = await c.refusal("starting \(program)", .invalid) { try await start(c, [program, "argument"]) }
                c.expect("the missing program", error?.missingProgram, is: program)
                c.expect("what is to be done about it", error?.disposition, is: .giveUp)
            }
        },
        ConformanceCase(.errors, "what can't be executed is the caller's mistake") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo no program > text; mkdir directory; pwd")
            for name in ["./text", "./directory"] {
                let error = await c.refusal("starting \(name)", .invalid) {
                    try await c.finished(try await sandbox.start(Command([name], workingDirectory: c.directory)))
                }
                c.expect("the missing program", error?.missingProgram, is: nil)
            }
        },
        ConformanceCase(.errors, "a command without a program is the caller's mistake") { c in
            await c.refusal("starting nothing", .invalid) { try await start(c, []) }
            await c.refusal("starting a program without a name", .invalid) { try await start(c, [""]) }
        },
        ConformanceCase(.errors, "a NUL byte is the caller's mistake") { c in
            let sandbox = try await c.sandbox()
            await c.refusal("in an argument", .invalid) { try await start(c, ["/bin/sh", "-c", "true", "a\0b"]) }
            await c.refusal("in a variable", .invalid) {
                _ = try await c.finished(try await sandbox.start(c.line("true", environment: ["A": "a\0b"])))
            }
            c.expect("what runs afterwards", try await c.shell(sandbox, "echo fine").stdout, is: "fine\n")
        },
        ConformanceCase(.errors, "a failed start leaves the sandbox usable") { c in
            let sandbox = try await c.sandbox()
            for _ in 0..<10 {
                await c.refusal("starting", .invalid) { _ = try await sandbox.start(Command(["sandstorm-no-such-program"])).transcript() }
            }
            c.expect("what runs afterwards", try await c.shell(sandbox, "echo fine").stdout, is: "fine\n")
        },
        ConformanceCase(.errors, "a sandbox that never was is not found") { c in
            for name in ["sandstorm-conformance-none", "", "../../etc", "a b\nc", String(repeating: "x", count: 5000)] {
                let error = await c.refusal("attaching to \(name.prefix(20).debugDescription)", .notFound) {
                    try await c.provider.attach(ProviderSandboxID(name)).id
                }
                c.expect("what is to be done about it", error?.disposition, is: .giveUp)
            }
        },
        ConformanceCase(.errors, "ending what never was succeeds") { c in
            for name in ["sandstorm-conformance-none", "../../etc"] { try await c.provider.destroy(ProviderSandboxID(name)) }
        },
        ConformanceCase(.errors, "more CPU than there is is refused") { c in
            try await refusesSpec(c, "too many CPUs") { $0.cpu = Double(c.capabilities.maximum.milliCPU) / 1000 + 1 }
        },
        ConformanceCase(.errors, "more memory than there is is refused") { c in
            try await refusesSpec(c, "too much memory") { $0.memory = c.capabilities.maximum.memoryMiB + 1 }
        },
        ConformanceCase(.errors, "more disk than there is is refused") { c in
            try await refusesSpec(c, "too much disk") { $0.disk = c.capabilities.maximum.diskGiB + 1 }
        },
        ConformanceCase(.errors, "a GPU that there is not is refused") { c in
            try await refusesSpec(c, "a strange GPU") { $0.gpu = GPURequest(type: "sandstorm-conformance", count: 1) }
        },
        ConformanceCase(.errors, "a region that there is not is refused") { c in
            try await refusesSpec(c, "a strange region") { $0.region = "sandstorm-conformance" }
        },
        ConformanceCase(.errors, "stronger isolation than there is is refused") { c in
            guard let strongest = c.capabilities.isolation.max(), strongest < .maximum else {
                // There is nothing stronger to ask for; then a virtual machine must really be on offer.
                return c.expect(!c.provider.offers(for: c.spec { $0.isolation = .maximum }).isEmpty, "no offer for the isolation declared")
            }
            try await refusesSpec(c, "maximum isolation") { $0.isolation = .maximum }
        },
        ConformanceCase(.errors, "an image that there is not is refused", needs: [.images]) { c in
            let spec = c.spec { $0.image = "sandstorm-conformance/none:0" }
            guard let offer = c.provider.offers(for: spec).first else {
                return c.expect(c.provider.refusal(of: spec)?.isEmpty == false, "no reason is given against the image")
            }
            await c.refusal("a create", .invalid, .unsupported) {
                try await c.creating { provider in c.keep(try await provider.create(spec, on: offer, tag: c.tag())).id }
            }
        },
    ]
}
