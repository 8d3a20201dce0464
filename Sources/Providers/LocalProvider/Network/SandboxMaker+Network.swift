#if os(Linux)
import Glibc
import SandstormCore

extension Host {
    /// Where a sandbox with such a network finds names.
    func names(_ policy: NetworkPolicy) -> NameService {
        switch policy {
        case .none: .none
        case .open: translator == nil ? .machine : .translated
        // Names are a way out too: a resolver asks whoever is responsible for them.
        case .allow: .addressesOnly
        case .deny(let denied, _): denied.contains { IPv4Range($0)?.bits == 0 } ? .addressesOnly : .translated
        }
    }
}

extension SandboxMaker {
    /// A network that waits for the sandbox to join it.
    struct PreparedNetwork: Sendable {
        var holder: NetworkTranslator.Holder
        var translation: NetworkTranslator.Translation
        var attachment: NetworkAttachment
    }

    /// Where the sandbox finds names.
    var names: NameService { host.names(spec.network) }

    /// Makes the sandbox's network, if it is to have one of its own. The translator starts while the launcher does its part.
    func prepareNetwork(_ remains: SandboxRemains, _ user: SandboxUser?, _ group: ControlGroup?) throws(SystemError) -> PreparedNetwork? {
        guard spec.network != .none, let translator = host.translator else { return nil }
        // It was checked when the spec was taken on; the machine may have got an address since.
        guard let routes = try? translator.routes(spec.network) else { throw SystemError(EADDRNOTAVAIL, in: "network list") }
        let holder = try translator.hold(routes, resolvesNames: names == .translated, user: user, group: group)
        try remains.adopt(helper: holder.process, keeping: holder.complaints)
        let namespaces = try holder.awaitNamespaces(within: host.configuration.launchDeadline)
        let translation = try translator.translate(namespaces, resolvesNames: names == .translated, user: user, group: group)
        try remains.adopt(helper: translation.process, keeping: translation.complaints)
        return PreparedNetwork(
            holder: holder, translation: translation, attachment: .joined(user: namespaces.user, network: namespaces.network))
    }

    func attachment(_ network: PreparedNetwork?) -> NetworkAttachment { network?.attachment ?? (spec.network == .none ? .none : .machine) }

    /// Once the sandbox has joined: waits until packets are carried, and lets the holder go.
    func finish(_ network: PreparedNetwork?) async throws(ProviderError) {
        guard let network else { return }
        let limit = host.configuration.launchDeadline
        let result = await HostThreads.run { () -> Result<Void, SystemError> in
            // The translator finds the namespaces through the holder: that goes second.
            defer { network.holder.leave() }
            return Result { () throws(SystemError) in try network.translation.awaitReady(within: limit) }
        }
        if case .failure(let error) = result { throw error.providerError("the sandbox's network can't be made") }
    }
}
#endif
