import NIOCore
package import SandstormCore

/// Reads the parts of a form one after the other, as their bytes come; whoever does not read holds up the sender. One consumer.
package actor MultipartReader {
    private let source: ByteStream
    private var decoder: MultipartDecoder
    /// The part that is being read, counted from 1.
    private var part = 0
    private var isInPart = false
    private var isOver = false

    /// - Parameter source: the form's body.
    package init(_ source: ByteStream, decoder: MultipartDecoder) {
        self.source = source
        self.decoder = decoder
    }

    /// Goes on to the next part, passing over what was not read of the one before; `nil` after the last.
    ///
    /// - Throws: ``ProviderError``: `invalid` for what is no form, or what the source threw.
    package func next() async throws(ProviderError) -> MultipartPart? {
        while let event = try await nextEvent() {
            switch event {
            case .data: continue
            case .partEnd: isInPart = false
            case .part(let headers):
                part += 1
                isInPart = true
                let number = part
                return MultipartPart(
                    headers: headers, bytes: ByteStream { () async throws(ProviderError) in try await self.data(of: number) })
            }
        }
        return nil
    }

    private func data(of number: Int) async throws(ProviderError) -> ByteBuffer? {
        guard number == part, isInPart else { return nil }
        switch try await nextEvent() {
        case .data(let bytes)?: return bytes
        case .partEnd?: isInPart = false
        case .part?, nil: break
        }
        return nil
    }

    private func nextEvent() async throws(ProviderError) -> MultipartDecoder.Event? {
        do throws(MultipartError) {
            if let event = try decoder.next() { return event }
        } catch {
            throw ProviderError(.invalid, error.description)
        }
        while !isOver {
            var iterator = source.makeAsyncIterator()
            let bytes = try await iterator.next(isolation: nil)
            do throws(MultipartError) {
                if let bytes {
                    decoder.append(bytes)
                } else {
                    isOver = true
                    try decoder.finish()
                }
                if let event = try decoder.next() { return event }
            } catch {
                throw ProviderError(.invalid, error.description)
            }
        }
        return nil
    }
}

/// One part of a form.
package struct MultipartPart: Sendable {
    package var headers: MultipartHeaders
    /// Its bytes, as long as the reader has not gone on to the next part. One consumer.
    package var bytes: ByteStream
}
