package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// Templates that tenants have made, with their builds and tags.
package protocol TemplateStore: Sendable {
    /// Keeps a new build of a tenant's template, and the template too if the tenant has none of its first name.
    ///
    /// - Returns: the template that the build belongs to; the build is kept under that one's id.
    func insert(_ build: TemplateBuildRecord, of template: TemplateRecord) async throws(StoreError) -> TemplateRecord

    func template(_ id: TemplateID) async throws(StoreError) -> TemplateRecord?

    /// The template of a tenant that has this name.
    func template(named name: String, tenant: TenantID) async throws(StoreError) -> TemplateRecord?

    /// Templates, newest first.
    func templates(_ query: TemplateQuery) async throws(StoreError) -> [TemplateRecord]

    /// Lets other tenants use a template, or no more.
    ///
    /// - Returns: `false` if there is none.
    func setPublic(_ isPublic: Bool, _ template: TemplateID, at date: Date) async throws(StoreError) -> Bool

    /// Notes that a sandbox was made of a template.
    func countSpawn(of template: TemplateID, at date: Date) async throws(StoreError)

    /// Removes a template with its builds, tags and names.
    ///
    /// - Returns: `false` if there was none.
    func deleteTemplate(_ id: TemplateID) async throws(StoreError) -> Bool

    func build(_ id: TemplateBuildID) async throws(StoreError) -> TemplateBuildRecord?

    /// A template's builds, newest first.
    func builds(of template: TemplateID, before: TemplateBuildID?, limit: Int) async throws(StoreError) -> [TemplateBuildRecord]

    /// Builds that were begun and have not ended.
    func unfinishedBuilds() async throws(StoreError) -> [TemplateBuildRecord]

    /// Builds of a tenant that were begun and have not ended.
    func unfinishedBuildCount(tenant: TenantID) async throws(StoreError) -> Int

    /// Begins a build that waits.
    ///
    /// - Returns: `false`, with nothing written, if it does not wait.
    func begin(_ build: TemplateBuildRecord) async throws(StoreError) -> Bool

    /// Writes how a build under way ended; one that is ready takes over its tags.
    ///
    /// - Returns: `false`, with nothing written, if it is not under way.
    func finish(_ build: TemplateBuildRecord) async throws(StoreError) -> Bool

    /// Adds lines to a build's log.
    func append(_ lines: [TemplateBuildLine], to build: TemplateBuildID) async throws(StoreError)

    /// Lines of a build's log, in their order.
    ///
    /// - Parameter levels: all if empty.
    func lines(
        of build: TemplateBuildID, from offset: Int, limit: Int, levels: Set<String>
    ) async throws(StoreError) -> [TemplateBuildLine]

    /// A template's tags in the order in which they were assigned.
    func tags(of template: TemplateID) async throws(StoreError) -> [TemplateTag]

    /// Gives tags to a build; a tag is one build's at a time.
    func assign(_ tags: [String], to build: TemplateBuildID, of template: TemplateID, at date: Date) async throws(StoreError)

    /// Takes tags from a template.
    ///
    /// - Returns: how many of them it had.
    func remove(_ tags: [String], from template: TemplateID) async throws(StoreError) -> Int
}
