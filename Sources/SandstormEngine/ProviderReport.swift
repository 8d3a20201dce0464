package import SandstormCore

/// A provider as an operator sees it.
package struct ProviderReport: Hashable, Sendable {
    package var id: ProviderID
    package var status: ProviderStatus
    package var capabilities: ProviderCapabilities

    package init(id: ProviderID, status: ProviderStatus, capabilities: ProviderCapabilities) {
        self.id = id
        self.status = status
        self.capabilities = capabilities
    }

    /// The report in the form of the native API.
    package var json: JSONValue {
        var limits = JSONObject()
        limits["cpu"] = .number("\(Double(capabilities.maximum.milliCPU) / 1000)")
        limits["memory"] = .integer(capabilities.maximum.memoryMiB)
        limits["disk"] = .integer(capabilities.maximum.diskGiB)
        var object: JSONObject = [
            "id": .string(id.rawValue), "healthy": .bool(status.isHealthy), "detail": .string(status.detail),
            "isolation": .strings(capabilities.isolation.sorted().map(\.rawValue)),
        ]
        if let languages = capabilities.languages { object["languages"] = .strings(languages.map(\.rawValue).sorted()) }
        if !capabilities.regions.isEmpty { object["regions"] = .strings(capabilities.regions.sorted()) }
        if !capabilities.gpuTypes.isEmpty { object["gpuTypes"] = .strings(capabilities.gpuTypes.sorted()) }
        object["maximum"] = .object(limits)
        return .object(object)
    }
}
