/// A file of a sandbox that is being read.
public struct SandboxFile: Sendable {
    /// The whole file's size in bytes, where that can be told beforehand.
    public var size: Int64?
    /// The bytes that were asked for. One consumer.
    public var bytes: SandboxStream<[UInt8]>
}
