extension Offer {
    /// Everything about the offer, so that what was begun on it can be settled from the journal alone.
    public var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id), "provider": .string(provider.rawValue), "account": .string(account),
        ]
        object["region"] = region.map(JSONValue.string)
        object["isolation"] = .string(isolation.rawValue)
        object["resources"] = resources.json
        object["price"] = price.json
        object["startLatency"] = .integer(startLatency.wholeMilliseconds)
        return .object(object)
    }

    /// Reads an offer that Sandstorm wrote; what is missing takes a default.
    public init(json: JSONValue) {
        self.init(
            id: json["id"]?.stringValue ?? "", provider: ProviderID(json["provider"]?.stringValue ?? ""),
            account: json["account"]?.stringValue ?? "default", region: json["region"]?.stringValue,
            resources: Resources(json: json["resources"] ?? [:]),
            isolation: json["isolation"]?.stringValue.flatMap(IsolationLevel.init) ?? .standard,
            price: json["price"].map(PriceSchedule.init(json:)) ?? .free,
            startLatency: .milliseconds(json["startLatency"]?.intValue ?? 0))
    }
}

extension Resources {
    /// The resources in the units of a spec.
    public var json: JSONValue {
        var object: JSONObject = [
            "cpu": .number("\(Double(milliCPU) / 1000)"), "memory": .integer(memoryMiB), "disk": .integer(diskGiB),
        ]
        if let gpu { object["gpu"] = ["type": .string(gpu.type), "count": .integer(gpu.count)] }
        return .object(object)
    }

    /// Reads resources that Sandstorm wrote.
    public init(json: JSONValue) {
        let gpu = json["gpu"].flatMap { gpu in
            gpu["type"]?.stringValue.map { GPURequest(type: $0, count: gpu["count"]?.intValue ?? 1) }
        }
        self.init(
            milliCPU: Int(((json["cpu"]?.doubleValue ?? 0) * 1000).rounded()), memoryMiB: json["memory"]?.intValue ?? 0,
            diskGiB: json["disk"]?.intValue ?? 0, gpu: gpu)
    }
}
