import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@Suite("Elements on their way to one consumer") struct BoundedQueueTests {
    @Test func `producers wait for the consumer, and nothing is lost or reordered`() async {
        let queue = BoundedQueue<Int>(limit: 3) { _ in 1 }
        let put = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for number in 0..<1000 {
                    #expect(await queue.put(number))
                    put.withLock { $0 += 1 }
                }
                queue.finish()
            }
            // Three fit, and the fourth is in but not returned.
            #expect(await eventually { put.withLock { $0 } == 3 })
            #expect(queue.isFull)
            var taken: [Int] = []
            while let number = await queue.take() { taken.append(number) }
            #expect(taken == Array(0..<1000))
        }
    }

    @Test func `all that waits is taken at once`() async {
        let queue = BoundedQueue<Int>(limit: 100) { _ in 1 }
        for number in 0..<10 { #expect(queue.offer(number)) }
        #expect(await queue.take() == 0)
        #expect(await queue.takeAll() == Array(1..<10))
        queue.finish()
        #expect(await queue.takeAll() == [])
    }

    @Test func `an offer beyond the limit is dropped, unless it is allowed`() async {
        let queue = BoundedQueue<Int>(limit: 0) { _ in 1 }
        #expect(queue.offer(1))
        #expect(!queue.offer(2))
        #expect(queue.offer(3, evenBeyond: 1))
        #expect(await queue.takeAll() == [1, 3])
    }

    @Test func `what is pending is still taken after the end, but not after it was abandoned`() async {
        let finished = BoundedQueue<Int>(limit: 10) { _ in 1 }
        _ = finished.offer(1)
        finished.finish()
        #expect(await !finished.put(2))
        #expect(await finished.take() == 1)
        #expect(await finished.take() == nil)
        let abandoned = BoundedQueue<Int>(limit: 10) { _ in 1 }
        _ = abandoned.offer(1)
        abandoned.abandon()
        #expect(await abandoned.take() == nil)
        #expect(abandoned.isAbandoned)
    }

    @Test func `cancelled waits end on both sides, and the queue goes on`() async {
        let queue = BoundedQueue<Int>(limit: 0) { _ in 1 }
        for _ in 0..<200 {
            let consumer = Task { await queue.take() }
            if Bool.random() { await Task.yield() }
            consumer.cancel()
            #expect(await consumer.value == nil)
        }
        let producer = Task { await queue.put(1) }
        #expect(await eventually { queue.isFull })
        producer.cancel()
        #expect(await !producer.value)
        #expect(await queue.take() == 1)
        #expect(queue.offer(2))
        #expect(await queue.take() == 2)
    }
}
