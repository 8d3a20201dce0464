/// Byte strings on their way to the kernel.
extension [UInt8] {
    /// Whether the kernel would see all of it.
    var isCString: Bool { !contains(0) }

    /// Lends the bytes as a C string. What follows a NUL byte is not seen: check ``isCString`` on input from the peer.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        var terminated = self
        terminated.append(0)
        return terminated.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                // swift-format-ignore: NeverForceUnwrap
                body(characters.baseAddress!)  // There is one byte at least, so there is an address.
            }
        }
    }
}

/// A NULL-terminated array of C strings, as `execve` wants it.
struct CStringArray {
    private let bytes: UnsafeMutablePointer<CChar>
    private let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    init(_ strings: [[UInt8]]) {
        let total = strings.reduce(0) { $0 + $1.count + 1 }
        bytes = .allocate(capacity: max(1, total))
        pointers = .allocate(capacity: strings.count + 1)
        var offset = 0
        for (index, string) in strings.enumerated() {
            pointers[index] = bytes + offset
            for byte in string {
                bytes[offset] = CChar(bitPattern: byte)
                offset += 1
            }
            bytes[offset] = 0
            offset += 1
        }
        pointers[strings.count] = nil
    }

    func withPointers<Result>(_ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result {
        body(pointers)
    }

    func deallocate() {
        pointers.deallocate()
        bytes.deallocate()
    }
}
