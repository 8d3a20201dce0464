/// Why a run did not come to its end.
public struct RunFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure; part of the API's contract.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// The spec's timeout passed and the code was killed.
        case timeout
        /// The code was killed since it would have cost more than `maxCost`.
        case costLimit
        /// No place had a sandbox ready within `maxLatency`. Nothing has run.
        case latencyLimit
        /// The sandbox's memory limit killed it.
        case outOfMemory
        /// Every place that can run it was full for as long as the run could wait. Nothing has run.
        case tooBusy
        /// No offer can run this spec within these constraints.
        case noOffer
        /// Every offer was tried and failed.
        case providersFailed
        /// No place has what the spec needs, such as a language's toolchain.
        case unsupported
        /// The place refused the request as the caller's mistake.
        case refused
        /// The sandbox was lost after the code had started.
        case sandboxLost
        /// The gateway stopped while the run was on its way.
        case gatewayStopped
        /// The caller cancelled it.
        case cancelled
        /// Something broke inside the gateway.
        case `internal`
    }

    /// What programs act on; ``detail`` only explains it.
    public var kind: Kind
    /// For people.
    public var detail: String

    /// Takes a `detail` that callers will see.
    public init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    /// Kind and detail: `noOffer: no provider is configured`.
    public var description: String { "\(kind.rawValue): \(detail)" }

    /// The same request may do better later.
    public var isRetryable: Bool {
        switch kind {
        case .providersFailed, .latencyLimit, .tooBusy, .sandboxLost, .gatewayStopped, .internal: true
        case .timeout, .costLimit, .outOfMemory, .noOffer, .unsupported, .refused, .cancelled: false
        }
    }
}
