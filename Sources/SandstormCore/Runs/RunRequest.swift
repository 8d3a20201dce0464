/// What a caller asks for: a spec, constraints, and how the run relates to the caller.
public struct RunRequest: Hashable, Sendable {
    /// What to run, and in what kind of sandbox.
    public var spec: SandboxSpec
    /// What is demanded of the place.
    public var constraints: Constraints
    /// The run goes on when the caller goes away.
    public var detached: Bool
    /// The same key with the same request means the same run, for 24 hours.
    public var idempotencyKey: String?

    /// By default the run ends when its caller goes away, and a repeated request is a new run.
    public init(spec: SandboxSpec, constraints: Constraints = Constraints(), detached: Bool = false, idempotencyKey: String? = nil) {
        self.spec = spec
        self.constraints = constraints
        self.detached = detached
        self.idempotencyKey = idempotencyKey
    }
}

extension RunRequest {
    /// Reads the body of `POST /v1/runs`: `{"spec": {…}, "constraints": {…}, "detached": false}`.
    ///
    /// - Throws: ``InvalidRequest`` with the problems of all parts.
    public init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        var problems: [FieldProblem] = []
        var spec = SandboxSpec()
        var constraints = Constraints()
        if let value = reader.value("spec") {
            do throws(InvalidRequest) { spec = try SandboxSpec(json: value, at: "/spec") } catch { problems += error.problems }
        } else if json.objectValue != nil {
            reader.report("spec", "is missing", remedy: "send {\"spec\": {\"code\": …, \"language\": …}}")
        }
        if let value = reader.value("constraints") {
            do throws(InvalidRequest) { constraints = try Constraints(json: value, at: "/constraints") } catch {
                problems += error.problems
            }
        }
        let detached = reader.bool("detached") ?? false
        problems = reader.finish() + problems
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.init(spec: spec, constraints: constraints, detached: detached)
    }

    /// Reads a request that was valid when it was written.
    package init(journaled json: JSONValue) {
        let constraints = try? json["constraints"].map { json throws(InvalidRequest) in try Constraints(json: json) }
        self.init(
            spec: SandboxSpec(journaled: json["spec"] ?? [:]), constraints: constraints ?? Constraints(),
            detached: json["detached"]?.boolValue ?? false)
    }

    /// The body of `POST /v1/runs`.
    public var json: JSONValue {
        var object: JSONObject = ["spec": spec.json]
        if constraints != Constraints() { object["constraints"] = constraints.json }
        if detached { object["detached"] = true }
        return .object(object)
    }
}
