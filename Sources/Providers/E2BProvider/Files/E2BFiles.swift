import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The files of a sandbox at E2B, as one of its users handles them.
///
/// Bytes go through envd's `/files`. What the protocol lacks (a replacement at once, modes, owners, links as they are written, archives) is
/// done by a few lines of shell in the sandbox.
struct E2BFiles: SandboxFiles {
    let link: SandboxLink
    /// `nil` for the usual one.
    let user: String?

    // MARK: The tree

    func info(_ path: String, followingLinks: Bool) async throws(ProviderError) -> FileInfo {
        try await info(path, followingLinks, forReading: false)
    }

    private func info(_ path: String, _ followingLinks: Bool, forReading: Bool) async throws(ProviderError) -> FileInfo {
        let absolute = try FilePath.absolute(path)
        let result = try await lines(FileLines.info, [absolute, followingLinks ? "-H" : "-P", forReading ? "r" : ""], about: path)
        guard let info = FileInfo.entries(inFind: result.output).first else {
            throw ProviderError(.unavailable, "the sandbox's answer makes no sense", vendorDetail: result.errors)
        }
        return info
    }

    func list(_ path: String, depth: Int) async throws(ProviderError) -> [FileInfo] {
        let absolute = try FilePath.absolute(path)
        let result = try await lines(FileLines.list, [absolute, String(max(1, depth))], about: path)
        return FileInfo.entries(inFind: result.output).sorted { $0.path < $1.path }
    }

    func makeDirectory(_ path: String, mode: UInt16) async throws(ProviderError) -> Bool {
        let absolute = try FilePath.absolute(path)
        let result = try await lines(FileLines.makeDirectory, [absolute, String(mode, radix: 8)], about: path)
        return String(buffer: result.output) == "yes"
    }

    func move(_ source: String, to destination: String, replacing: Bool) async throws(ProviderError) {
        let (from, to) = (try FilePath.absolute(source), try FilePath.absolute(destination))
        _ = try await lines(FileLines.move, [from, to, replacing ? "replace" : "keep"], about: source)
    }

    func remove(_ path: String, recursively: Bool) async throws(ProviderError) {
        _ = try await lines(FileLines.remove, [try FilePath.absolute(path), recursively ? "all" : "one"], about: path)
    }

    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(ProviderError) {
        let names = [attributes.owner, attributes.group].compactMap(\.self)
        guard names.allSatisfy({ !$0.isEmpty && !$0.contains(":") && !$0.utf8.contains(0) }) else {
            throw FileFailure.error(path, .other)
        }
        let owner = (attributes.owner ?? "") + (attributes.group.map { ":\($0)" } ?? "")
        let mode = attributes.mode.map { String($0, radix: 8) } ?? ""
        let time = attributes.modifiedAt.map { String(format: $0) } ?? ""
        _ = try await lines(FileLines.setAttributes, [try FilePath.absolute(path), owner, mode, time], about: path)
    }

    /// Runs lines that are about a file.
    private func lines(_ script: String, _ arguments: [String], about path: String) async throws(ProviderError) -> ToolResult {
        let result = try await link.run(script, arguments, as: try await link.name(ofUser: user))
        guard result.code != 0 else { return result }
        guard result.code != 127 else { throw .unsupported("files in a sandbox without the usual small programs") }
        throw FileFailure.error(path, result.errors)
    }

    // MARK: Reading

    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        let info = try await info(path, true, forReading: true)
        try check(info, path)
        guard info.size <= Int64(limit) else { throw FileFailure.error(path, .tooLarge) }
        return try await content(path, info.size, nil).collect(upTo: limit)
    }

    func open(_ path: String, range: Range<Int64>?) async throws(ProviderError) -> FileContent {
        let info = try await info(path, true, forReading: true)
        try check(info, path)
        return FileContent(info: info, bytes: try await content(path, info.size, range))
    }

    private func check(_ info: FileInfo, _ path: String) throws(ProviderError) {
        switch info.kind {
        case .file: return
        case .directory: throw FileFailure.error(path, .isDirectory)
        // A pipe would be waited for, a device might never end.
        case .symbolicLink, .other: throw FileFailure.error(path, .other)
        }
    }

    private func content(_ path: String, _ size: Int64, _ range: Range<Int64>?) async throws(ProviderError) -> ByteStream {
        let range = range.map { $0.clamped(to: 0..<size) } ?? 0..<size
        guard !range.isEmpty else { return ByteStream(ByteBuffer()) }
        let (absolute, user) = (try FilePath.absolute(path), try await link.name(ofUser: user))
        let isWhole = range == 0..<size
        let stream: VendorStream
        do throws(EnvdFailure) {
            stream = try await link.open { [link] in
                link.request(
                    .GET, "/files" + PercentEncoding.query(["path": absolute, "username": user]),
                    headers: [("accept-encoding", "identity")]
                        + (isWhole ? [] : [("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")]))
            }
        } catch {
            throw await failure(error, about: path)
        }
        // A server that knows no ranges sends all of it.
        let part = Locked(
            stream.status == 206 || isWhole ? Part(skip: 0, left: range.count) : Part(skip: Int(range.lowerBound), left: range.count))
        return ByteStream { [link] () async throws(ProviderError) in
            while part.withLock({ $0.left > 0 }) {
                let bytes: ByteBuffer?
                do throws(VendorFailure) {
                    bytes = try await stream.next(within: link.patience.transfer)
                } catch {
                    throw await link.error(.transport(error), hasBegun: true)
                }
                guard let bytes else { return nil }
                if let piece = part.withLock({ $0.take(bytes) }) { return piece }
            }
            await stream.drain(within: .milliseconds(100))
            return nil
        }
    }

    /// What is to come of a file.
    private struct Part: Sendable {
        var skip: Int
        var left: Int

        mutating func take(_ bytes: ByteBuffer) -> ByteBuffer? {
            var bytes = bytes
            let skipped = min(skip, bytes.readableBytes)
            bytes.moveReaderIndex(forwardBy: skipped)
            skip -= skipped
            let piece = bytes.readSlice(length: min(left, bytes.readableBytes))
            left -= piece?.readableBytes ?? 0
            return piece.flatMap { $0.readableBytes > 0 ? $0 : nil }
        }
    }

    /// What a failed request to `/files` means.
    private func failure(_ failure: EnvdFailure, about path: String) async -> ProviderError {
        if case .connect(let error, let answer) = failure {
            if answer?.status == 507 { return FileFailure.error(path, .noSpace) }
            if answer?.status == 404 { return FileFailure.error(path, .notFound) }
            if let problem = FileFailure.problem(in: error.message) {
                var translated = FileFailure.error(path, problem)
                translated.vendorStatus = answer?.status
                translated.vendorDetail = error.message
                return translated
            }
        }
        return await link.error(failure, hasBegun: true)
    }

    // MARK: Writing

    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {
        try await write(path, ByteStream(content), length: Int64(content.readableBytes), mode: mode)
    }

    func write(_ path: String, from content: ByteStream, mode: UInt16) async throws(ProviderError) {
        try await write(path, content, length: nil, mode: mode)
    }

    /// envd writes into a file as the bytes come: a file beside it is written, and then takes its place.
    private func write(_ path: String, _ content: ByteStream, length: Int64?, mode: UInt16) async throws(ProviderError) {
        let absolute = try FilePath.absolute(path)
        let user = try await link.name(ofUser: user)
        let draft = FilePath.beside(absolute)
        try await upload(content, length: length, to: draft, for: path, at: absolute, as: user)
        do throws(ProviderError) {
            _ = try await lines(FileLines.place, [draft, absolute, String(mode, radix: 8)], about: path)
        } catch {
            removeLater(draft, as: user)
            throw error
        }
    }

    private func upload(
        _ content: ByteStream, length: Int64?, to draft: String, for path: String, at absolute: String, as user: String?
    ) async throws(ProviderError) {
        try link.checkIsThere()
        do throws(EnvdFailure) {
            try await post(content, length: length, to: draft, as: user)
        } catch {
            removeLater(draft, as: user)
            if Task.isCancelled { throw ProviderError(.interrupted, "the caller has gone") }
            let failure = await failure(error, about: path)
            // The answer does not say why: it may be seen.
            guard failure.fileProblem == nil, case .connect = error, failure.code != .notFound, failure.code != .interrupted,
                let result = try? await link.run(FileLines.whyNot, [absolute], as: user), result.code == 1
            else { throw failure }
            throw FileFailure.error(path, result.errors)
        }
    }

    /// Sends a file's content. Whoever does not take bytes as they are gets a form.
    private func post(_ content: ByteStream, length: Int64?, to draft: String, as user: String?) async throws(EnvdFailure) {
        let query = PercentEncoding.query(["path": draft, "username": user])
        var (body, size, type) = (content, length, "application/octet-stream")
        if !link.account.has(.octetStream) || link.access.version < .octetStream {
            let form = MultipartForm(name: "file", fileName: draft)
            (body, size, type) = (form.body(content), length.map(form.length(of:)), form.contentType)
        }
        let request = link.request(.POST, "/files" + query, headers: [("content-type", type)], body: .stream(body, length: size))
        let answer: VendorAnswer
        do throws(VendorFailure) {
            answer = try await link.plane.client.answer(to: request, within: link.patience.transfer)
        } catch {
            throw .transport(error)
        }
        guard (200..<300).contains(answer.status) else { throw EnvdFailure(answer) }
    }

    /// What was not finished goes: by its user, or by root if envd made it where its user may not.
    private func removeLater(_ draft: String, as user: String?) {
        guard !link.isDying else { return }
        let (link, account) = (link, link.account)
        link.aftercare.take {
            let line = #"rm -f "$1"; [ ! -e "$1" ]"#
            let result = try? await link.run(line, [draft], as: user)
            if result?.code != 0, account.has(.root) { _ = try? await link.run(line, [draft], as: SandboxSpec.root) }
        }
    }

    // MARK: Archives

    func archive(_ path: String) async throws(ProviderError) -> ByteStream {
        let absolute = try FilePath.absolute(path)
        let tool = try await link.open(FileLines.archive, [absolute], as: try await link.name(ofUser: user))
        // What is not there is told at once.
        let first = Locked<Tool.Event?>(try await tool.next())
        if case .end(let code)? = first.withLock(\.self), code != 0 { throw E2BFiles.archiveError(path, code, tool) }
        return ByteStream { () async throws(ProviderError) in
            let kept = first.withLock { $0.take() }
            let event: Tool.Event?
            if let kept { event = kept } else { event = try await tool.next() }
            switch event {
            case .output(let bytes): return bytes
            // A file that changes while it is read is no failure.
            case .end(0), .end(1): return nil
            case .end(let code): throw E2BFiles.archiveError(path, code, tool)
            case nil: return nil
            }
        }
    }

    private static func archiveError(_ path: String, _ code: Int32, _ tool: Tool) -> ProviderError {
        code == 127 ? .unsupported("archives in a sandbox without tar") : FileFailure.error(path, tool.errors)
    }

    func extract(_ archive: ByteStream, into path: String) async throws(ProviderError) {
        let absolute = try FilePath.absolute(path)
        let user = try await link.name(ofUser: user)
        let draft = FilePath.inside(absolute)
        try await upload(archive, length: nil, to: draft, for: path, at: draft, as: user)
        let result: ToolResult
        do throws(ProviderError) {
            result = try await link.run(FileLines.extract, [absolute, draft], as: user)
        } catch {
            removeLater(draft, as: user)
            throw error
        }
        switch result.code {
        case 0: return
        case 127: throw .unsupported("archives in a sandbox without tar")
        default:
            let problem = FileFailure.problem(in: result.errors)
            let isOutside = problem == .noSpace || (problem == .notPermitted && !result.errors.contains("mknod"))
            var error = FileFailure.error(path, isOutside ? problem ?? .other : .badArchive)
            error.vendorDetail = result.errors
            throw error
        }
    }

    // MARK: Watching

    func watch(_ path: String, recursively: Bool) async throws(ProviderError) -> FileChanges {
        guard link.account.has(.watch) else { throw .unsupported("watch") }
        let watch = FileWatch(
            link: link, path: try FilePath.absolute(path), recursively: recursively, user: try await link.name(ofUser: user))
        do throws(EnvdFailure) {
            try await watch.begin()
        } catch {
            throw await failure(error, about: path)
        }
        return FileChanges { () async throws(ProviderError) in try await watch.next() }
    }
}

extension String {
    /// An instant as `date -d @…` takes it.
    fileprivate init(format date: Date) {
        let milliseconds = Int64((date.timeIntervalSince1970 * 1000).rounded())
        let (seconds, rest) = (milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000, (milliseconds % 1000 + 1000) % 1000)
        let digits = String(rest)
        self = "\(seconds).\(String(repeating: "0", count: 3 - digits.count))\(digits)"
    }
}
