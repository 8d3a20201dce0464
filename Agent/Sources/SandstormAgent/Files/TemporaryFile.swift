import Glibc

/// A file that has no place yet. Removed unless it gets one.
final class TemporaryFile {
    /// Held open, so that a rename of the directory (or of one above it) under a running transfer does no harm.
    private let directory: Descriptor
    private let file: Descriptor
    private var name: [UInt8]?

    init(in directory: Descriptor) throws(SystemError) {
        self.directory = directory
        while true {
            let name = Array(".sandstorm-\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).tmp".utf8)
            do throws(SystemError) {
                file = try Descriptor.open(name, at: directory.number, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
                self.name = name
                return
            } catch  where error.code == EEXIST {
                continue
            }
        }
    }

    deinit {
        remove()
    }

    func write(_ bytes: [UInt8]) throws(SystemError) {
        var offset = 0
        while offset < bytes.count {
            switch bytes.withUnsafeBytes({ file.write(UnsafeRawBufferPointer(rebasing: $0[offset...])) }) {
            case .count(let count): offset += count
            case .wouldBlock: throw SystemError(EAGAIN, in: "write")
            case .failed(let code): throw SystemError(code, in: "write")
            }
        }
    }

    /// Gives the file its mode and its place, in one step for whoever looks.
    func move(to place: [UInt8], mode: mode_t) throws(SystemError) {
        guard let name else { return }
        guard fchmod(file.number, mode) == 0 else { throw .current(in: "fchmod") }
        let code = name.withCString { from in
            place.withCString { to in renameat(directory.number, from, directory.number, to) == 0 ? 0 : errno }
        }
        guard code == 0 else { throw SystemError(code, in: String(decoding: place.prefix(1024), as: UTF8.self)) }
        self.name = nil
    }

    func remove() {
        guard let name else { return }
        _ = name.withCString { unlinkat(directory.number, $0, 0) }
        self.name = nil
    }
}
