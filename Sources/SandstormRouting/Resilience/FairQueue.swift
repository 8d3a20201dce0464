import SandstormCore

/// Where runs wait while all places are full, with fairness across tenants: each tenant's waiting runs form a lane, and the lanes are served in
/// turn, in proportion to their weights (start-time fair queueing). However much one tenant sends, each other gets its share; while two tenants
/// wait, neither is served more than its share and one run ahead of the other.
///
/// The queue is bounded. A tenant may have no more runs waiting than there are places left in the queue: alone it fills half of it, and
/// whoever comes next finds room.
///
/// Tenants are named by a number (a hash will do).
package struct FairQueue: Sendable {
    /// Names one waiting run, never again used for another.
    package struct Ticket: Hashable, Sendable {
        fileprivate var slot: Int32
        fileprivate var generation: UInt32
    }

    /// Why a run may not wait.
    package enum Refusal: Error, Hashable, Sendable {
        /// All places are taken.
        case full(capacity: Int)
        /// The tenant has as many runs waiting as it may while others wait too.
        case tenantFull(waiting: Int)
        /// At the current pace its turn would come after its deadline.
        case tooLate(estimated: Duration)
    }

    private struct Waiting: Sendable {
        var generation: UInt32 = 0
        var lane = -1
        /// Neighbours in the lane; -1 at its ends.
        var previous = -1
        var next = -1
    }

    private struct Lane: Sendable {
        var tenant: UInt64
        var weight: Int64
        var head = -1
        var tail = -1
        var count = 0
        /// The virtual time at which its next run may start.
        var start: Int64
    }

    /// The order of lanes: by virtual time, then by who came first.
    private struct Turn: Comparable {
        var start: Int64
        var arrival: UInt64

        static func < (left: Turn, right: Turn) -> Bool { (left.start, left.arrival) < (right.start, right.arrival) }
    }

    package let capacity: Int
    private var slots: [Waiting] = []
    private var freeSlots: [Int] = []
    private var lanes: [Lane] = []
    private var freeLanes: [Int] = []
    private var laneOfTenant: [UInt64: Int] = [:]
    /// Lanes in which somebody waits.
    private var turns = IndexedHeap<Turn>()
    private var deadlines = IndexedHeap<Int64>()
    private var virtualTime: Int64 = 0
    private var arrivals: UInt64 = 0
    private var pace = Pace()

    /// A run's worth of virtual time at weight 1; divides well by small weights.
    private static let unit: Int64 = 720_720

    /// The largest weight.
    package static let heaviest = 1000

    package init(capacity: Int = 1000) { self.capacity = max(1, capacity) }

    /// How many wait.
    package var count: Int { slots.count - freeSlots.count }
    package var isEmpty: Bool { count == 0 }

    /// How many of a tenant's wait.
    package func waiting(of tenant: UInt64) -> Int { laneOfTenant[tenant].map { lanes[$0].count } ?? 0 }

    // MARK: In and out

    /// Lines up a run.
    ///
    /// - Parameters:
    ///   - weight: of the tenant's lane, 1 to ``heaviest``; the latest one counts.
    ///   - deadline: after which it is of no use to be served.
    package mutating func enqueue(
        _ tenant: UInt64, weight: Int = 1, deadline: Moment, at now: Moment
    ) throws(Refusal) -> Ticket {
        let free = capacity - count
        guard free > 0 else { throw .full(capacity: capacity) }
        let own = waiting(of: tenant)
        guard own < free else { throw .tenantFull(waiting: own) }
        if let estimated = estimatedWait(of: tenant, weight: weight, at: now), now + estimated > deadline {
            throw .tooLate(estimated: estimated)
        }
        if isEmpty { pace.filled(at: now) }
        let lane = lane(of: tenant, weight: weight)
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count { slots.append(Waiting()) }
        slots[slot].lane = lane
        slots[slot].previous = lanes[lane].tail
        slots[slot].next = -1
        if lanes[lane].tail >= 0 { slots[lanes[lane].tail].next = slot } else { lanes[lane].head = slot }
        lanes[lane].tail = slot
        lanes[lane].count += 1
        if lanes[lane].count == 1 {
            lanes[lane].start = max(lanes[lane].start, virtualTime)
            line(up: lane)
        }
        deadlines.set(slot, deadline.milliseconds)
        return Ticket(slot: Int32(slot), generation: slots[slot].generation)
    }

    /// A place has become free: whose turn it is, if anybody waits, and whose deadline has come by now.
    package mutating func dequeue(at now: Moment) -> (next: Ticket?, expired: [Ticket]) {
        let expired = expire(at: now)
        guard let lane = turns.first?.id else { return (nil, expired) }
        let slot = lanes[lane].head
        let ticket = Ticket(slot: Int32(slot), generation: slots[slot].generation)
        virtualTime = max(virtualTime, lanes[lane].start)
        lanes[lane].start += FairQueue.unit / lanes[lane].weight
        pace.served(at: now)
        take(slot)
        if lanes[lane].count > 0 { line(up: lane) }
        return (ticket, expired)
    }

    /// Takes a run out of the line, wherever it stands; `false` if it is no longer there.
    @discardableResult
    package mutating func remove(_ ticket: Ticket) -> Bool {
        guard contains(ticket) else { return false }
        take(Int(ticket.slot))
        return true
    }

    /// Whether the run still waits.
    package func contains(_ ticket: Ticket) -> Bool {
        let slot = Int(ticket.slot)
        return slot < slots.count && slots[slot].lane >= 0 && slots[slot].generation == ticket.generation
    }

    /// Takes out everybody whose deadline has come.
    package mutating func expire(at now: Moment) -> [Ticket] {
        var expired: [Ticket] = []
        while let first = deadlines.first, first.key <= now.milliseconds {
            expired.append(Ticket(slot: Int32(first.id), generation: slots[first.id].generation))
            take(first.id)
        }
        return expired
    }

    /// When ``expire(at:)`` will next have something to do.
    package var nextDeadline: Moment? { deadlines.first.map { Moment(milliseconds: $0.key) } }

    /// How long a run that lines up now would wait at the current pace; `nil` while that is not known.
    package func estimatedWait(of tenant: UInt64, weight: Int = 1, at now: Moment) -> Duration? {
        guard let interval = pace.interval(at: now, isWaiting: !isEmpty) else { return nil }
        let own = waiting(of: tenant)
        var others = 0
        let rounds = Int64(own + 1)
        let weight = Int64(min(max(1, weight), FairQueue.heaviest))
        // Until its turn each other lane is served in proportion, as far as somebody waits in it.
        for lane in lanes where lane.count > 0 && lane.tenant != tenant {
            others += min(lane.count, Int((rounds * lane.weight + weight - 1) / weight))
        }
        return .milliseconds(Int64((Double(own + others + 1) * interval).rounded(.up)))
    }

    /// For how many tenants something is kept, waiting or not.
    package var lanesInMemory: Int { lanes.count }

    // MARK: Lanes

    private mutating func lane(of tenant: UInt64, weight: Int) -> Int {
        let weight = Int64(min(max(1, weight), FairQueue.heaviest))
        if let lane = laneOfTenant[tenant] {
            lanes[lane].weight = weight
            return lane
        }
        if laneOfTenant.count >= 2 * capacity + 64 { forgetIdleLanes() }
        let lane = Lane(tenant: tenant, weight: weight, start: virtualTime)
        let index = freeLanes.popLast() ?? lanes.count
        if index == lanes.count { lanes.append(lane) } else { lanes[index] = lane }
        laneOfTenant[tenant] = index
        return index
    }

    /// A lane remembers when its next turn is even while nobody waits in it, as else a tenant with one run at a time would always come first.
    private mutating func forgetIdleLanes() {
        for (tenant, lane) in laneOfTenant where lanes[lane].count == 0 {
            laneOfTenant[tenant] = nil
            freeLanes.append(lane)
        }
    }

    private mutating func line(up lane: Int) {
        arrivals += 1
        turns.set(lane, Turn(start: lanes[lane].start, arrival: arrivals))
    }

    private mutating func take(_ slot: Int) {
        let entry = slots[slot]
        let lane = entry.lane
        if entry.previous >= 0 { slots[entry.previous].next = entry.next } else { lanes[lane].head = entry.next }
        if entry.next >= 0 { slots[entry.next].previous = entry.previous } else { lanes[lane].tail = entry.previous }
        lanes[lane].count -= 1
        slots[slot].lane = -1
        slots[slot].generation &+= 1
        freeSlots.append(slot)
        deadlines.remove(slot)
        if lanes[lane].count == 0 { turns.remove(lane) }
        // Nobody waits: nobody is ahead of anybody.
        if isEmpty { forgetIdleLanes() }
    }

    /// How fast the queue is served while somebody waits in it.
    private struct Pace: Sendable {
        /// Milliseconds from one to the next, of the recent ones.
        private var mean = 0.0
        private var count = 0
        /// When the wait for the next one began.
        private var since: Int64 = 0

        mutating func filled(at now: Moment) { since = now.milliseconds }

        mutating func served(at now: Moment) {
            let gap = Double(max(0, now.milliseconds - since))
            since = now.milliseconds
            count = min(count + 1, 8)
            mean += (gap - mean) / Double(count)
        }

        /// `nil` after too few to tell. A wait that is longer by now than the recent ones counts as well: places may have ceased to become free.
        func interval(at now: Moment, isWaiting: Bool) -> Double? {
            guard count >= 3 else { return nil }
            let current = isWaiting ? Double(max(0, now.milliseconds - since)) : 0
            return current > 2 * mean ? mean + (current - mean) / 8 : mean
        }
    }
}

extension FairQueue.Refusal: CustomStringConvertible {
    /// In words for a user.
    package var description: String {
        switch self {
        case .full(let capacity): "all places are busy, and \(capacity) runs wait already"
        case .tenantFull(let waiting): "all places are busy, and \(waiting) of your runs wait already"
        case .tooLate(let estimated):
            "all places are busy, and the wait of about \(estimated.display) would be longer than the run may wait"
        }
    }
}
