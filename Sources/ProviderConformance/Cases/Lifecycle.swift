import NIOCore
import SandstormCore
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ConformanceCase {
    static let lifecycle: [ConformanceCase] = [
        ConformanceCase(.lifecycle, "the place says how it is") { c in
            let status = try await c.provider.probe()
            c.expect(status.isHealthy, "the place is not well: \(status.detail)")
            c.expect(!c.provider.id.rawValue.isEmpty, "the provider has no name")
            c.expect(!c.capabilities.isolation.isEmpty, "no level of isolation is declared")
        },
        ConformanceCase(.lifecycle, "offers give at least what was asked for") { c in
            let spec = c.spec { spec in
                spec.cpu = 0.5
                spec.memory = 128
            }
            let offers = c.provider.offers(for: spec)
            try c.require(!offers.isEmpty, "no offer: \(c.provider.refusal(of: spec) ?? "no reason given")")
            for offer in offers {
                c.expect("the provider of \(offer.id)", offer.provider, is: c.provider.id)
                c.expect(offer.resources.milliCPU >= 500, "\(offer.id) gives less CPU than asked for: \(offer.resources)")
                c.expect(offer.resources.memoryMiB >= 128, "\(offer.id) gives less memory than asked for: \(offer.resources)")
                c.expect(offer.resources.diskGiB >= 1, "\(offer.id) gives less disk than asked for: \(offer.resources)")
                c.expect(offer.isolation >= spec.isolation, "\(offer.id) is weaker than asked for: \(offer.isolation)")
                c.expect(c.capabilities.isolation.contains(offer.isolation), "\(offer.id) has an undeclared isolation: \(offer.isolation)")
                c.expect(offer.startLatency >= .zero, "\(offer.id) starts before it is asked to: \(offer.startLatency)")
            }
            c.expect("distinct offers", Set(offers.map(\.id)).count, is: offers.count)
            c.expect("a reason against what is on offer", c.provider.refusal(of: spec), is: nil)
        },
        ConformanceCase(.lifecycle, "offers are made from memory and stay the same") { c in
            let (spec, provider) = (c.spec(), c.provider)
            let first = provider.offers(for: spec)
            let start = ContinuousClock.now
            for _ in 0..<200 { _ = provider.offers(for: spec) }
            let elapsed = ContinuousClock.now - start
            c.expect(elapsed < .seconds(2), "200 calls took \(elapsed): offers must be made without asking anybody")
            c.expect("the offers of a later call", provider.offers(for: spec), is: first)
        },
        ConformanceCase(.lifecycle, "a new sandbox runs a command at once") { c in
            let sandbox = try await c.ownSandbox()
            let result = try await c.shell(sandbox, "echo ready", in: SandboxSpec.workspace)
            c.expect("its output", result.stdout, is: "ready\n")
            c.expect("its exit code", result.code, is: 0)
            c.expect(!sandbox.id.rawValue.isEmpty, "the sandbox has no name")
        },
        ConformanceCase(.lifecycle, "a new sandbox's workspace is empty and can be written to") { c in
            let sandbox = try await c.ownSandbox()
            let result = try await c.shell(sandbox, "ls -A; echo x > made && cat made", in: SandboxSpec.workspace)
            c.expect("what is in it", result.stdout, is: "x\n")
            c.expect("what went wrong", result.stderr, is: "")
        },
        ConformanceCase(.lifecycle, "the workspace is /workspace for commands too") { c in
            let sandbox = try await c.sandbox()
            let result = try await c.shell(sandbox, "pwd; cd / && cd /workspace && pwd", in: SandboxSpec.workspace)
            c.expect("its path", result.stdout, is: "/workspace\n/workspace\n")
        },
        ConformanceCase(.lifecycle, "what one command leaves, the next one finds") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo kept > state")
            c.expect("what was kept", try await c.shell(sandbox, "cat state").stdout, is: "kept\n")
        },
        ConformanceCase(.lifecycle, "two sandboxes have names and files of their own") { c in
            let (one, other) = (try await c.ownSandbox(), try await c.ownSandbox())
            c.expect(one.id != other.id, "both are called \(one.id)")
            _ = try await c.shell(one, "echo secret > only-here", in: SandboxSpec.workspace)
            let seen = try await c.shell(other, "cat only-here 2>&1; echo $?", in: SandboxSpec.workspace)
            c.expect(!seen.stdout.contains("secret"), "one sandbox sees the other's files")
        },
        ConformanceCase(.lifecycle, "a living sandbox is found again by its name") { c in
            let sandbox = try await c.sandbox()
            _ = try await c.shell(sandbox, "echo same > who")
            let again = try await c.provider.attach(sandbox.id)
            c.expect("its name", again.id, is: sandbox.id)
            c.expect("its files", try await c.shell(again, "cat who").stdout, is: "same\n")
        },
        ConformanceCase(.lifecycle, "another gateway can attach", needs: [.reattach]) { c in
            let sandbox = try await c.ownSandbox()
            _ = try await c.shell(sandbox, "echo same > who", in: SandboxSpec.workspace)
            let again = try await c.suite.factory().attach(sandbox.id)
            c.expect("its files", try await c.shell(again, "cat who", in: SandboxSpec.workspace).stdout, is: "same\n")
            try await again.kill()
            await c.refusal("attaching after the other gateway's kill", .notFound) { try await c.provider.attach(sandbox.id).id }
        },
        ConformanceCase(.lifecycle, "a longer lease is taken") { c in
            let sandbox = try await c.ownSandbox { $0.timeout = .seconds(120) }
            try await sandbox.extend(to: Date(timeIntervalSinceNow: 600))
            c.expect("an exit code after it", try await c.shell(sandbox, "true", in: SandboxSpec.workspace).code, is: 0)
        },
        ConformanceCase(.lifecycle, "a create that is cancelled leaves nothing that is not listed") { c in
            let spec = c.spec()
            let offer = try c.offer(for: spec)
            // At moments from before the call to after its end.
            for delay in [0, 1, 5, 20, 80, 300, 1200] {
                let tag = c.tag()
                let creating = Task { try await c.creating { try await $0.create(spec, on: offer, tag: tag) } }
                try await Task.sleep(for: .milliseconds(delay))
                creating.cancel()
                switch await creating.result {
                case .success(let sandbox):
                    c.keep(sandbox)
                    let isListed = try await c.listed().contains { $0.tag == tag }
                    c.expect(isListed, "a create that ended before it was cancelled made a sandbox that is not listed")
                    try await sandbox.kill()
                case .failure(let error as ProviderError):
                    // What is left must be what the list says: the reaper has nothing else.
                    for record in try await c.listed() where record.tag == tag { try await c.provider.destroy(record.id) }
                    c.expect(error.code != .invalid, "a cancelled create is called the caller's mistake: \(describe(error))")
                case .failure(let error):
                    c.expect(false, "a cancelled create threw \(describe(error)) instead of a ProviderError")
                }
            }
        },
        ConformanceCase(.lifecycle, "a cancelled start or read leaves the sandbox usable") { c in
            let sandbox = try await c.sandbox()
            let command = c.line("echo $$ >> started; exec sleep 1000")
            for delay in [0, 2, 10, 50] {
                let task = Task {
                    let process = try await sandbox.start(command)
                    return try await process.transcript()
                }
                try await Task.sleep(for: .milliseconds(delay))
                task.cancel()
                if case .success(let transcript) = await task.result { c.expect(false, "the cancelled wait ended with \(transcript)") }
            }
            c.expect("what runs afterwards", try await c.shell(sandbox, "echo fine").stdout, is: "fine\n")
            _ = try await c.shell(sandbox, "for p in $(cat started 2>/dev/null); do kill -9 $p; done 2>/dev/null")
        },
        ConformanceCase(.lifecycle, "many commands one after the other") { c in
            let sandbox = try await c.sandbox()
            for number in 0..<30 {
                let result = try await c.shell(sandbox, "echo \(number); exit \(number)")
                try c.require(
                    result.stdout == "\(number)\n" && result.code == Int32(number), "command \(number) ended with \(result)")
            }
        },
    ]
}
