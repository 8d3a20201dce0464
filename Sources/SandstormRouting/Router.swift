import SandstormCore

/// Decides where runs go, and learns from what becomes of them.
///
/// Pure: the time is passed in, chance comes from the seed, and nothing is read or written. The same calls in the same order give the
/// same answers. A dispatcher uses it so:
///
/// 1. ``table(of:)`` once for offers that stand unchanged, ``rank(_:among:at:)`` for each run.
/// 2. ``began(_:of:at:)`` when it sends a create to an offer, and exactly one ``record(_:among:at:)`` for how that ended: started, failed
///    or abandoned. Of one that started, later exactly one more for how that ended: finished or interrupted.
/// 3. If nothing has started after the ranking's ``Ranking/hedge`` delay: ``hedge(_:tried:waited:for:at:)``, which may give an offer for a
///    second create. Who starts first wins; the other is killed and recorded as abandoned.
/// 4. After a failure: ``next(after:of:for:at:)``, which says where to go on, and when.
package struct Router: Sendable {
    package let configuration: RoutingConfiguration
    var places: [Place] = []
    var breakers: [CircuitBreaker] = []
    var limits: [ConcurrencyLimit] = []
    var workloads = WorkloadModel()
    var retries: RetryBudget
    /// The same for going on elsewhere.
    var redirects: RetryBudget
    var hedges: HedgeBudget
    /// In thousandths of a create.
    var explorationCredit: Int
    var generator: SeededGenerator
    /// Creates under way anywhere.
    var pending = 0
    var changes: [BreakerChange] = []
    var ejection = OutlierEjection()
    /// What was last reckoned of a pair, which holds until more is learned of it.
    var lastPair: (question: PairQuestion, answer: PairAnswer)?
    private(set) var ejections: [EjectionChange] = []
    /// Rules made ready for tables, the latest last.
    var plans: [(table: Int, plan: RulePlan)] = []
    private var tables = 0

    private(set) var numbers: [PlaceKey: Int] = [:]
    private(set) var names: [PlaceKey] = []
    private(set) var breakerNames: [BreakerKey] = []
    private var breakerNumbers: [BreakerKey: Int] = [:]
    private(set) var limitNumbers: [BreakerKey: Int] = [:]
    /// What was learned by an earlier process, until the offer is seen again.
    var inherited: [PlaceKey: JSONValue] = [:]
    /// The same for accounts' limits, with the time as of which they are taken up.
    var inheritedLimits: [BreakerKey: JSONValue] = [:]
    var resumed = Moment(milliseconds: 0)

    /// How long a run is expected to take where nothing is known of its kind.
    package static let usualDuration = Duration.seconds(10)

    /// The run time that a cost cap must pay for: less can't be worth starting, and a kill that late could miss the cap.
    package static let leastUsefulLife = Duration.seconds(1)

    package init(_ configuration: RoutingConfiguration = RoutingConfiguration(), seed: UInt64 = 0) {
        self.configuration = configuration
        retries = RetryBudget(sharePercent: configuration.retriesPercent, burst: configuration.retryBurst)
        redirects = RetryBudget(sharePercent: configuration.redirectsPercent, burst: configuration.redirectBurst)
        hedges = HedgeBudget(
            perMille: configuration.hedgesPerMille, burst: configuration.hedgeBurst, initial: configuration.hedgeBurst)
        explorationCredit = Router.explorationBurst
        generator = SeededGenerator(seed: seed)
    }

    /// Names an offer for as long as it is on sale.
    struct PlaceKey: Hashable, Sendable {
        var provider: ProviderID
        var account: String
        var region: String?
        var offer: String

        init(_ offer: Offer) {
            (provider, account, region, self.offer) = (offer.provider, offer.account, offer.region, offer.id)
        }

        init(provider: ProviderID, account: String, region: String?, offer: String) {
            (self.provider, self.account, self.region, self.offer) = (provider, account, region, offer)
        }
    }

    /// What fails together: an account in a region. Without a region, what has a quota together: the account.
    struct BreakerKey: Hashable, Sendable {
        var provider: ProviderID
        var account: String
        var region: String?
    }

    /// Prepares offers for decisions.
    package mutating func table(of providers: [ProviderOffers]) -> OfferTable {
        tables += 1
        return OfferTable(providers, number: tables) { number(of: $0) }
    }

    private mutating func number(of offer: Offer) -> Int {
        let key = PlaceKey(offer)
        if let known = numbers[key] { return known }
        let breakerKey = BreakerKey(provider: offer.provider, account: offer.account, region: offer.region)
        let breaker = breakerNumbers[breakerKey] ?? breakers.count
        if breaker == breakers.count {
            breakers.append(CircuitBreaker())
            breakerNames.append(breakerKey)
            breakerNumbers[breakerKey] = breaker
        }
        let limitKey = BreakerKey(provider: offer.provider, account: offer.account, region: nil)
        let limit = limitNumbers[limitKey] ?? limits.count
        if limit == limits.count {
            limits.append(
                inheritedLimits.removeValue(forKey: limitKey).flatMap { ConcurrencyLimit(json: $0, at: resumed) } ?? ConcurrencyLimit())
            limitNumbers[limitKey] = limit
        }
        var place = Place(breaker: breaker, limit: limit, promised: offer.startLatency)
        if let kept = inherited.removeValue(forKey: key) { place.restore(kept, promised: offer.startLatency) }
        places.append(place)
        names.append(key)
        numbers[key] = places.count - 1
        return places.count - 1
    }

    // MARK: What is under way

    /// A create goes to this offer now.
    package mutating func began(_ offer: Int, of table: OfferTable, at now: Moment) {
        let number = table.places[offer]
        pending += 1
        places[number].pending += 1
        places[number].startup.began(at: now)
        limits[places[number].limit].began(at: now, under: configuration.limit)
        let breaker = places[number].breaker
        note(breakers[breaker].began(at: now, under: configuration.breaker), of: breaker)
    }

    /// Learns what became of it.
    package mutating func record(_ observation: Observation, among table: OfferTable, at now: Moment) {
        let number = table.places[observation.offer]
        let (breaker, limit) = (places[number].breaker, places[number].limit)
        switch observation.event {
        case .started(let duration):
            settle(number)
            let usual = usualStart(at: number, now)
            workloads.started(observation.workload, after: duration, usual: usual.median)
            ejection.succeeded(number, latency: duration, expected: usual.lasting, at: now)
            places[number].slowness.record(startup: duration, expected: usual.lasting, at: now)
            places[number].learn { $0.startup.started(after: duration, at: now) }
            limits[limit].started(at: now, under: configuration.limit)
            let change = breakers[breaker].succeeded(
                slow: duration > usual.slow, begun: now - duration, at: now, under: configuration.breaker, using: &generator)
            note(change, of: breaker)
        case .failed(let code, let duration, let retryAfter):
            settle(number)
            ejection.failed(number, code, at: now)
            // The caller's mistakes say nothing of the place.
            if code != .invalid, code != .notFound { places[number].learn { $0.startup.failed(after: duration, at: now) } }
            if code == .quotaExceeded || code == .rateLimited {
                limits[limit].refused(code, retryAfter: retryAfter, at: now, under: configuration.limit)
            } else {
                limits[limit].failed()
            }
            // A full account is the limit's business, which lets through what fits; what names its time is the breaker's as well.
            let change =
                code == .quotaExceeded && retryAfter == nil
                ? breakers[breaker].abandoned(begun: now - duration, at: now, under: configuration.breaker, using: &generator)
                : breakers[breaker].failed(
                    code, retryAfter: retryAfter, begun: now - duration, at: now, under: configuration.breaker, using: &generator)
            note(change, of: breaker)
        case .abandoned(let duration):
            settle(number)
            let usual = usualStart(at: number, now)
            places[number].learn { $0.startup.abandoned(after: duration, at: now) }
            limits[limit].failed()
            let change = breakers[breaker].abandoned(
                slow: duration > usual.slow, begun: now - duration, at: now, under: configuration.breaker, using: &generator)
            note(change, of: breaker)
        case .finished(let duration):
            limits[limit].ended()
            let surprise = workloads.ran(observation.workload, for: duration)
            places[number].learn {
                $0.speed.add(min(2, max(-2, surprise)))
                $0.deaths.add(0)
            }
        case .interrupted:
            limits[limit].ended()
            places[number].learn { $0.deaths.add(1) }
        }
    }

    private mutating func settle(_ number: Int) {
        pending = max(0, pending - 1)
        places[number].pending = max(0, places[number].pending - 1)
    }

    /// Compares the places with each other, if it is time to.
    mutating func lookForOutliers(at now: Moment) {
        for change in ejection.look(at: now, using: &generator) where ejections.count < 1000 {
            let name = names[change.place]
            ejections.append(EjectionChange(provider: name.provider, offer: name.offer, cause: change.cause, until: change.until))
        }
    }

    /// The ejections since this was last asked, oldest first.
    package mutating func takeEjections() -> [EjectionChange] {
        defer { ejections = [] }
        return ejections
    }

    /// How long a start takes here, in the long run as well, and from when on it is slow enough to speak against the place.
    private mutating func usualStart(at number: Int, _ now: Moment) -> (median: Duration, slow: Duration, lasting: Duration) {
        let prospects = places[number].prospects(at: now, limit: Router.leastLimit)
        return (.milliseconds(prospects.median), .milliseconds(max(5000, prospects.late * 4)), places[number].startup.lastingMedian)
    }

    // MARK: Chances

    /// What counts as the longest wait when places are compared for speed, in milliseconds; the less, the faster the fastest of them is.
    static let leastLimit: Float = 3000

    /// A request comes in.
    mutating func earn(_ request: RoutingRequest, at now: Moment) {
        retries.requested(by: Router.number(ofTenant: request.tenant), at: now)
        redirects.requested(by: Router.number(ofTenant: request.tenant), at: now)
        hedges.requested()
        explorationCredit = min(explorationCredit + configuration.explorationsPerMille, Router.explorationBurst)
    }

    static func number(ofTenant tenant: String) -> UInt64 {
        var hash = StableHash()
        hash.add(tenant)
        return hash.value
    }

    static let explorationBurst = 3000
}
