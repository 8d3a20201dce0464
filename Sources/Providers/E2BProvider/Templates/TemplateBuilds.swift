import NIOHTTP1
import SandstormCore
import SandstormWire

/// The templates of one account that are made to measure: looked for by name, built if they are not there, once however many ask.
final class TemplateBuilds: Sendable {
    private struct State {
        /// What to name when a sandbox is made.
        var templates: [String: String] = [:]
        var building: [String: Task<Result<String, ProviderError>, Never>] = [:]
    }

    private let plane: ControlPlane
    private let state = Locked(State())

    /// A build may take so long, an image of gigabytes included.
    private static let buildTime = Duration.seconds(1200)

    init(_ plane: ControlPlane) { self.plane = plane }

    deinit { for task in state.withLock(\.building).values { task.cancel() } }

    func forget(_ plan: TemplatePlan) { state.withLock { _ = $0.templates.removeValue(forKey: plan.name) } }

    /// The template to name for `plan`. A caller who goes away leaves the build to the others, and to the next.
    func template(for plan: TemplatePlan) async throws(ProviderError) -> String {
        if case .ready(let name) = plan.source { return name }
        let key = plan.name
        let (known, task) = state.withLock { state -> (String?, Task<Result<String, ProviderError>, Never>?) in
            if let template = state.templates[key] { return (template, nil) }
            if let task = state.building[key] { return (nil, task) }
            let task = Task { [plane, weak self] in
                let result = await TemplateBuilds.find(plan, plane)
                self?.state.withLock { state in
                    state.building.removeValue(forKey: key)
                    if case .success(let template) = result { state.templates[key] = template }
                }
                return result
            }
            state.building[key] = task
            return (nil, task)
        }
        if let known { return known }
        guard let task else { throw ProviderError(.unavailable, "no template could be made") }
        let (done, waiting) = (Latch(), task)
        // Whoever waits may be cancelled, the build is not.
        let watcher = Task {
            _ = await waiting.value
            done.open()
        }
        defer { watcher.cancel() }
        guard await done.wait() else { throw ProviderError(.interrupted, "the caller has gone") }
        return try await task.value.get()
    }

    private static func find(_ plan: TemplatePlan, _ plane: ControlPlane) async -> Result<String, ProviderError> {
        do throws(ProviderError) {
            switch plan.source {
            case .ready(let name): return .success(name)
            case .sized(let base):
                return .success(try await findOrBuild(plan, from: ["fromTemplate": .string(base)], plane))
            case .image(let image):
                // A template of that name is meant rather than an image of a registry.
                guard let template = try await lookUp(image, plane) else {
                    return .success(try await findOrBuild(plan, from: ["fromImage": .string(image)], plane))
                }
                if template.milliCPU == plan.milliCPU, template.memoryMiB == plan.memoryMiB { return .success(image) }
                return .success(try await findOrBuild(plan, from: ["fromTemplate": .string(image)], plane))
            }
        } catch {
            return .failure(error)
        }
    }

    private struct Known {
        var id: String
        var milliCPU: Int?
        var memoryMiB: Int?
        /// A build that can be used.
        var isReady: Bool
        /// A build that is under way.
        var building: String?
    }

    /// What is known of a template by its name; `nil` if there is none, or none of ours.
    private static func lookUp(_ name: String, _ plane: ControlPlane) async throws(ProviderError) -> Known? {
        let answer = try await plane.exchange(.GET, "/templates/aliases/\(PercentEncoding.component(name))", as: .template)
        switch answer.status {
        case 200: break
        case 400, 403, 404: return nil
        default: throw ControlFailure.error(answer, on: .template)
        }
        guard let id = answer.json?["templateID"]?.stringValue, !id.isEmpty else { throw ControlFailure.garbage(on: .template) }
        let described = try await plane.exchange(.GET, "/templates/\(PercentEncoding.component(id))", as: .template)
        switch described.status {
        case 200: break
        case 403, 404: return Known(id: id, isReady: true)
        default: throw ControlFailure.error(described, on: .template)
        }
        guard let json = described.json else { throw ControlFailure.garbage(on: .template) }
        let builds = json["builds"]?.arrayValue ?? []
        func newest(_ statuses: Set<String>) -> JSONValue? {
            builds.first { build in build["status"]?.stringValue.map(statuses.contains) ?? false }
        }
        let ready = newest(["ready", "uploaded", "success"])
        return Known(
            id: id, milliCPU: (ready?["cpuCount"] ?? json["cpuCount"])?.intValue.map { $0 * 1000 },
            memoryMiB: (ready?["memoryMB"] ?? json["memoryMB"])?.intValue, isReady: ready != nil || builds.isEmpty,
            building: newest(["building", "waiting", "pending"])?["buildID"]?.stringValue)
    }

    private static func findOrBuild(
        _ plan: TemplatePlan, from source: JSONObject, _ plane: ControlPlane
    ) async throws(ProviderError) -> String {
        if let known = try await lookUp(plan.name, plane) {
            if known.isReady { return known.id }
            // Another gateway is at it; if that comes to nothing it is built once more.
            if let build = known.building, (try? await wait(for: build, of: known.id, plan, plane)) != nil { return known.id }
        }
        let begun = try await plane.send(
            .POST, "/v3/templates",
            ["name": .string(plan.name), "cpuCount": .integer(plan.milliCPU / 1000), "memoryMB": .integer(plan.memoryMiB)], as: .template,
            expecting: [200, 201, 202])
        guard let template = begun.json?["templateID"]?.stringValue, let build = begun.json?["buildID"]?.stringValue, !template.isEmpty,
            !build.isEmpty
        else { throw ControlFailure.garbage(on: .template) }
        var body = source
        body["force"] = false
        body["steps"] = []
        let path = "/v2/templates/\(PercentEncoding.component(template))/builds/\(PercentEncoding.component(build))"
        _ = try await plane.send(.POST, path, .object(body), as: .template, expecting: [200, 201, 202, 204])
        try await wait(for: build, of: template, plan, plane)
        return template
    }

    /// Asks again and again until a build has ended.
    private static func wait(
        for build: String, of template: String, _ plan: TemplatePlan, _ plane: ControlPlane
    ) async throws(ProviderError) {
        let end = ContinuousClock.now + buildTime
        var pause = Duration.milliseconds(100)
        let path =
            "/templates/\(PercentEncoding.component(template))/builds/\(PercentEncoding.component(build))/status?logsOffset=0&limit=1"
        while ContinuousClock.now < end {
            let answer = try await plane.send(.GET, path, as: .template, expecting: [200])
            switch answer.json?["status"]?.stringValue {
            case "ready"?: return
            case "error"?:
                let words = answer.json?["reason"]?["message"]?.stringValue
                var error = ProviderError(
                    .invalid, plan.isCallers ? "the image can't be made into a template" : "the template can't be built",
                    vendorDetail: words)
                // Nobody but us has named it.
                if !plan.isCallers { error.code = .unsupported }
                throw error
            case "waiting"?, "building"?: break
            default: throw ControlFailure.garbage(on: .template)
            }
            do { try await Task.sleep(for: pause) } catch { throw ProviderError(.interrupted, "the build was given up") }
            pause = min(pause * 2, .seconds(2))
        }
        throw ProviderError(.timedOut, "the template was not built in time")
    }
}
