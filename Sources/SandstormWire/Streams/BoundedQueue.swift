import SandstormCore

/// Elements on their way from producers to one consumer: bounded by what they cost, so that a slow consumer slows down its producers.
package final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        /// How many of the elements are taken already.
        var taken = 0
        var cost = 0
        var isFinished = false
        var isAbandoned = false
        var nextWaiter = 0
        var producers: [Int: CheckedContinuation<Void, Never>] = [:]
        var consumer: (number: Int, continuation: CheckedContinuation<Void, Never>)?

        var isEmpty: Bool { taken == elements.count }

        mutating func takeProducers() -> [CheckedContinuation<Void, Never>] {
            guard !producers.isEmpty else { return [] }
            defer { producers = [:] }
            return Array(producers.values)
        }
    }

    private let state = Locked(State())
    private let limit: Int
    private let costOf: @Sendable (Element) -> Int

    /// - Parameters:
    ///   - limit: producers wait while what waits to be taken costs more than this.
    ///   - cost: of one element; never negative.
    package init(limit: Int, cost: @escaping @Sendable (Element) -> Int) {
        self.limit = limit
        costOf = cost
    }

    /// Whether a producer would wait: the consumer is not as fast as they are.
    package var isFull: Bool { state.withLock { $0.cost > limit } }

    /// Whether the queue was finished without what it held.
    package var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// Whether nothing waits to be taken.
    package var isEmpty: Bool { state.withLock { $0.isEmpty } }

    /// Adds an element, and waits while too much is pending.
    ///
    /// - Returns: `false` once the queue is finished or the task is cancelled: the element may have gone nowhere.
    package func put(_ element: Element) async -> Bool {
        // A producer that goes on all the same must not fill the queue without a bound.
        guard !Task.isCancelled, offer(element, evenBeyond: .max) else { return false }
        await wait(asConsumer: false) { [limit] in $0.isFinished || $0.cost <= limit }
        return state.withLock { !$0.isFinished } && !Task.isCancelled
    }

    /// Adds an element without waiting, unless more than `allowance` is pending or the queue is finished.
    ///
    /// - Parameter allowance: `nil` for the queue's limit.
    /// - Returns: whether it was added.
    package func offer(_ element: Element, evenBeyond allowance: Int? = nil) -> Bool {
        let cost = costOf(element)
        let (isAdded, consumer) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard !state.isFinished, state.cost <= allowance ?? limit else { return (false, nil) }
            state.elements.append(element)
            state.cost += cost
            return (true, state.consumer.take()?.continuation)
        }
        consumer?.resume()
        return isAdded
    }

    /// Nothing more comes; what is pending can still be taken.
    package func finish() { end { _ in } }

    /// Nothing more comes, and what is pending is thrown away.
    package func abandon() {
        end { state in
            state.isAbandoned = true
            state.elements = []
            state.taken = 0
            state.cost = 0
        }
    }

    private func end(_ change: (inout State) -> Void) {
        let (producers, consumer) = state.withLock { state in
            state.isFinished = true
            change(&state)
            return (state.takeProducers(), state.consumer.take())
        }
        for producer in producers { producer.resume() }
        consumer?.continuation.resume()
    }

    /// Waits for an element; `nil` once the queue is finished and empty, or when the task is cancelled.
    package func take() async -> Element? {
        await waitForElements()
        let (element, producers) = state.withLock { state -> (Element?, [CheckedContinuation<Void, Never>]) in
            guard !state.isEmpty else { return (nil, []) }
            let element = state.elements[state.taken]
            state.taken += 1
            state.cost -= costOf(element)
            // Moved down now and then only, or taking one would cost as much as there are.
            if state.isEmpty {
                state.elements = []
                state.taken = 0
            } else if state.taken >= 64 {
                state.elements.removeFirst(state.taken)
                state.taken = 0
            }
            return (element, state.cost <= limit ? state.takeProducers() : [])
        }
        for producer in producers { producer.resume() }
        return element
    }

    /// Waits for elements and takes all there are; none once the queue is finished and empty, or when the task is cancelled.
    package func takeAll() async -> [Element] {
        await waitForElements()
        let (elements, producers) = state.withLock { state -> ([Element], [CheckedContinuation<Void, Never>]) in
            let elements = state.taken == 0 ? state.elements : Array(state.elements[state.taken...])
            state.elements = []
            state.taken = 0
            state.cost = 0
            return (elements, state.takeProducers())
        }
        for producer in producers { producer.resume() }
        return elements
    }

    private func waitForElements() async { await wait(asConsumer: true) { $0.isFinished || !$0.isEmpty } }

    private func wait(asConsumer: Bool, until condition: @escaping @Sendable (State) -> Bool) async {
        let number = state.withLock { state -> Int? in
            guard !condition(state) else { return nil }
            state.nextWaiter += 1
            return state.nextWaiter
        }
        guard let number else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // Cancellation is asked for inside the lock: one that came before has found no waiter to wake.
                    if condition(state) || Task.isCancelled { return true }
                    if asConsumer {
                        precondition(state.consumer == nil, "a bounded queue has one consumer")
                        state.consumer = (number, continuation)
                    } else {
                        state.producers[number] = continuation
                    }
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                if state.consumer?.number == number { return state.consumer.take()?.continuation }
                return state.producers.removeValue(forKey: number)
            }
            waiter?.resume()
        }
    }
}
