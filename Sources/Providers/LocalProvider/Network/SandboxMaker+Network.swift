#if os(Linux)
import Glibc
import SandstormCore

extension SandboxMaker {
    /// A network that waits for the sandbox to join it.
    struct PreparedNetwork: Sendable {
        var holder: NetworkTranslator.Holder
        var translation: NetworkTranslator.Translation
        var attachment: NetworkAttachment
    }

    /// Where the sandbox finds names.
    var names: NameService {
        switch spec.network {
        case .none: .none
        case .open: host.translator == nil ? .machine : .translated
        // Names are a way out too: a resolver asks whoever is responsible for them.
        case .allow: .addressesOnly
        }
    }

    /// Makes the sandbox's network, if it is to have one of its own. The translator starts while the launcher does its part.
    func prepareNetwork(_ remains: SandboxRemains, _ user: SandboxUser?, _ group: ControlGroup?) throws(SystemError) -> PreparedNetwork? {
        guard spec.network != .none, let translator = host.translator else { return nil }
        let routes: NetworkRoutes
        if case .allow(let list) = spec.network {
            // It was checked when the spec was taken on; the machine may have got an address since.
            guard let listed = try? translator.routes(only: list) else { throw SystemError(EADDRNOTAVAIL, in: "network allow-list") }
            routes = listed
        } else {
            routes = translator.routes()
        }
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
