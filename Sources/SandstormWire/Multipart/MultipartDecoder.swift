package import NIOCore

/// Turns the body of a form (`multipart/form-data`, RFC 7578) that arrives in arbitrary pieces into its parts, as their bytes come.
///
/// It keeps the headers of one part, of bounded length, or what may be the beginning of a boundary; everything else is handed on at once.
/// What is before the first boundary and behind the last one is passed over. After the first error it throws the same one for ever.
package struct MultipartDecoder: Sendable {
    /// What came.
    package enum Event: Hashable, Sendable {
        /// A part begins.
        case part(MultipartHeaders)
        /// Bytes of it, never none; where they are cut means nothing.
        case data(ByteBuffer)
        /// The part is whole.
        case partEnd
    }

    private enum Position: Hashable, Sendable {
        case preamble
        case headers
        case data
        case epilogue
    }

    /// Spaces that may stand behind a boundary.
    private static let maximumPadding = 64

    private let delimiter: [UInt8]
    private let headerLimit: Int
    private let partLimit: Int
    private var buffer: ByteBuffer
    private var position = Position.preamble
    private var headers = MultipartHeaders()
    private var headerBytes = 0
    private var parts = 0
    private var failure: MultipartError?

    /// - Parameters:
    ///   - boundary: as in the content type.
    ///   - headerLimit: the longest headers of one part, in bytes.
    ///   - partLimit: the most parts.
    /// - Throws: ``MultipartError/noBoundary`` if it is none.
    package init(boundary: String, headerLimit: Int = 16 * 1024, partLimit: Int = 10_000) throws(MultipartError) {
        // RFC 2046 allows 70 characters and few of them; what matters here is that none ends a line.
        guard (1...200).contains(boundary.utf8.count), boundary.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), boundary.last != " "
        else { throw .noBoundary }
        delimiter = Array("\r\n--\(boundary)".utf8)
        self.headerLimit = headerLimit
        self.partLimit = partLimit
        // A boundary begins a line; the first one may begin the body.
        buffer = ByteBuffer(string: "\r\n")
    }

    /// - Parameter contentType: the request's.
    /// - Throws: ``MultipartError/noBoundary`` also if it is not a form's.
    package init(contentType: String, headerLimit: Int = 16 * 1024, partLimit: Int = 10_000) throws(MultipartError) {
        guard let header = ParameterizedHeader(contentType), header.value == "multipart/form-data",
            let boundary = header.parameters["boundary"]
        else { throw .noBoundary }
        try self.init(boundary: boundary, headerLimit: headerLimit, partLimit: partLimit)
    }

    /// Bytes that wait for more.
    package var bufferedByteCount: Int { buffer.readableBytes }

    /// The memory that is held for them.
    package var capacity: Int { buffer.capacity }

    /// Adds bytes as they came. Take all events before adding more: they are kept until then.
    package mutating func append(_ bytes: ByteBuffer) {
        guard failure == nil else { return }
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            if buffer.readerIndex >= buffer.readableBytes { buffer.discardReadBytes() }
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// Takes the next event; `nil` while more bytes are needed.
    package mutating func next() throws(MultipartError) -> Event? {
        if let failure { throw failure }
        do throws(MultipartError) {
            return try decodeNext()
        } catch {
            fail(error)
            throw error
        }
    }

    /// Checks where the body's end has come, after its last event was taken.
    ///
    /// - Throws: ``MultipartError/cut`` before the last boundary.
    package mutating func finish() throws(MultipartError) {
        if let failure { throw failure }
        guard position != .epilogue else { return }
        fail(.cut)
        throw .cut
    }

    private mutating func fail(_ error: MultipartError) {
        failure = error
        buffer = ByteBuffer()
    }

    private mutating func decodeNext() throws(MultipartError) -> Event? {
        while true {
            switch position {
            case .preamble:
                switch lookForDelimiter() {
                case .bytes(let count): buffer.moveReaderIndex(forwardBy: count)
                case .delimiter(let length, let isLast): try begin(after: length, isLast: isLast)
                case .needsMore: return nil
                }
            case .headers:
                guard let line = try takeLine() else { return nil }
                guard line.readableBytes > 0 else {
                    position = .data
                    return .part(headers)
                }
                try headers.take(line: line.readableBytesView)
            case .data:
                switch lookForDelimiter() {
                case .bytes(let count): return buffer.readSlice(length: count).map(Event.data)
                case .delimiter(let length, let isLast):
                    try begin(after: length, isLast: isLast)
                    return .partEnd
                case .needsMore: return nil
                }
            case .epilogue:
                buffer = ByteBuffer()
                return nil
            }
        }
    }

    /// Takes the delimiter; what is behind it comes next.
    private mutating func begin(after length: Int, isLast: Bool) throws(MultipartError) {
        buffer.moveReaderIndex(forwardBy: length)
        if isLast {
            position = .epilogue
        } else {
            parts += 1
            guard parts <= partLimit else { throw .tooManyParts(limit: partLimit) }
            headers = MultipartHeaders()
            headerBytes = 0
            position = .headers
        }
    }

    /// Takes a line of the headers without its end; `nil` while more bytes are needed.
    private mutating func takeLine() throws(MultipartError) -> ByteBuffer? {
        let view = buffer.readableBytesView
        var start = view.startIndex
        while let end = view[start...].firstIndex(of: UInt8(ascii: "\r")), end + 1 < view.endIndex {
            start = end + 1
            guard view[start] == UInt8(ascii: "\n") else { continue }
            let length = end - view.startIndex
            headerBytes += length + 2
            guard headerBytes <= headerLimit else { throw .headersTooLong(limit: headerLimit) }
            let line = buffer.readSlice(length: length)
            buffer.moveReaderIndex(forwardBy: 2)
            return line
        }
        guard headerBytes + buffer.readableBytes <= headerLimit else { throw .headersTooLong(limit: headerLimit) }
        return nil
    }

    // MARK: Boundaries

    private enum Finding {
        /// So many bytes are part of no delimiter.
        case bytes(Int)
        /// A delimiter of this length is next.
        case delimiter(Int, isLast: Bool)
        case needsMore
    }

    private enum Match {
        case no
        case perhaps
        case yes(Int, isLast: Bool)
    }

    private func lookForDelimiter() -> Finding {
        let view = buffer.readableBytesView
        var start = view.startIndex
        while let candidate = view[start...].firstIndex(of: UInt8(ascii: "\r")) {
            switch match(view[candidate...]) {
            // A delimiter has one carriage return before its end: none is missed behind it.
            case .no: start = candidate + 1
            case .perhaps where candidate == view.startIndex: return .needsMore
            case .yes(let length, let isLast) where candidate == view.startIndex: return .delimiter(length, isLast: isLast)
            case .perhaps, .yes: return .bytes(candidate - view.startIndex)
            }
        }
        return view.isEmpty ? .needsMore : .bytes(view.count)
    }

    /// Whether the bytes begin with a delimiter: a line that goes on behind the boundary is none.
    private func match(_ bytes: ByteBufferView) -> Match {
        guard bytes.prefix(delimiter.count).elementsEqual(delimiter.prefix(bytes.count)) else { return .no }
        let rest = bytes.dropFirst(delimiter.count)
        guard let first = rest.first else { return .perhaps }
        if first == UInt8(ascii: "-") {
            guard let second = rest.dropFirst().first else { return .perhaps }
            return second == UInt8(ascii: "-") ? .yes(delimiter.count + 2, isLast: true) : .no
        }
        let padding = rest.prefix(MultipartDecoder.maximumPadding).prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.count
        let end = rest.dropFirst(padding)
        guard let carriageReturn = end.first else { return .perhaps }
        guard carriageReturn == UInt8(ascii: "\r") else { return .no }
        guard let lineFeed = end.dropFirst().first else { return .perhaps }
        return lineFeed == UInt8(ascii: "\n") ? .yes(delimiter.count + padding + 2, isLast: false) : .no
    }
}
