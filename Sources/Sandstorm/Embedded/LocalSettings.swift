package import SandstormCore

/// What an operator may say about sandboxes on this machine.
package struct LocalSettings: Sendable {
    /// What one costs.
    package var price = PriceSchedule.free
    /// Networks and addresses that those with a network reach although they are private.
    package var privateNetworks: [String] = []
    /// Those with a network get the machine's own, with all that it reaches.
    package var sharesHostNetwork = false

    package init() {}
}
