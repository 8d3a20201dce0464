package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// Which living sandboxes to list.
package struct SandboxQuery: Hashable, Sendable {
    package var tenant: TenantID?
    /// All states if empty.
    package var states: Set<SandboxState> = []
    /// Labels that a sandbox must have, each with this value.
    package var metadata: [String: String] = [:]
    /// Texts that a front end noted down about a sandbox, each with the way to it, such as `["e2b", "template"]`.
    package var attributes: [Attribute] = []
    /// Only sandboxes about which no front end noted down anything under this name.
    package var withoutAttribute: String?
    /// Only sandboxes that were asked for at this time or later.
    package var createdFrom: Date?
    /// Only sandboxes that were asked for before this time.
    package var createdBefore: Date?
    package var order = Order.newestFirst
    /// Only sandboxes older than this one: the last of the page before, where the newest come first.
    package var before: SandboxID?
    /// Only sandboxes newer than this one: the last of the page before, where the oldest come first.
    package var after: SandboxID?
    package var limit = 50

    package init() {}

    package enum Order: Hashable, Sendable {
        case newestFirst, oldestFirst
    }

    /// Something that a sandbox's attributes must say.
    package struct Attribute: Hashable, Sendable {
        /// Keys of our own making: without quotes.
        package var path: [String]
        package var value: String

        package init(_ path: [String], _ value: String) {
            self.path = path
            self.value = value
        }
    }
}

/// Which snapshots to list.
package struct SnapshotQuery: Hashable, Sendable {
    package var tenant: TenantID?
    /// Only those of this sandbox.
    package var sandbox: SandboxID?
    /// Only those of this name.
    package var name: String?
    /// Only those whose names don't begin so.
    package var withoutPrefix: String?
    /// Only snapshots older than this one: the last of the page before.
    package var before: SnapshotID?
    package var limit = 50

    package init() {}
}
