package import SandstormEngine

/// Who may call.
package enum AuthMode: Sendable {
    /// Whoever shows a key of the ring.
    case required(KeyRing)
    /// Whoever sits at this machine, for development: every call is on behalf of ``Principal/local``.
    ///
    /// Any web page can make a browser send requests to this machine. So only those are answered that name a loopback host and that do not
    /// come from another origin.
    case none
}
