package import SandstormCore
import SandstormRouting

/// What an operator says of routing; the defaults suit most.
package struct RoutingSettings: Hashable, Sendable {
    /// For projects without a rule of their own.
    package var rule: RoutingRule?
    /// By the project's id. A run may bring its own rule, which then stands instead.
    package var projects: [ProjectID: RoutingRule] = [:]
    /// Whether a second sandbox may be asked for when the first is late.
    package var hedging = true
    /// How many retries a hundred runs may cause.
    package var retryPercent = standard.retriesPercent
    /// How many second sandboxes a thousand runs may cause, and how many of those may go to places that are known too little.
    package var hedgesPerMille = standard.hedgesPerMille
    package var explorationsPerMille = standard.explorationsPerMille
    /// When a place is left alone.
    package var breaker = Breaker()
    /// Where runs wait when every capable place is full.
    package var queue = Queue()

    /// When a place that fails, or is slow, is left alone, and for how long.
    package struct Breaker: Hashable, Sendable {
        /// Of the recent creates, how many must fail.
        package var failurePercent = 50
        /// Of the recent creates, how many must be slow.
        package var slowPercent = 70
        /// Fewer recent creates than this prove nothing.
        package var minimumCalls = 10
        /// So many failures in a row are enough.
        package var consecutiveFailures = 3
        /// The first time, and the longest: each time it is twice as long.
        package var openTime = Duration.seconds(5)
        package var longestOpenTime = Duration.seconds(20)

        package init() {}
    }

    /// Where runs wait.
    package struct Queue: Hashable, Sendable {
        /// How many may wait at once; with 0, none waits.
        package var runs = 1000
        /// How long one waits at most.
        package var patience = Duration.seconds(30)

        package init() {}
    }

    package init() {}

    private static let standard = RoutingConfiguration()

    /// What of it is the router's.
    var router: RoutingConfiguration {
        var configuration = RoutingConfiguration()
        configuration.retriesPercent = retryPercent
        configuration.hedgesPerMille = hedging ? hedgesPerMille : 0
        configuration.explorationsPerMille = hedging ? explorationsPerMille : 0
        configuration.breaker = CircuitBreaker.Policy(
            failurePercent: breaker.failurePercent, slowPercent: breaker.slowPercent, minimumCalls: breaker.minimumCalls,
            consecutiveFailures: breaker.consecutiveFailures, openTime: breaker.openTime...max(breaker.openTime, breaker.longestOpenTime))
        return configuration
    }

    /// The rule for a run of `project`.
    func rule(for project: ProjectID?) -> RoutingRule? { project.flatMap { projects[$0] } ?? rule }
}

extension RoutingSettings {
    /// Reads the section `routing` of a gateway's configuration.
    ///
    /// - Throws: ``InvalidRequest`` with every problem.
    package init(json: JSONValue, at pointer: String) throws(InvalidRequest) {
        self.init()
        var reader = JSONReader(json, at: pointer)
        if let value = reader.value("default") {
            do throws(InvalidRequest) { rule = try RoutingRule(json: value, at: "\(pointer)/default") } catch {
                reader.merge(error.problems)
            }
        }
        readProjects(&reader)
        hedging = reader.bool("hedging") ?? hedging
        reader.section("budgets") { reader in
            retryPercent = reader.integer("retryPercent", in: 0...100, unit: "percent") ?? retryPercent
            hedgesPerMille = reader.integer("hedgesPerMille", in: 0...1000, unit: "sandboxes") ?? hedgesPerMille
            explorationsPerMille =
                reader.integer("explorationsPerMille", in: 0...1000, unit: "sandboxes") ?? min(explorationsPerMille, hedgesPerMille)
        }
        reader.section("breaker") { reader in
            breaker.failurePercent = reader.integer("failurePercent", in: 1...100, unit: "percent") ?? breaker.failurePercent
            breaker.slowPercent = reader.integer("slowPercent", in: 1...100, unit: "percent") ?? breaker.slowPercent
            breaker.minimumCalls = reader.integer("minimumCalls", in: 1...10_000, unit: "creates") ?? breaker.minimumCalls
            breaker.consecutiveFailures =
                reader.integer("consecutiveFailures", in: 1...1000, unit: "failures") ?? breaker.consecutiveFailures
            breaker.openTime = reader.duration("openTime") ?? breaker.openTime
            breaker.longestOpenTime = reader.duration("longestOpenTime") ?? max(breaker.longestOpenTime, breaker.openTime)
            if breaker.longestOpenTime < breaker.openTime {
                reader.report("longestOpenTime", "is shorter than openTime", remedy: "send at least \(breaker.openTime.wholeMilliseconds)")
            }
        }
        reader.section("queue") { reader in
            queue.runs = reader.integer("runs", in: 0...100_000, unit: "runs") ?? queue.runs
            queue.patience = reader.duration("patience") ?? queue.patience
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }

    private mutating func readProjects(_ reader: inout JSONReader) {
        guard let value = reader.value("projects") else { return }
        guard let object = value.objectValue else {
            reader.report("projects", "must be an object of rules", remedy: "send {\"prj_…\": {\"type\": …}}")
            return
        }
        for member in object.members {
            let key = JSONReader.escape(member.key)
            guard let project = ProjectID(member.key) else {
                reader.report("projects/\(key)", "is not a project's id", remedy: "take it from sandstorm keys list")
                continue
            }
            do throws(InvalidRequest) {
                projects[project] = try RoutingRule(json: member.value, at: "\(reader.pointer)/projects/\(key)")
            } catch {
                reader.merge(error.problems)
            }
        }
    }
}

extension JSONReader {
    /// Reads an object inside this one, if it is there.
    fileprivate mutating func section(_ key: String, _ body: (inout JSONReader) -> Void) {
        guard let value = value(key) else { return }
        var nested = JSONReader(value, at: "\(pointer)/\(key)")
        body(&nested)
        merge(nested.finish())
    }

    /// A length of time in milliseconds, up to a day.
    fileprivate mutating func duration(_ key: String) -> Duration? {
        integer(key, in: 1...86_400_000, unit: "milliseconds").map { .milliseconds($0) }
    }
}
