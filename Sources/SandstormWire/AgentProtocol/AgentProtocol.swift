/// The numbers that gateway and agent agree on.
///
/// `docs/agent-protocol.md` is the specification; this folder is its only implementation. It is compiled twice, into the gateway
/// and (through a symbolic link) into the agent, so it imports nothing: no Foundation, no NIO.
package enum AgentProtocol {
    /// The version that an agent announces in its `hello`. It grows when a frame changes its meaning, not when a kind is added: an agent answers
    /// kinds that it does not know with `failed`.
    package static let version: UInt16 = 1

    /// The most bytes that one `stdin`, `stdout`, `stderr` or `data` frame carries.
    ///
    /// Small enough that a stalled or slow channel delays the others by one frame only, large enough that headers cost nothing.
    package static let maximumDataLength = 64 * 1024

    /// The longest payload of any frame: room for a `start` with a large environment. A longer one is refused before a byte of it is kept.
    package static let maximumPayloadLength = 1024 * 1024

    /// How many bytes of data may be sent on a channel in one direction before the receiver grants more.
    package static let initialWindow = 256 * 1024

    /// No window may grow beyond this, so that a sum of grants cannot overflow anywhere.
    package static let maximumWindow = Int(Int32.max)

    /// The channel that stands for the session as a whole.
    package static let sessionChannel: UInt32 = 0
}
