import NIOCore
package import SandstormCore

extension ByteStream {
    /// The same bytes in gzip's form.
    package var compressed: ByteStream {
        let compressor = StreamCompressor(self)
        return ByteStream { () async throws(ProviderError) in try await compressor.next() }
    }

    /// What these bytes, which are in gzip's form, are decompressed.
    ///
    /// It throws `invalid` for bytes that are not, or that end too early.
    package var decompressed: ByteStream {
        let decompressor = StreamDecompressor(self)
        return ByteStream { () async throws(ProviderError) in try await decompressor.next() }
    }
}

private actor StreamCompressor {
    private let source: ByteStream
    private var encoder: GzipEncoder?
    private var isOver = false

    init(_ source: ByteStream) { self.source = source }

    func next() async throws(ProviderError) -> ByteBuffer? {
        while !isOver {
            var iterator = source.makeAsyncIterator()
            let bytes = try await iterator.next(isolation: nil)
            let encoder = try currentEncoder()
            isOver = bytes == nil
            let output = bytes.map(encoder.encode) ?? encoder.finish()
            if output.readableBytes > 0 { return output }
        }
        return nil
    }

    private func currentEncoder() throws(ProviderError) -> GzipEncoder {
        if let encoder { return encoder }
        do throws(GzipError) {
            let encoder = try GzipEncoder()
            self.encoder = encoder
            return encoder
        } catch {
            throw ProviderError(.unavailable, error.description)
        }
    }
}

private actor StreamDecompressor {
    private let source: ByteStream
    private var decoder: GzipDecoder?
    private var isOver = false

    init(_ source: ByteStream) { self.source = source }

    func next() async throws(ProviderError) -> ByteBuffer? {
        do {
            let decoder = try self.decoder ?? GzipDecoder()
            self.decoder = decoder
            while true {
                if let output = try decoder.next() { return output }
                guard !isOver else { return nil }
                var iterator = source.makeAsyncIterator()
                if let bytes = try await iterator.next(isolation: nil) {
                    decoder.append(bytes)
                } else {
                    isOver = true
                    try decoder.finish()
                }
            }
        } catch let error as GzipError {
            throw ProviderError(error == .outOfMemory ? .unavailable : .invalid, error.description)
        } catch let error as ProviderError {
            throw error
        } catch {
            throw ProviderError(.unavailable, "the stream broke")
        }
    }
}
