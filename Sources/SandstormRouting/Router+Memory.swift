import SandstormCore

extension Router {
    /// What a restart must not forget: what was learned of places and of kinds of work, the limits, and what is left of the budgets.
    package func snapshot() -> [UInt8] {
        var kept: [JSONValue] = []
        for (number, place) in places.enumerated() where place.startup.observed > 0 {
            kept.append(names[number].json(place.kept))
        }
        for (key, value) in inherited { kept.append(key.json(value)) }
        let object: JSONObject = [
            "version": .integer(Router.memoryVersion), "places": .array(kept), "workloads": workloads.kept, "hedges": hedges.json,
            "limits": .array(keptLimits),
        ]
        return JSONValue.object(object).encodedBytes
    }

    /// By account, in the order of their names.
    private var keptLimits: [JSONValue] {
        var kept = inheritedLimits
        for (key, number) in limitNumbers where limits[number].limit != nil || limits[number].callsPerSecond != nil {
            kept[key] = limits[number].json
        }
        let ordered = kept.sorted { ($0.key.provider.rawValue, $0.key.account) < ($1.key.provider.rawValue, $1.key.account) }
        return ordered.map { ["provider": .string($0.key.provider.rawValue), "account": .string($0.key.account), "known": $0.value] }
    }

    /// A router that goes on from what ``snapshot()`` gave.
    ///
    /// - Returns: `nil` if it is nothing of the kind, or of a version that is not known here.
    package init?(
        restoring bytes: [UInt8], _ configuration: RoutingConfiguration = RoutingConfiguration(), seed: UInt64 = 0,
        at now: Moment = Moment(milliseconds: 0)
    ) {
        guard let json = try? JSONValue(parsing: bytes), json["version"]?.intValue == Router.memoryVersion else { return nil }
        self.init(configuration, seed: seed)
        resumed = now
        for entry in json["places"]?.arrayValue ?? [] {
            guard let provider = entry["provider"]?.stringValue, let account = entry["account"]?.stringValue,
                let offer = entry["offer"]?.stringValue, let known = entry["known"]
            else { continue }
            inherited[PlaceKey(provider: ProviderID(provider), account: account, region: entry["region"]?.stringValue, offer: offer)] =
                known
        }
        for entry in json["limits"]?.arrayValue ?? [] {
            guard let provider = entry["provider"]?.stringValue, let account = entry["account"]?.stringValue, let known = entry["known"]
            else {
                continue
            }
            inheritedLimits[BreakerKey(provider: ProviderID(provider), account: account, region: nil)] = known
        }
        workloads = WorkloadModel(kept: json["workloads"] ?? [:])
        if let budget = json["hedges"] { hedges.restore(budget) }
    }

    private static let memoryVersion = 1
}

extension Router.PlaceKey {
    fileprivate func json(_ known: JSONValue) -> JSONValue {
        var object: JSONObject = [
            "provider": .string(provider.rawValue), "account": .string(account), "offer": .string(offer), "known": known,
        ]
        object["region"] = region.map(JSONValue.string)
        return .object(object)
    }
}

extension Place {
    var kept: JSONValue { ["startup": startup.kept, "speed": speed.kept, "deaths": deaths.kept, "slowness": slowness.json] }

    /// Takes up what ``kept`` gave; what is nothing of the kind is passed over.
    mutating func restore(_ kept: JSONValue, promised: Duration) {
        learn { place in
            if let startup = kept["startup"].flatMap({ StartupModel(kept: $0, promised: promised) }) { place.startup = startup }
            if let speed = FadingMean(kept: kept["speed"]) { place.speed = speed }
            if let deaths = FadingMean(kept: kept["deaths"]) { place.deaths = deaths }
            if let slowness = kept["slowness"].flatMap(SlownessPattern.init(json:)) { place.slowness = slowness }
        }
    }
}
