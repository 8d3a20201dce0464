import NIOCore
import NIOPosix
import SandstormCore

#if canImport(FoundationEssentials)
import HTTPTypes
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Files that clients sent for templates to be made of: archives, each under the name that the client computed of its content.
struct UploadShelf: Sendable {
    /// The longest archive, in bytes.
    static let maximumBytes: Int64 = 4 << 30
    private static let pieceSize = 256 * 1024

    let directory: String

    /// SHA-256 in hexadecimal digits: nothing that could lead out of the directory.
    static func isName(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    func has(_ name: String, of template: TemplateID) async -> Bool {
        await blocking { access(path(name, template), R_OK) == 0 }
    }

    /// Puts an archive on the shelf, whole or not at all.
    func put(_ bytes: ByteStream, as name: String, of template: TemplateID) async throws {
        let file = path(name, template)
        let draft = "\(file).\(UInt64.random(in: .min ... .max))"
        let descriptor = await blocking {
            for part in [directory, "\(directory)/\(template)"] { mkdir(part, 0o700) }
            return open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { throw UploadShelf.noRoom }
        do {
            var count: Int64 = 0
            for try await piece in bytes {
                count += Int64(piece.readableBytes)
                guard count <= UploadShelf.maximumBytes else { throw E2BError(.contentTooLarge, "The archive is longer than 4 GiB") }
                let isWritten = await blocking { piece.withUnsafeReadableBytes { UploadShelf.write($0, to: descriptor) } }
                guard isWritten else { throw UploadShelf.noRoom }
            }
            let isKept = await blocking { fsync(descriptor) == 0 && rename(draft, file) == 0 }
            guard isKept else { throw UploadShelf.noRoom }
        } catch {
            await blocking {
                close(descriptor)
                unlink(draft)
            }
            throw error
        }
        await blocking { _ = close(descriptor) }
    }

    private static let noRoom = E2BError(
        HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"),
        "The archive could not be kept: the gateway's disk does not take it")

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// The bytes of an archive; `nil` if it is not there.
    func bytes(of name: String, _ template: TemplateID) async -> ByteStream? {
        let file = path(name, template)
        let descriptor = await blocking { open(file, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { return nil }
        let source = OpenFile(descriptor)
        return ByteStream { () async throws(ProviderError) in
            let piece = await blocking { source.read(UploadShelf.pieceSize) }
            guard let piece else { throw ProviderError(.unavailable, "the archive can't be read") }
            return piece.readableBytes == 0 ? nil : piece
        }
    }

    /// Removes all archives of a template.
    func remove(_ template: TemplateID) async {
        let place = "\(directory)/\(template)"
        await blocking {
            guard let entries = opendir(place) else { return }
            while let entry = readdir(entries) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                if name != ".", name != ".." { unlink("\(place)/\(name)") }
            }
            closedir(entries)
            rmdir(place)
        }
    }

    private func path(_ name: String, _ template: TemplateID) -> String { "\(directory)/\(template)/\(name)" }

    /// Calls that may wait for a disk run on threads of their own.
    private func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            NIOThreadPool.singleton.submit { _ in continuation.resume(returning: body()) }
        }
    }
}

/// A descriptor that is closed with its last user.
private final class OpenFile: Sendable {
    private let descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// The next bytes, none at the end; `nil` on failure.
    func read(_ limit: Int) -> ByteBuffer? {
        var buffer = ByteBufferAllocator().buffer(capacity: limit)
        var isRead = false
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { space in
            let count = systemRead(descriptor, space.baseAddress, limit)
            isRead = count >= 0
            return max(0, count)
        }
        return isRead ? buffer : nil
    }
}

/// Where a method has the name of the system's call.
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int { read(descriptor, bytes, count) }
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(descriptor, bytes, count) }
