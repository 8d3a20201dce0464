/// Small numbers in the order of their keys, each at most once, with removal of any.
struct IndexedHeap<Key: Comparable & Sendable>: Sendable {
    private var items: [(key: Key, id: Int)] = []
    /// Where in ``items`` a number is; -1 if it is not there.
    private var positions: [Int] = []

    init() {}

    var count: Int { items.count }

    /// The number with the least key.
    var first: (key: Key, id: Int)? { items.first }

    func contains(_ id: Int) -> Bool { id < positions.count && positions[id] >= 0 }

    /// Puts a number in, or gives it another key.
    mutating func set(_ id: Int, _ key: Key) {
        while positions.count <= id { positions.append(-1) }
        if positions[id] < 0 {
            items.append((key, id))
            positions[id] = items.count - 1
        } else {
            items[positions[id]].key = key
        }
        settle(positions[id])
    }

    /// Takes a number out, if it is there.
    mutating func remove(_ id: Int) {
        guard contains(id) else { return }
        let position = positions[id]
        positions[id] = -1
        let last = items.removeLast()
        guard position < items.count else { return }
        items[position] = last
        positions[last.id] = position
        settle(position)
    }

    private mutating func settle(_ start: Int) {
        var position = start
        while position > 0, items[position].key < items[(position - 1) / 2].key {
            exchange(position, (position - 1) / 2)
            position = (position - 1) / 2
        }
        while true {
            var least = position
            for child in (2 * position + 1)...(2 * position + 2) where child < items.count && items[child].key < items[least].key {
                least = child
            }
            guard least != position else { return }
            exchange(position, least)
            position = least
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        items.swapAt(left, right)
        positions[items[left].id] = left
        positions[items[right].id] = right
    }
}
