import SandstormTestSupport
import SandstormWire
import Testing

@Suite("Agent flow control")
struct AgentCreditTests {
    @Test("a sender stops at its window and goes on when granted")
    func send() throws {
        var window = AgentSendWindow(initial: 10)
        try window.spend(10)
        #expect(throws: AgentProtocolError.creditExceeded(excess: 1)) { try window.spend(1) }
        try window.grant(5)
        #expect(window.available == 5)
    }

    @Test("grants that add up to an overflow are an error")
    func overflow() throws {
        var window = AgentSendWindow(initial: 0)
        try window.grant(UInt32(Int32.max))
        #expect(throws: AgentProtocolError.creditOverflow) { try window.grant(1) }
        #expect(throws: AgentProtocolError.creditOverflow) { try window.grant(.max) }
        #expect(window.available == AgentProtocol.maximumWindow)
    }

    @Test("a receiver grants half a window at a time and notices a sender who takes too much")
    func receive() throws {
        var window = AgentReceiveWindow(size: 100)
        try window.receive(100)
        #expect(throws: AgentProtocolError.creditExceeded(excess: 1)) { try window.receive(1) }
        #expect(window.consume(49) == nil)
        #expect(window.consume(1) == 50)
        try window.receive(50)
        #expect(throws: AgentProtocolError.creditExceeded(excess: 1)) { try window.receive(1) }
    }

    @Test("both sides agree about any exchange", arguments: [0, 1, UInt64.random(in: .min ... .max)])
    func agreement(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var sender = AgentSendWindow()
        var receiver = AgentReceiveWindow()
        var unread = 0
        for _ in 0..<10_000 {
            let count = min(sender.available, Int.random(in: 0...65536, using: &generator))
            try sender.spend(count)
            try receiver.receive(count)
            unread += count
            let read = Int.random(in: 0...unread, using: &generator)
            unread -= read
            if let grant = receiver.consume(read) { try sender.grant(grant) }
            #expect(unread <= AgentProtocol.initialWindow, "seed \(seed)")
        }
        // Whatever was read, a sender who waits is not forgotten: once all is read, at least half a window is open.
        if let grant = receiver.consume(unread) { try sender.grant(grant) }
        #expect(sender.available > AgentProtocol.initialWindow / 2, "seed \(seed)")
    }
}
