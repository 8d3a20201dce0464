import HTTPTypes
import SandstormCore
import SandstormEngine
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Finds what clients call a template: one of the configuration, one that a tenant has made, or a snapshot.
struct TemplateCatalog: Sendable {
    let engine: Engine
    let configured: [String: E2BTemplateSettings]

    /// The first part of the full names of a tenant's templates.
    static func namespace(of principal: Principal) -> String { PlainID.text(principal.tenant) }

    /// - Throws: ``E2BError`` 404 for what is not there or another tenant's, 400 for what is no name.
    func base(_ text: String, for principal: Principal) async throws -> TemplateBase {
        let reference = try TemplateReference(text)
        let isOwn = reference.namespace.map { $0 == TemplateCatalog.namespace(of: principal) } ?? true
        let tag = reference.tag ?? TemplateReference.defaultTag
        if reference.namespace == nil, let settings = configured[reference.name], tag == TemplateReference.defaultTag {
            return base(reference.name, settings)
        }
        if let (record, build) = try await build(reference, for: principal) { return base(record, build) }
        if isOwn, let snapshot = try await snapshots(reference, for: principal).first {
            return try await base(snapshot, for: principal)
        }
        throw TemplateCatalog.missing(text)
    }

    static func missing(_ text: String) -> E2BError { E2BError(.notFound, "template '\(text.prefix(128))' not found") }

    // MARK: Of the configuration

    func base(_ name: String, _ settings: E2BTemplateSettings) -> TemplateBase {
        let most = engine.mostResources
        return TemplateBase(
            id: name, alias: name, image: settings.image, cpu: settings.cpu ?? TemplateCatalog.atMost(most.cpu, 2),
            memory: settings.memory ?? TemplateCatalog.atMost(most.memory, 512),
            disk: settings.disk ?? TemplateCatalog.atMost(most.disk, 10), startCommand: settings.startCommand,
            readyCommand: settings.readyCommand)
    }

    /// What is usual, or all that there is.
    static func atMost<Value: Comparable & AdditiveArithmetic>(_ most: Value, _ usual: Value) -> Value {
        most > .zero ? min(most, usual) : usual
    }

    // MARK: Of tenants

    /// The template of a tenant that a reference means, without a look at its tag.
    func record(_ reference: TemplateReference, for principal: Principal) async throws -> TemplateRecord? {
        if let id = PlainID.parse(reference.name, as: TemplateKind.self) {
            guard let record = try await asked({ () async throws(StoreError) in try await engine.templates.template(id) }) else {
                return nil
            }
            return record.tenant == principal.tenant || record.isPublic ? record : nil
        }
        let tenant: TenantID
        if let namespace = reference.namespace, namespace != TemplateCatalog.namespace(of: principal) {
            guard let other = PlainID.parse(namespace, as: TenantKind.self) else { return nil }
            tenant = other
        } else {
            tenant = principal.tenant
        }
        let found = try await asked { () async throws(StoreError) in
            try await engine.templates.template(named: reference.name, tenant: tenant)
        }
        return found.flatMap { $0.tenant == principal.tenant || $0.isPublic ? $0 : nil }
    }

    /// The template and the build that a reference means; `nil` if there is none that is ready.
    func build(_ reference: TemplateReference, for principal: Principal) async throws -> (TemplateRecord, TemplateBuildRecord)? {
        guard let record = try await record(reference, for: principal) else { return nil }
        return try await asked { () async throws(StoreError) in
            let tags = try await engine.templates.tags(of: record.id)
            guard let tag = tags.first(where: { $0.tag == reference.tag ?? TemplateReference.defaultTag }),
                let build = try await engine.templates.build(tag.build), build.state == .ready
            else { return nil }
            return (record, build)
        }
    }

    func base(_ record: TemplateRecord, _ build: TemplateBuildRecord) -> TemplateBase {
        let document = BuildDocument(build.document)
        return TemplateBase(
            id: PlainID.text(record.id), alias: record.names.first, image: document.image, snapshot: build.snapshot, cpu: build.cpu,
            memory: build.memory, disk: build.disk, environment: document.environment, user: document.user,
            workingDirectory: document.workingDirectory, startCommand: document.startCommand, readyCommand: document.readyCommand,
            record: record.id)
    }

    // MARK: Snapshots

    /// The snapshots that a reference means: one by its id, or all of a name, newest first.
    func snapshots(_ reference: TemplateReference, for principal: Principal) async throws -> [SnapshotInfo] {
        if let id = PlainID.parse(reference.name, as: SnapshotIDKind.self) {
            do throws(EngineError) { return [try await engine.snapshot(id, for: principal)] } catch {
                if error.kind == .notFound { return [] }
                throw error
            }
        }
        var query = SnapshotQuery()
        query.name = reference.name + ":" + (reference.tag ?? TemplateReference.defaultTag)
        query.limit = 100
        return try await engine.snapshots(query, for: principal)
    }

    /// A sandbox made from a snapshot is as the one was that it was taken of.
    private func base(_ snapshot: SnapshotInfo, for principal: Principal) async throws -> TemplateBase {
        let source = try await engine.sandbox(snapshot.sandbox, for: principal)
        let note = E2BNote(source)
        return TemplateBase(
            id: PlainID.text(snapshot.id), alias: SnapshotForm.name(of: snapshot), image: source.spec.image, snapshot: snapshot.id,
            cpu: source.spec.cpu, memory: source.spec.memory, disk: source.spec.disk, environment: note.environment,
            user: note.defaultUser, workingDirectory: note.workingDirectory, startCommand: note.startCommand,
            readyCommand: note.readyCommand)
    }

    // MARK: The store

    /// What the store says, in the engine's words.
    func asked<Value>(_ body: () async throws(StoreError) -> Value) async throws(EngineError) -> Value {
        do throws(StoreError) { return try await body() } catch { throw EngineError(error) }
    }
}

/// Snapshots as the control plane shows them.
enum SnapshotForm {
    /// The user's own name for it, without the tag.
    static func name(of snapshot: SnapshotInfo) -> String? { snapshot.name.map { String($0.prefix { $0 != ":" }) } }

    /// The name or id under which it is found again.
    static func id(_ snapshot: SnapshotInfo, for principal: Principal) -> String {
        snapshot.name.map { "\(TemplateCatalog.namespace(of: principal))/\($0)" }
            ?? "\(PlainID.text(snapshot.id)):\(TemplateReference.defaultTag)"
    }

    static func json(_ snapshot: SnapshotInfo, for principal: Principal) -> JSONValue {
        let id = id(snapshot, for: principal)
        return ["snapshotID": .string(id), "names": .strings(snapshot.name == nil ? [] : [id])]
    }
}
