import NIOCore
public import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Sandboxes at E2B's cloud, or at a place that speaks its dialect, on any number of accounts.
public final class E2BProvider: SandboxProvider {
    /// `e2b`
    public static let name: ProviderID = "e2b"

    /// An account, and what it takes to use it.
    struct Place: Sendable {
        let account: E2BAccount
        let plane: ControlPlane
        let builds: TemplateBuilds
    }

    let places: [Place]
    let price: @Sendable () -> PriceSchedule?
    private let aftercare = Aftercare()

    /// - Parameters:
    ///   - accounts: at least one, each with a name of its own.
    ///   - price: what a sandbox costs, asked for each offer; `nil` while that is not known, when there is none.
    /// - Throws: ``ProviderError``: `invalid` for accounts that can't be used.
    public init(accounts: [E2BAccount], price: @escaping @Sendable () -> PriceSchedule?) throws(ProviderError) {
        guard !accounts.isEmpty, Set(accounts.map(\.name)).count == accounts.count else {
            throw ProviderError(.invalid, "E2B needs accounts, each with a name of its own")
        }
        var places: [Place] = []
        for account in accounts {
            var settings = VendorClient.Settings()
            settings.trustedCertificates = account.trustedCertificates
            let client: VendorClient
            do throws(VendorFailure) {
                client = try VendorClient(settings)
            } catch {
                throw ProviderError(.invalid, "account \(account.name): \(error.words)")
            }
            let plane = ControlPlane(account, client: client)
            places.append(Place(account: account, plane: plane, builds: TemplateBuilds(plane)))
        }
        self.places = places
        self.price = price
    }

    /// ``name``
    public var id: ProviderID { E2BProvider.name }

    // MARK: Making

    /// Makes a sandbox; see ``SandboxProvider``. A template is built first if there is none of the size or image, which takes minutes.
    public func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        // The offer may be another spec's, or an old one.
        if let refusal = refusal(of: spec) { throw .unsupported(refusal) }
        guard let (place, plan) = plan(for: spec, on: offer) else { throw .unsupported("no account can take it") }
        if Task.isCancelled { throw ProviderError(.interrupted, "the caller has gone") }
        let template = try await place.builds.template(for: plan)
        do throws(ProviderError) {
            return try await make(spec, from: template, as: .create(callersTemplate: plan.isCallers), at: place, tag)
        } catch {
            // It was removed behind our back: the next attempt builds it anew.
            if error.vendorStatus == 404 { place.builds.forget(plan) }
            throw error
        }
    }

    /// Makes a sandbox from a snapshot, at the account that has it.
    public func create(
        _ spec: SandboxSpec, from snapshot: ProviderSnapshot, on offer: Offer, tag: SandboxTag
    ) async throws(ProviderError) -> any Sandbox {
        guard let (place, id) = locate(snapshot) else { throw ProviderError(.invalid, "there is no such snapshot") }
        guard place.account.has(.snapshots) else { throw .unsupported("snapshot") }
        guard place.account.name == offer.account else { throw .unsupported("a snapshot of another account") }
        if Task.isCancelled { throw ProviderError(.interrupted, "the caller has gone") }
        return try await make(spec, from: id, as: .createFromSnapshot, at: place, tag)
    }

    private func make(
        _ spec: SandboxSpec, from template: String, as call: ControlCall, at place: Place, _ tag: SandboxTag
    ) async throws(ProviderError) -> any Sandbox {
        let seconds = E2BProvider.lifetime(of: spec, at: place.account)
        let body = CreateBody.json(spec, template: template, seconds: seconds, tag: tag)
        let access = try await made(body, key: E2BProvider.key(tag), as: call, at: place)
        let lease = Date(timeIntervalSinceNow: Double(seconds))
        let link = SandboxLink(access, plane: place.plane, aftercare: aftercare, lease: lease)
        do throws(ProviderError) {
            try await link.prepare()
        } catch {
            let (plane, id) = (place.plane, access.id)
            aftercare.take { try? await plane.kill(id) }
            var error = error
            error.mayHaveTakenEffect = true
            if error.code == .notFound || error.code == .invalid {
                error = ProviderError(
                    .unavailable, "the sandbox was made, and can't be used", mayHaveTakenEffect: true, vendorDetail: error.debugDescription)
            }
            throw error
        }
        return E2BSandbox(link: link) { [self] (snapshot, tag) async throws(ProviderError) in
            guard let (place, id) = locate(snapshot) else { throw ProviderError(.invalid, "there is no such snapshot") }
            return try await make(spec, from: id, as: .createFromSnapshot, at: place, tag)
        }
    }

    /// Asks for a sandbox. A caller who goes away meanwhile leaves a request whose answer may be a sandbox: it is waited for, and ended.
    private func made(_ body: JSONValue, key: String, as call: ControlCall, at place: Place) async throws(ProviderError) -> SandboxAccess {
        let plane = place.plane
        let answered = Latch()
        let asking = Task { () -> Result<SandboxAccess, ProviderError> in
            defer { answered.open() }
            do throws(ProviderError) { return .success(try await plane.create(body, key: key, as: call)) } catch { return .failure(error) }
        }
        guard await answered.wait() else {
            aftercare.take(within: place.account.patience.control + .seconds(30)) {
                if case .success(let access) = await asking.value { try? await plane.kill(access.id) }
            }
            throw ProviderError(.interrupted, "the caller has gone", mayHaveTakenEffect: true)
        }
        return try await asking.value.get()
    }

    /// The same attempt at the same sandbox is the same request, whatever became of the first.
    static func key(_ tag: SandboxTag) -> String {
        "\(tag.attempt.rawValue)-\(tag.sandbox.rawValue)".replacing("_", with: "-")
    }

    /// The code's own time, and what it takes to make things ready for it and to fetch what it leaves.
    static func lifetime(of spec: SandboxSpec, at account: E2BAccount) -> Int {
        let wanted = spec.timeout.components.seconds + 1 + grace
        return Int(min(wanted, account.limits.lifetime.components.seconds))
    }

    private static let grace: Int64 = 180

    // MARK: Finding

    /// The account and the vendor's id in a sandbox's name; `nil` if it is none of ours.
    private func locate(_ id: ProviderSandboxID) -> (Place, String)? {
        guard let slash = id.rawValue.firstIndex(of: "/") else { return nil }
        let vendorID = String(id.rawValue[id.rawValue.index(after: slash)...])
        guard SandboxAccess.isID(vendorID), let place = places.first(where: { $0.account.name == id.rawValue[..<slash] }) else {
            return nil
        }
        return (place, vendorID)
    }

    private func locate(_ snapshot: ProviderSnapshot) -> (Place, String)? {
        guard let slash = snapshot.id.firstIndex(of: "/") else { return nil }
        let id = String(snapshot.id[snapshot.id.index(after: slash)...])
        guard !id.isEmpty, let place = places.first(where: { $0.account.name == snapshot.id[..<slash] }) else { return nil }
        return (place, id)
    }

    /// Finds a living sandbox again; a paused one too, as it can be resumed.
    public func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox {
        guard let (place, vendorID) = locate(id) else {
            throw ProviderError(.notFound, "sandbox \(String(id.rawValue.prefix(100))) is gone")
        }
        let (access, isPaused) = try await place.plane.detail(vendorID)
        let lease = Date(timeIntervalSinceNow: Double(place.account.limits.lifetime.components.seconds))
        let link = SandboxLink(access, plane: place.plane, aftercare: aftercare, lease: lease)
        link.setPaused(isPaused)
        let spec = SandboxSpec()
        return E2BSandbox(link: link) { [self] (snapshot, tag) async throws(ProviderError) in
            guard let (place, id) = locate(snapshot) else { throw ProviderError(.invalid, "there is no such snapshot") }
            return try await make(spec, from: id, as: .createFromSnapshot, at: place, tag)
        }
    }

    /// Kills by name; what is gone, or never was, counts as killed.
    public func destroy(_ id: ProviderSandboxID) async throws(ProviderError) {
        guard let (place, vendorID) = locate(id) else { return }
        try await place.plane.kill(vendorID)
    }

    /// Removes a snapshot; one that is gone, or never was, counts as removed.
    public func delete(_ snapshot: ProviderSnapshot) async throws(ProviderError) {
        guard let (place, id) = locate(snapshot) else { return }
        try await place.plane.deleteTemplate(id)
    }

    /// Lists what `gateway` has made, at all accounts: a list that leaves one out would say that its sandboxes are gone.
    public func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord] {
        let lists = await withTaskGroup(of: Result<[SandboxRecord], ProviderError>.self) { group in
            for place in places {
                group.addTask {
                    do throws(ProviderError) {
                        return .success(
                            try await place.plane.list(taggedBy: gateway).map { listed in
                                SandboxRecord(
                                    id: E2BSandbox.id(of: listed.id, at: place.account), tag: listed.tag,
                                    createdAt: listed.startedAt.flatMap(E2BProvider.date) ?? .distantPast)
                            })
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        var records: [SandboxRecord] = []
        for list in lists { records += try list.get() }
        return records
    }

    /// RFC 3339 with a fraction of a second or without.
    static func date(_ text: String) -> Date? {
        if let date = try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text) { return date }
        return try? Date.ISO8601FormatStyle().parse(text)
    }

    /// Asks the control plane of each account, all at once. The place is well if one of them is.
    public func probe() async throws(ProviderError) -> ProviderStatus {
        let findings = await findings()
        let problems = findings.filter { $0.problem != nil }
        if problems.count == findings.count, let first = problems.first?.problem { throw first }
        let names = findings.count == 1 ? "" : findings.filter { $0.problem == nil }.map(\.account).joined(separator: ", ") + ": "
        let words = problems.map { "; \($0.account): \($0.problem?.description ?? "")" }.joined()
        return ProviderStatus(isHealthy: true, detail: names + "the control plane answers" + words)
    }

    /// How each account is.
    public func findings() async -> [(account: String, problem: ProviderError?)] {
        await withTaskGroup(of: (Int, String, ProviderError?).self) { group in
            for (index, place) in places.enumerated() {
                group.addTask {
                    do throws(ProviderError) {
                        try await place.plane.probe()
                        return (index, place.account.name, nil)
                    } catch {
                        return (index, place.account.name, error)
                    }
                }
            }
            let all = await group.reduce(into: []) { $0.append($1) }
            return all.sorted { $0.0 < $1.0 }.map { ($0.1, $0.2) }
        }
    }
}
