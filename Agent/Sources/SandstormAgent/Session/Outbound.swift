import Glibc

/// Frames on their way to the gateway.
///
/// One flat buffer that pipes and files are read straight into, behind a header that is filled in afterwards: between a process's pipe and the
/// transport a byte is copied by the kernel only.
final class Outbound {
    /// Above this, nothing more is read from processes and files: they have to wait for the transport.
    private static let dataLimit = 256 * 1024
    /// Above this, nothing more is read from the gateway either, since what it says makes answers.
    private static let controlLimit = 2 * 1024 * 1024

    private var storage: UnsafeMutableRawPointer
    private var capacity: Int
    private var head = 0
    private var tail = 0
    /// Whether the transport takes bytes, as far as known.
    var isWritable = true

    init() {
        capacity = 512 * 1024
        storage = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit {
        storage.deallocate()
    }

    private var count: Int { tail - head }
    var hasRoomForData: Bool { count < Self.dataLimit }
    var hasRoomForAnswers: Bool { count < Self.controlLimit }

    /// Queues a frame.
    func send(_ message: AgentMessage, on channel: UInt32) {
        // None of the agent's own messages is near the limit: texts are cut when they are made.
        guard let bytes = try? AgentFrame(channel: channel, message: message).encoded() else { return }
        makeRoom(for: bytes.count)
        UnsafeMutableRawBufferPointer(start: storage + tail, count: bytes.count).copyBytes(from: bytes)
        tail += bytes.count
    }

    /// Reads up to `maximum` bytes from `source` into a frame of the given kind. There is no frame unless bytes came.
    func sendData(_ kind: AgentFrameKind, on channel: UInt32, from source: Descriptor, maximum: Int) -> Descriptor.Outcome {
        let maximum = min(maximum, AgentProtocol.maximumDataLength)
        makeRoom(for: AgentFrameHeader.size + maximum)
        let payload = storage + tail + AgentFrameHeader.size
        let outcome = source.read(into: UnsafeMutableRawBufferPointer(start: payload, count: maximum))
        if case .count(let count) = outcome, count > 0 {
            AgentFrameHeader(kind: kind, channel: channel, payloadLength: count).write(to: storage + tail)
            tail += AgentFrameHeader.size + count
        }
        return outcome
    }

    /// Writes what the transport takes.
    ///
    /// - Throws: when the transport is broken.
    func flush(to transport: Descriptor) throws(SystemError) {
        while isWritable, head < tail {
            switch transport.write(UnsafeRawBufferPointer(start: storage + head, count: count)) {
            case .count(let written): head += written
            case .wouldBlock: isWritable = false
            case .failed(let code): throw SystemError(code, in: "write to the gateway")
            }
        }
        if head == tail {
            head = 0
            tail = 0
        }
    }

    private func makeRoom(for size: Int) {
        guard capacity - tail < size else { return }
        if capacity - count >= size {
            memmove(storage, storage + head, count)
        } else {
            capacity = max(2 * capacity, count + size)
            let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
            larger.copyMemory(from: storage + head, byteCount: count)
            storage.deallocate()
            storage = larger
        }
        tail -= head
        head = 0
    }
}

extension AgentFrameHeader {
    /// Writes the header to memory that has room for it.
    fileprivate func write(to memory: UnsafeMutableRawPointer) {
        memory.storeBytes(of: UInt32(payloadLength + Self.size - 4).bigEndian, as: UInt32.self)
        memory.storeBytes(of: kind, toByteOffset: 4, as: UInt8.self)
        memory.storeBytes(of: channel.bigEndian, toByteOffset: 5, as: UInt32.self)
    }
}
