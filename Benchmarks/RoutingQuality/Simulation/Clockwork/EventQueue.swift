/// Things to come, the earliest first; of those at the same instant, the one that was added first.
package struct EventQueue<Event> {
    private struct Item {
        var instant: Microseconds
        var number: Int
        var event: Event

        func precedes(_ other: Item) -> Bool { instant != other.instant ? instant < other.instant : number < other.number }
    }

    private var heap: [Item] = []
    private var count = 0

    package init() {}

    package mutating func add(_ event: Event, at instant: Microseconds) {
        heap.append(Item(instant: instant, number: count, event: event))
        count += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    package mutating func next() -> (instant: Microseconds, event: Event)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.instant, first.event)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            let left = 2 * parent + 1
            if left < heap.count, heap[left].precedes(heap[least]) { least = left }
            if left + 1 < heap.count, heap[left + 1].precedes(heap[least]) { least = left + 1 }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
