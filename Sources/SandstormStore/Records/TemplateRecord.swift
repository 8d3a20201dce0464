package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// A template that a tenant has made, as it is kept.
package struct TemplateRecord: Hashable, Sendable {
    package var id: TemplateID
    package var tenant: TenantID
    package var project: ProjectID
    /// The names by which the tenant finds it, in order.
    package var names: [String]
    /// Other tenants may start sandboxes from it.
    package var isPublic = false
    package var createdAt: Date
    /// When it was last built or changed.
    package var updatedAt: Date
    package var spawnCount = 0
    package var lastSpawnedAt: Date?
    package var buildCount = 0

    package init(id: TemplateID, tenant: TenantID, project: ProjectID, names: [String], createdAt: Date) {
        self.id = id
        self.tenant = tenant
        self.project = project
        self.names = names
        self.createdAt = createdAt
        updatedAt = createdAt
    }
}

/// One making of a template, as it is kept.
package struct TemplateBuildRecord: Hashable, Sendable {
    package enum State: String, CaseIterable, Hashable, Sendable {
        /// It was asked for; what it is to be made of is to be said yet.
        case waiting
        case building
        case ready
        case failed
    }

    package var id: TemplateBuildID
    package var template: TemplateID
    package var state = State.waiting
    package var createdAt: Date
    package var updatedAt: Date
    package var finishedAt: Date?
    /// Why it failed, and in which step.
    package var failure: String?
    package var failedStep: String?
    package var cpu: Double
    /// MiB.
    package var memory: Int
    /// GiB.
    package var disk: Int
    /// The tags that it bears once it is ready.
    package var tags: [String]
    /// What sandboxes start from; `nil` if that is the image alone.
    package var snapshot: SnapshotID?
    /// What else a sandbox of it is like, in the words of the front end that made it.
    package var document: JSONObject = [:]

    package init(
        id: TemplateBuildID, template: TemplateID, createdAt: Date, cpu: Double, memory: Int, disk: Int, tags: [String]
    ) {
        self.id = id
        self.template = template
        self.createdAt = createdAt
        updatedAt = createdAt
        self.cpu = cpu
        self.memory = memory
        self.disk = disk
        self.tags = tags
    }
}

/// A line that the making of a template wrote.
package struct TemplateBuildLine: Hashable, Sendable {
    package var time: Date
    /// `debug`, `info`, `warn` or `error`.
    package var level: String
    package var step: String?
    package var message: String

    package init(time: Date, level: String, step: String?, message: String) {
        self.time = time
        self.level = level
        self.step = step
        self.message = message
    }
}

/// A tag of a template, and the build that bears it.
package struct TemplateTag: Hashable, Sendable {
    package var tag: String
    package var build: TemplateBuildID
    package var assignedAt: Date

    package init(tag: String, build: TemplateBuildID, assignedAt: Date) {
        self.tag = tag
        self.build = build
        self.assignedAt = assignedAt
    }
}

/// Which templates to list.
package struct TemplateQuery: Hashable, Sendable {
    package var tenant: TenantID
    /// Only templates older than this one: the last of the page before.
    package var before: TemplateID?
    package var limit = 100

    package init(tenant: TenantID) { self.tenant = tenant }
}
