/// The second field of a frame: what its payload means.
///
/// The numbers are on the wire and never change their meaning. 0x0_ belongs to the session, 0x1_ to processes, 0x2_ and 0x3_ to files
/// and ports.
package enum AgentFrameKind: UInt8, CaseIterable, Sendable {
    case hello = 0x01
    case ping = 0x02
    case pong = 0x03
    case shutdown = 0x04
    case credit = 0x08
    case failed = 0x09

    case start = 0x10
    case started = 0x11
    case stdin = 0x12
    case closeStdin = 0x13
    case stdout = 0x14
    case stderr = 0x15
    case signal = 0x16
    case resize = 0x17
    case exited = 0x18
    case stdinClosed = 0x19

    case putFile = 0x20
    case getFile = 0x21
    case fileInfo = 0x22
    case data = 0x23
    case end = 0x24
    case done = 0x25
    case cancel = 0x26
    case readFile = 0x27
    case entry = 0x28
    case statFile = 0x29
    case listFiles = 0x2a
    case makeDirectory = 0x2b
    case present = 0x2c
    case moveFile = 0x2d
    case removeFile = 0x2e
    case setAttributes = 0x2f

    case watchFiles = 0x30
    case ready = 0x31
    case archiveFiles = 0x32
    case extractFiles = 0x33
    case connect = 0x34
    case actAs = 0x35

    /// Whether the payload is raw bytes that count against the channel's credit.
    package var carriesData: Bool {
        switch self {
        case .stdin, .stdout, .stderr, .data: true
        default: false
        }
    }

    /// The longest payload that a frame of the kind with this number may have. A kind we do not know may be as long as any.
    package static func maximumPayloadLength(ofKind number: UInt8) -> Int {
        AgentFrameKind(rawValue: number)?.carriesData == true ? AgentProtocol.maximumDataLength : AgentProtocol.maximumPayloadLength
    }
}
