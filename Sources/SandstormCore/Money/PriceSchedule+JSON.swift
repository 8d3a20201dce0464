extension PriceSchedule {
    /// The schedule with rates in dollars as exact decimals and times in milliseconds; what is free is left out.
    public var json: JSONValue {
        var object = JSONObject()
        func set(_ key: String, _ rate: Rate) { if rate != .zero { object[key] = .string(rate.decimal) } }
        set("perVcpuSecond", perVCPUSecond)
        set("perGibSecond", perGiBSecond)
        set("perDiskGibSecond", perDiskGiBSecond)
        if !perGPUSecond.isEmpty { object["perGpuSecond"] = perGPUSecond.mapValues(\.decimal).json }
        if freeDiskGiB > 0 { object["freeDiskGib"] = .integer(freeDiskGiB) }
        if scale != .one { object["scale"] = .string(scale.description) }
        if perCreate != .zero { object["perCreate"] = .string(perCreate.decimal) }
        if granularity != .milliseconds(1) { object["granularity"] = .integer(granularity.wholeMilliseconds) }
        if minimum != .zero { object["minimum"] = .integer(minimum.wholeMilliseconds) }
        return .object(object)
    }

    /// Reads a schedule that Sandstorm wrote; what is missing is free.
    public init(json: JSONValue) {
        func rate(_ key: String) -> Rate { json[key]?.stringValue.flatMap { Rate($0) } ?? .zero }
        var gpus: [String: Rate] = [:]
        for member in json["perGpuSecond"]?.objectValue?.members ?? [] {
            gpus[member.key] = member.value.stringValue.flatMap { Rate($0) }
        }
        self.init(
            perVCPUSecond: rate("perVcpuSecond"), perGiBSecond: rate("perGibSecond"), perGPUSecond: gpus,
            perDiskGiBSecond: rate("perDiskGibSecond"), freeDiskGiB: json["freeDiskGib"]?.intValue ?? 0,
            perCreate: json["perCreate"]?.stringValue.flatMap { Money($0) } ?? .zero,
            scale: json["scale"]?.stringValue.flatMap { Ratio($0) } ?? .one,
            granularity: .milliseconds(json["granularity"]?.intValue ?? 1), minimum: .milliseconds(json["minimum"]?.intValue ?? 0))
    }
}
