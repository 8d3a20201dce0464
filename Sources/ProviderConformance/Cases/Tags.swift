import NIOCore
import SandstormCore
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension ConformanceCase {
    static let tags: [ConformanceCase] = [
        ConformanceCase(.tags, "a sandbox is listed with the whole tag that it was made with") { c in
            let tag = c.tag()
            let before = Date()
            let sandbox = try await c.ownSandbox(tag: tag)
            let records = try await c.listed()
            c.expect("the names in the list", records.map(\.id), is: [sandbox.id])
            c.expect("the tag", records.first?.tag, is: tag)
            if let made = records.first?.createdAt {
                // Clocks differ.
                c.expect(abs(made.timeIntervalSince(before)) < 600, "it was made at \(before), and is listed as made at \(made)")
            }
        },
        ConformanceCase(.tags, "another gateway's sandboxes are not listed") { c in
            _ = try await c.ownSandbox()
            c.expect("what a gateway that made nothing has", try await c.provider.sandboxes(taggedBy: .generate()), is: [])
        },
        ConformanceCase(.tags, "all of a gateway's sandboxes are listed, and each under its own tag") { c in
            let (one, other) = (c.tag(), c.tag())
            let (first, second) = (try await c.ownSandbox(tag: one), try await c.ownSandbox(tag: other))
            let listed = Dictionary(try await c.listed().map { ($0.id, $0.tag) }) { first, _ in first }
            c.expect("the list", listed, is: [first.id: one, second.id: other])
        },
        ConformanceCase(.tags, "what was killed is not listed for long") { c in
            let sandbox = try await c.ownSandbox()
            try await sandbox.kill()
            try await c.eventually("it is still listed") { try await c.listed().isEmpty }
        },
        ConformanceCase(.tags, "what a gateway that crashed has made is found and ended by the next") { c in
            let tag = c.tag()
            let sandbox = try await c.ownSandbox(tag: tag)
            let next = try await c.suite.factory()
            let records = try await c.listed(by: next)
            c.expect("what the next one lists", records.map(\.tag), is: [tag])
            c.expect("under which name", records.map(\.id), is: [sandbox.id])
            try await next.destroy(sandbox.id)
            try await c.eventually("it is still listed") { try await c.listed(by: next).isEmpty }
            await c.refusal("starting in it", .notFound, .interrupted) {
                _ = try await sandbox.start(c.line("true", in: SandboxSpec.workspace)).transcript()
            }
        },
    ]
}
