import SandstormCore
import SandstormRouting

extension WarmPools.State {
    /// How many a pool whose size is planned makes at once; the others make one after another, so that a burst of creates does not stand in
    /// the way of those that callers wait for.
    private static let lanes = 4

    // MARK: Refilling

    /// What is to be made for a pool, which counts as being made from now on; `nil` if there is nothing.
    ///
    /// - Parameter budget: what those of all planned pools may cost together for an hour, whatever was planned: in between two plans there
    ///   may still be those of the first.
    mutating func order(_ index: Int, budget: Money?) -> WarmPools.Order? {
        guard !isClosed, let pool = entries[index].pool else { return nil }
        let missing = pool.count - entries[index].ready.count
        guard missing > 0 else { return nil }
        var count = 1
        if let demand = entries[index].demand, let budget {
            guard let idle = demand.idlePerHour(replacedAfter: pool.useful) else { return nil }
            count = min(missing, WarmPools.State.lanes)
            if idle > .zero {
                let left = budget.nanodollars - idlePerHour
                guard left >= idle.nanodollars else { return nil }
                count = min(count, Int(clamping: left / idle.nanodollars))
            }
        }
        entries[index].making += count
        return WarmPools.Order(pool: pool, demand: entries[index].demand?.id, offer: entries[index].demand?.offer, count: count)
    }

    /// In nano-dollars, what all of planned pools cost that wait, are being made or are being ended.
    var idlePerHour: Int64 {
        entries.reduce(0) { sum, entry in
            guard let demand = entry.demand, let pool = entry.pool else { return sum }
            let made = demand.idlePerHour(replacedAfter: pool.useful)?.nanodollars ?? 0
            let making = made.multipliedReportingOverflow(by: Int64(entry.making))
            let costs = [
                making.overflow ? .max : making.partialValue, entry.ending, WarmPools.State.idlePerHour(entry.ready + entry.surplus, pool),
            ]
            return costs.reduce(sum, WarmPools.State.sum)
        }
    }

    private static func idlePerHour(_ waiting: [WarmPools.Pooled], _ pool: WarmPool) -> Int64 {
        waiting.reduce(0) { sum($0, $1.offer.idlePerHour(replacedAfter: pool.useful)?.nanodollars ?? 0) }
    }

    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    /// Those whose life is nearly over and those that are too many, which count as being ended from now on.
    ///
    /// - Returns: they, and what they cost for an hour in nano-dollars.
    mutating func retire(_ index: Int) -> (old: [WarmPools.Pooled], idlePerHour: Int64) {
        var old = entries[index].surplus
        entries[index].surplus = []
        guard let pool = entries[index].pool else { return (old, 0) }
        let end = ContinuousClock.now - pool.useful
        let first = entries[index].ready.prefix { $0.made < end }.count
        let excess = max(first, entries[index].ready.count - pool.count)
        old += entries[index].ready.prefix(excess)
        entries[index].ready.removeFirst(excess)
        let idle = WarmPools.State.idlePerHour(old, pool)
        entries[index].ending = WarmPools.State.sum(entries[index].ending, idle)
        return (old, idle)
    }

    // MARK: Learning

    /// Somebody asks for such a sandbox there.
    mutating func learn(
        of spec: SandboxSpec, _ shape: WarmPool.Shape, on offer: Offer, _ configuration: EngineConfiguration, at now: Moment
    ) {
        guard let automatic = configuration.automaticPools, !isClosed else { return }
        // What is asked for the most rarely makes room for what may be asked for more often.
        var room: Int?
        var fewest = Double.infinity
        for (index, entry) in entries.enumerated() {
            // What the configuration keeps needs no plan.
            guard entry.pool == nil || entry.demand != nil else {
                if entry.shape == shape { return }
                continue
            }
            guard entry.shape != shape || !entry.accepts(offer) else {
                entries[index].demand?.asked(on: offer, at: now)
                return
            }
            guard entry.making == 0 else { continue }
            let requests = entry.demand?.requests(at: now) ?? -1
            if requests < fewest { (room, fewest) = (index, requests) }
        }
        guard let room else { return }
        let pool = WarmPool(spec: spec, count: 0, life: automatic.life)
        use(room, for: PoolDemand(id: nextDemand, spec: pool.bareSpec, offer: offer, asked: now), pool)
    }

    /// Gives room to a shape; what waited for another is ended.
    private mutating func use(_ index: Int, for demand: PoolDemand, _ pool: WarmPool) {
        var pool = pool
        // A caller's secrets and files are not kept.
        pool.spec = demand.spec
        entries[index].surplus += entries[index].ready
        entries[index].ready = []
        entries[index].pool = pool
        entries[index].shape = WarmPool.Shape(demand.spec)
        entries[index].demand = demand
        nextDemand += 1
    }

    // MARK: Planning

    /// What the planner is asked, as of now.
    mutating func demands(at now: Moment) -> [PoolPlanner.Demand] {
        entries.indices.compactMap { index in
            entries[index].demand?.forecast.advance(to: now)
            guard let pool = entries[index].pool else { return nil }
            return entries[index].demand?.demand(replacedAfter: pool.useful)
        }
    }

    /// Sets the sizes; shapes that have come since are not in the plan.
    mutating func apply(_ plan: PoolPlanner.Plan) {
        for index in entries.indices {
            guard let id = entries[index].demand?.id else { continue }
            entries[index].pool?.count = plan.pools.first { $0.id == id }?.size ?? 0
        }
    }

    // MARK: Keeping

    /// What was learned of shapes, for the next process.
    var learned: JSONValue { .array(entries.compactMap { $0.demand?.json }) }

    /// Begins with what an earlier process has learned, as far as there is room. What can't be read is learned anew.
    mutating func restore(_ learned: JSONValue, _ automatic: AutomaticPools) {
        var kept = learned.arrayValue?[...] ?? []
        for index in entries.indices where entries[index].pool == nil {
            while let json = kept.popFirst() {
                guard let demand = PoolDemand(id: nextDemand, json: json) else { continue }
                use(index, for: demand, WarmPool(spec: demand.spec, count: 0, life: automatic.life))
                break
            }
        }
    }
}

extension WarmPool {
    /// How long one may wait: somebody who takes it must have time left to say how much more he needs.
    var useful: Duration { life * 9 / 10 }
}
