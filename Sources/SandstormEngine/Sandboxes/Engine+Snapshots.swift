import Logging
package import SandstormCore
package import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Kept copies of living sandboxes.
extension Engine {
    /// Keeps a copy of a sandbox, which goes on.
    package func snapshot(
        _ id: SandboxID, kind: SnapshotKind, name: String?, for principal: Principal
    ) async throws(EngineError) -> SnapshotInfo {
        if let name, name.isEmpty || name.count > 128 {
            throw EngineError(InvalidRequest("/name", "is empty or too long", remedy: "send 1 to 128 characters, or leave it out"))
        }
        let living = try await living(id, for: principal)
        let place = try living.place(evenPaused: true)
        guard place.provider.capabilities.snapshot.contains(kind) else {
            throw EngineError(.unsupported, "\(place.provider.id) has no \(kind.rawValue) snapshots")
        }
        // Shielded: a snapshot that was taken is kept track of, also when its caller goes away meanwhile.
        return try await shielded { [self] () -> Result<SnapshotInfo, EngineError> in
            do throws(EngineError) {
                let taken = try await ask(living) { () async throws(ProviderError) in try await place.sandbox.snapshot(kind) }
                return .success(try await keep(taken, of: living, at: place.provider, name: name))
            } catch {
                return .failure(error)
            }
        }.get()
    }

    private func keep(
        _ taken: ProviderSnapshot, of living: LivingSandbox, at provider: any SandboxProvider, name: String?
    ) async throws(EngineError) -> SnapshotInfo {
        let info = SnapshotInfo(
            id: .generate(), sandbox: living.id, provider: provider.id, kind: taken.kind, name: name, createdAt: .thisMillisecond)
        let record = SnapshotRecord(
            info: info, tenant: living.tenant, project: living.run.record.project, providerSnapshot: taken.id)
        do throws(StoreError) {
            try await store.insert(record)
        } catch {
            // Nobody would ever find it again.
            do throws(ProviderError) { try await provider.delete(taken) } catch {
                logger.error("snapshot left behind", metadata: ["provider.name": "\(provider.id)", "error": "\(error)"])
            }
            throw EngineError(error)
        }
        return info
    }

    /// A snapshot of the caller's tenant.
    package func snapshot(_ id: SnapshotID, for principal: Principal) async throws(EngineError) -> SnapshotInfo {
        try await record(id, for: principal).info
    }

    /// The snapshot as it is kept, if it is the caller's. Another tenant's is as good as none.
    func record(_ id: SnapshotID, for principal: Principal) async throws(EngineError) -> SnapshotRecord {
        let record: SnapshotRecord?
        do throws(StoreError) { record = try await store.snapshot(id) } catch { throw EngineError(error) }
        guard let record, record.tenant == principal.tenant else { throw EngineError(.notFound, "there is no snapshot \(id)") }
        return record
    }

    /// Snapshots of the caller's tenant, newest first.
    package func snapshots(_ query: SnapshotQuery, for principal: Principal) async throws(EngineError) -> [SnapshotInfo] {
        var query = query
        query.tenant = principal.tenant
        do throws(StoreError) { return try await store.snapshots(query).map(\.info) } catch { throw EngineError(error) }
    }

    /// Removes a snapshot; sandboxes made from it live on.
    ///
    /// - Throws: `notFound` also for one that was deleted before.
    package func deleteSnapshot(_ id: SnapshotID, for principal: Principal) async throws(EngineError) {
        let record = try await record(id, for: principal)
        guard let provider = providers.first(where: { $0.id == record.info.provider }) else {
            throw EngineError(.providerFailed, "provider \(record.info.provider), which keeps the snapshot, is not configured")
        }
        let late = ProviderError(.timedOut, "the provider did not answer within \(configuration.operationTimeout.display)")
        do throws(ProviderError) {
            try await within(configuration.operationTimeout, else: late) { () async throws(ProviderError) in
                try await provider.delete(record.kept)
            }
        } catch {
            throw EngineError(error)
        }
        // First gone, then noted: what is noted as gone could never be deleted again.
        let noted = await shielded { [store] () -> Result<Bool, StoreError> in
            do throws(StoreError) { return .success(try await store.deleteSnapshot(id, at: Date())) } catch { return .failure(error) }
        }
        switch noted {
        case .success(true): break
        case .success(false): throw EngineError(.notFound, "there is no snapshot \(id)")
        case .failure(let error): throw EngineError(error)
        }
    }
}
