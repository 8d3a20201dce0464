import NIOCore
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Bytes on their way to a client") struct StreamBufferTests {
    private func text(_ taken: StreamBuffer.Taken) -> String? {
        if case .bytes(let bytes) = taken { String(buffer: bytes) } else { nil }
    }

    @Test func `what waits is taken at once`() async {
        let buffer = StreamBuffer()
        #expect(await buffer.write(ByteBuffer(string: "a")))
        #expect(await buffer.write(ByteBuffer(string: "b")))
        #expect(text(await buffer.take()) == "ab")
    }

    @Test func `the writer waits for the reader`() async {
        let buffer = StreamBuffer(limit: 3)
        let written = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for _ in 0..<10 {
                    guard await buffer.write(ByteBuffer(string: "xx")) else { return }
                    written.withLock { $0 += 1 }
                }
                buffer.finish(.complete)
            }
            // The second write goes beyond the limit and waits.
            #expect(await eventually { written.withLock { $0 } == 1 })
            var taken = ""
            while let text = text(await buffer.take()) { taken += text }
            #expect(taken == String(repeating: "x", count: 20))
        }
    }

    @Test func `what was written before the end is still taken`() async {
        let buffer = StreamBuffer()
        _ = await buffer.write(ByteBuffer(string: "a"))
        buffer.finish(.complete)
        #expect(await !buffer.write(ByteBuffer(string: "b")))
        #expect(text(await buffer.take()) == "a")
        #expect(text(await buffer.take()) == nil)
        #expect(text(await buffer.take()) == nil)
    }

    @Test func `a sign of life is given only to a reader that waits`() async {
        let buffer = StreamBuffer()
        buffer.writeIfIdle(ByteBuffer(string: "beat"))
        async let taken = buffer.take()
        let beating = Task {
            while !Task.isCancelled {
                buffer.writeIfIdle(ByteBuffer(string: "beat"))
                await Task.yield()
            }
        }
        #expect(text(await taken)?.hasPrefix("beat") == true)
        beating.cancel()
        await beating.value
    }

    @Test func `a reader that is cancelled ends the stream for the writer`() async {
        let buffer = StreamBuffer(limit: 0)
        let reader = Task { await buffer.take() }
        reader.cancel()
        #expect(text(await reader.value) == nil)
        #expect(await !buffer.write(ByteBuffer(string: "a")))
    }
}

@Suite("Something that happens once") struct LatchTests {
    @Test func `all who wait are woken, early and late`() async {
        let latch = Latch()
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<100 { group.addTask { await latch.wait() } }
            latch.open()
            for await isOpen in group { #expect(isOpen) }
        }
        #expect(await latch.wait())
    }

    @Test func `a cancelled wait ends`() async {
        let latch = Latch()
        for _ in 0..<100 {
            let waiting = Task { await latch.wait() }
            if Bool.random() { await Task.yield() }
            waiting.cancel()
            #expect(await !waiting.value)
        }
    }
}
