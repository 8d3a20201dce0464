import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

/// The files of a sandbox behind a gateway.
struct GatewayFiles: FileLink {
    let sandbox: SandboxID
    let client: GatewayClient

    /// How long bytes may be on their way into a sandbox.
    private static let uploadTime = TimeAmount.hours(24)

    func open(_ path: String, range: Range<Int64>?) async throws(SandstormError) -> SandboxFile {
        var call = GatewayCall(path: self.path(), query: [("path", path)], answer: .bytes)
        if let range {
            guard !range.isEmpty else {
                // HTTP has no word for an empty range.
                let info = try await info(path, followingLinks: true)
                return SandboxFile(size: info.size, bytes: SandboxStream { () throws(SandstormError) in nil })
            }
            call.range = range.lowerBound...(range.upperBound - 1)
        }
        let response: HTTPClientResponse
        do throws(SandstormError) {
            response = try await client.stream(call)
        } catch {
            guard range != nil, error.status == 416 else { throw error }
            return SandboxFile(size: nil, bytes: SandboxStream { () throws(SandstormError) in nil })
        }
        let header = response.headers.first(name: "content-range")?.split(separator: "/").last.map(String.init)
        let size = (header ?? (range == nil ? response.headers.first(name: "content-length") : nil)).flatMap { Int64($0) }
        return SandboxFile(size: size, bytes: stream(response.body))
    }

    func write(_ path: String, _ content: [UInt8], mode: UInt16) async throws(SandstormError) -> FileInfo {
        try await write(path, .bytes(content), mode: mode, isRepeatable: true)
    }

    func write(_ path: String, from content: Upload, mode: UInt16) async throws(SandstormError) -> FileInfo {
        try await write(path, .upload(content), mode: mode, isRepeatable: false)
    }

    private func write(
        _ path: String, _ content: GatewayCall.Content, mode: UInt16, isRepeatable: Bool
    ) async throws(SandstormError) -> FileInfo {
        try await info(
            from: GatewayCall(
                method: .PUT, path: self.path(), query: [("path", path), ("mode", GatewayFiles.octal(mode))], content: content,
                isRepeatable: isRepeatable, patience: GatewayFiles.uploadTime))
    }

    func info(_ path: String, followingLinks: Bool) async throws(SandstormError) -> FileInfo {
        try await info(
            from: GatewayCall(path: self.path("/info"), query: [("path", path), ("followLinks", followingLinks ? "true" : "false")]))
    }

    func list(_ path: String, depth: Int) async throws(SandstormError) -> [FileInfo] {
        let call = GatewayCall(path: self.path("/list"), query: [("path", path), ("depth", String(depth))])
        guard let entries = try await client.json(call)["entries"]?.arrayValue else { throw try client.garbage("a list of files") }
        return entries.compactMap(FileInfo.init(json:))
    }

    func makeDirectory(_ path: String, mode: UInt16) async throws(SandstormError) -> Bool {
        try await client.answer(
            to: GatewayCall(
                method: .POST, path: self.path("/directories"), query: [("path", path), ("mode", GatewayFiles.octal(mode))],
                // Repeated after a lost answer, it would say that the directory had been there.
                isRepeatable: false)
        ).status == 201
    }

    func move(_ source: String, to destination: String, replacing: Bool) async throws(SandstormError) -> FileInfo {
        try await info(
            from: GatewayCall(
                method: .POST, path: self.path("/move"),
                body: ["from": .string(source), "to": .string(destination), "replace": .bool(replacing)], isRepeatable: false,
                patience: GatewayFiles.uploadTime))
    }

    func remove(_ path: String, recursively: Bool) async throws(SandstormError) {
        try await client.done(
            GatewayCall(
                method: .DELETE, path: self.path(), query: [("path", path), ("recursive", recursively ? "true" : "false")],
                isRepeatable: false, patience: GatewayFiles.uploadTime))
    }

    func setAttributes(_ attributes: FileAttributes, of path: String) async throws(SandstormError) -> FileInfo {
        var body = JSONObject()
        body["mode"] = attributes.mode.map { .string(GatewayFiles.octal($0)) }
        body["owner"] = attributes.owner.map(JSONValue.string)
        body["group"] = attributes.group.map(JSONValue.string)
        body["modifiedAt"] = attributes.modifiedAt.map { .string($0.rfc3339) }
        return try await info(
            from: GatewayCall(method: .PATCH, path: self.path("/info"), query: [("path", path)], body: .object(body)))
    }

    func watch(_ path: String, recursively: Bool) async throws(SandstormError) -> SandboxStream<FileChange> {
        let call = GatewayCall(
            path: self.path("/watch"), query: [("path", path), ("recursive", recursively ? "true" : "false")], answer: .events)
        let watch = GatewayWatch(try await client.open(call), client: client)
        // The gateway says so once it sees changes.
        try await watch.begin()
        return SandboxStream { () async throws(SandstormError) in try await watch.next() }
    }

    func archive(_ path: String) async throws(SandstormError) -> SandboxStream<[UInt8]> {
        stream(try await client.stream(GatewayCall(path: self.path("/archive"), query: [("path", path)], answer: .bytes)).body)
    }

    func extract(_ archive: Upload, into path: String) async throws(SandstormError) {
        try await client.done(
            GatewayCall(
                method: .PUT, path: self.path("/archive"), query: [("path", path)], content: .upload(archive), isRepeatable: false,
                patience: GatewayFiles.uploadTime))
    }

    // MARK: Parts

    private func path(_ rest: String = "") -> String { "/v1/sandboxes/\(sandbox)/files\(rest)" }

    private func info(from call: GatewayCall) async throws(SandstormError) -> FileInfo {
        guard let info = FileInfo(json: try await client.json(call)) else { throw try client.garbage("what is known of a file") }
        return info
    }

    private func stream(_ body: HTTPClientResponse.Body) -> SandboxStream<[UInt8]> {
        let reader = BodyReader(body, client: client)
        return SandboxStream { () async throws(SandstormError) in try await reader.next() }
    }

    private static func octal(_ mode: UInt16) -> String { "0" + String(mode, radix: 8) }
}

/// Draws bytes from an answer.
private actor BodyReader {
    private var chunks: HTTPClientResponse.Body.AsyncIterator
    private let client: GatewayClient

    init(_ body: HTTPClientResponse.Body, client: GatewayClient) {
        chunks = body.makeAsyncIterator()
        self.client = client
    }

    func next() async throws(SandstormError) -> [UInt8]? {
        // An iterator can't be advanced in place across a suspension; a copy reads the same body.
        var chunks = chunks
        do {
            return try await chunks.next(isolation: self).map { Array($0.readableBytesView) }
        } catch {
            throw client.translated(error)
        }
    }
}

/// The changes that a gateway tells of. They are not numbered: a watch that was cut can't be taken up again, and says so.
private actor GatewayWatch {
    private var chunks: HTTPClientResponse.Body.AsyncIterator
    private let client: GatewayClient
    private var decoder = ServerSentEventDecoder()
    private var pending: [FileChange] = []
    private var hasBegun = false

    init(_ body: HTTPClientResponse.Body, client: GatewayClient) {
        chunks = body.makeAsyncIterator()
        self.client = client
    }

    func begin() async throws(SandstormError) {
        while !hasBegun {
            guard try await read() else { throw SandstormError(.interrupted, "the gateway ended the watch before it had begun") }
        }
    }

    func next() async throws(SandstormError) -> FileChange? {
        while pending.isEmpty {
            guard try await read() else { throw SandstormError(.interrupted, "the watch was cut; changes may have been missed") }
        }
        return pending.removeFirst()
    }

    /// Reads on; `false` at the end.
    private func read() async throws(SandstormError) -> Bool {
        var chunks = chunks
        let bytes: ByteBuffer?
        do { bytes = try await chunks.next(isolation: self) } catch { throw client.translated(error) }
        guard let bytes else { return false }
        let events: [ServerSentEvent]
        do throws(ServerSentEventTooLong) { events = try decoder.decode(bytes) } catch {
            throw SandstormError(.badAnswer, error.description)
        }
        for event in events {
            switch event.name {
            case "watching": hasBegun = true
            case "problem": throw client.problem(in: event.data)
            case "change":
                hasBegun = true
                if let change = (try? JSONValue(parsing: event.data)).flatMap(FileChange.init(json:)) { pending.append(change) }
            default: break
            }
        }
        return true
    }
}
