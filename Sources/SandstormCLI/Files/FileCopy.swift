import Dispatch
import Sandstorm

#if canImport(Glibc)
import Glibc
import SwiftOverlayShims
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One `sandstorm files cp`: a file or a directory, into a sandbox or out of it.
struct FileCopy {
    let sandstorm: Sandstorm
    let progress: CopyProgress

    // MARK: Into a sandbox

    /// Copies a local file or directory, or standard input for `-`.
    func upload(_ source: String, to destination: SandboxPath) async throws {
        let files = sandstorm.sandbox(destination.sandbox).files
        if source == "-" {
            try await files.write(destination.path, from: counted(StandardInput.Pieces()))
            return
        }
        var status = stat()
        guard stat(source, &status) == 0 else { throw LocalFileReader.failure("can't be read", source) }
        let target = try await place(for: FileCopy.name(of: source), at: destination, files)
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            let packer = try TarPacker(source)
            try await files.extract(counted(BlockingBytes { try packer.next() }), into: target)
            tell(packer.leftOut)
        case S_IFREG:
            let file = try LocalFileReader(source)
            try await files.write(target, from: counted(BlockingBytes { try file.next() }), mode: file.mode)
        default: throw CommandFailure(.sandstormFailed, "\(source) is neither a file nor a directory")
        }
    }

    /// What is copied onto a directory goes into it, under its own name.
    private func place(for name: String, at destination: SandboxPath, _ files: LivingSandboxFiles) async throws -> String {
        if destination.path.hasSuffix("/") { return destination.appending(name).path }
        do throws(SandstormError) {
            let isDirectory = try await files.info(destination.path).kind == .directory
            return isDirectory ? destination.appending(name).path : destination.path
        } catch {
            guard error.kind == .fileNotFound else { throw error }
            return destination.path
        }
    }

    // MARK: Out of a sandbox

    /// Copies a file or directory to a local path, or to standard output for `-`; a directory goes there as a tar archive.
    func download(_ source: SandboxPath, to destination: String, isRaw: Bool) async throws {
        let files = sandstorm.sandbox(source.sandbox).files
        let info = try await files.info(source.path)
        switch info.kind {
        case .file where destination == "-":
            progress.end()
            try await FileCopy.show(try await files.open(source.path).bytes, isRaw: isRaw)
        case .file: try await save(try await files.open(source.path).bytes, as: FileCopy.place(for: source, at: destination), info.mode)
        case .directory where destination == "-":
            guard !StandardOutput.output.isTerminal else {
                throw CommandFailure([
                    OptionProblem(
                        "DESTINATION", "would write an archive to the terminal", remedy: "name a directory, or redirect the output")
                ])
            }
            for try await bytes in try await files.archive(source.path) { try await StandardOutput.output.write(bytes) }
        case .directory: try await unpack(try await files.archive(source.path), into: FileCopy.place(for: source, at: destination))
        case .symbolicLink, .other:
            throw CommandFailure(.sandstormFailed, "\(source.path) is neither a file nor a directory")
        }
    }

    /// Writes the bytes of a file to standard output.
    static func show(_ bytes: SandboxStream<[UInt8]>, isRaw: Bool) async throws {
        let output = ProgramOutput(isRaw: isRaw)
        for try await piece in bytes { try await output.write(piece, to: .stdout) }
        try await output.end()
    }

    private func save(_ bytes: SandboxStream<[UInt8]>, as path: String, _ mode: UInt16) async throws {
        let file = try LocalFileWriter(path, mode: mode)
        let queue = DispatchQueue(label: "sandstorm.files")
        for try await piece in bytes {
            try await blocking(on: queue) { _ in try file.write(piece) }
            progress.add(piece.count)
        }
        try file.finish()
    }

    private func unpack(_ archive: SandboxStream<[UInt8]>, into path: String) async throws {
        let queue = DispatchQueue(label: "sandstorm.files")
        do {
            let unpacker = try TarUnpacker(into: path)
            for try await piece in archive {
                try await blocking(on: queue) { _ in try unpacker.unpack(piece) }
                progress.add(piece.count)
            }
            try await blocking(on: queue) { _ in try unpacker.finish() }
            tell(unpacker.leftOut)
        } catch let error as TarError {
            throw CommandFailure(.sandstormFailed, "the sandbox's archive was not unpacked to its end: \(error)")
        }
    }

    /// What is copied onto a directory goes into it, under the name that was typed.
    private static func place(for source: SandboxPath, at destination: String) throws -> String {
        var status = stat()
        let isDirectory = stat(destination, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
        guard isDirectory || destination.hasSuffix("/") else { return destination }
        // The whole workspace goes where it was told to.
        guard !source.name.isEmpty, source.path != SandboxSpec.workspace else { return destination }
        return destination.hasSuffix("/") ? destination + source.name : destination + "/" + source.name
    }

    // MARK: Parts

    private func counted<Bytes: AsyncSequence & Sendable>(
        _ bytes: Bytes
    ) -> AsyncMapSequence<Bytes, [UInt8]> where Bytes.Element == [UInt8] {
        bytes.map { [progress] piece in
            progress.add(piece.count)
            return piece
        }
    }

    private func tell(_ leftOut: [String]) {
        guard !leftOut.isEmpty else { return }
        progress.end()
        for line in leftOut { Terminal.tell("sandstorm: left out \(line)") }
    }

    /// The last part of a local path, also of `.` and `dir/`.
    private static func name(of path: String) -> String {
        let last = path.split(separator: "/").last.map(String.init) ?? ""
        guard last.isEmpty || last == "." || last == ".." else { return last }
        guard let resolved = realpath(path, nil) else { return last }
        defer { free(resolved) }
        return String(cString: resolved).split(separator: "/").last.map(String.init) ?? ""
    }
}

/// Says on the terminal how much has been copied.
final class CopyProgress: Sendable {
    private let progress: Progress
    private let count = Locked(Int64(0))

    init(isEnabled: Bool) { progress = Progress("copying", isEnabled: isEnabled) }

    func add(_ bytes: Int) {
        let total = count.withLock { count in
            count += Int64(bytes)
            return count
        }
        progress.show("copied \(ByteCount.display(total))")
    }

    func end() { progress.end() }
}
