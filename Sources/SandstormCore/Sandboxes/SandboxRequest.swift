/// What a caller asks for who wants a sandbox to live in.
public struct SandboxRequest: Hashable, Sendable {
    /// What kind of sandbox: see ``SandboxSpec/Purpose/sandbox``. Its environment is that of every process, its files are there from the
    /// start, its timeout is the first lease.
    public var spec: SandboxSpec
    /// What is demanded of the place. `maxCost` caps the sandbox's whole life.
    public var constraints: Constraints
    /// Start with what this snapshot kept.
    public var snapshot: SnapshotID?
    /// What becomes of it when its lease ends.
    public var onLeaseEnd = LeaseEnd.kill
    /// What a front end notes down about it for itself, each under a name of its own; no other front end shows it.
    public var attributes: JSONObject = [:]
    /// The same key with the same request means the same sandbox, for 24 hours.
    public var idempotencyKey: String?

    /// By default a new sandbox with nothing in it.
    public init(
        spec: SandboxSpec = SandboxSpec(), constraints: Constraints = Constraints(), snapshot: SnapshotID? = nil,
        idempotencyKey: String? = nil
    ) {
        self.spec = spec
        self.constraints = constraints
        self.snapshot = snapshot
        self.idempotencyKey = idempotencyKey
    }
}

extension SandboxRequest {
    /// Reads the body of `POST /v1/sandboxes`: `{"spec": {…}, "constraints": {…}, "snapshotId": "snp_…"}`, each of which may be absent.
    ///
    /// - Throws: ``InvalidRequest`` with the problems of all parts.
    public init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        var problems: [FieldProblem] = []
        var spec = SandboxSpec()
        var constraints = Constraints()
        if let value = reader.value("spec") {
            do throws(InvalidRequest) { spec = try SandboxSpec(json: value, at: "/spec", for: .sandbox) } catch {
                problems += error.problems
            }
        }
        if let value = reader.value("constraints") {
            do throws(InvalidRequest) { constraints = try Constraints(json: value, at: "/constraints") } catch {
                problems += error.problems
            }
        }
        let snapshot = reader.read("snapshotId", "is not a snapshot's id", remedy: "send one that POST …/snapshots gave: \"snp_…\"") {
            $0.stringValue.flatMap { SnapshotID($0) }
        }
        problems = reader.finish() + problems
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.init(spec: spec, constraints: constraints, snapshot: snapshot)
    }

    /// Everything by which one request is told from another.
    package var identity: JSONValue {
        guard onLeaseEnd != .kill || !attributes.members.isEmpty else { return json }
        return ["request": json, "onLeaseEnd": .string(onLeaseEnd.rawValue), "attributes": .object(attributes)]
    }

    /// The body of `POST /v1/sandboxes`.
    public var json: JSONValue {
        var object = JSONObject()
        if spec != SandboxSpec() { object["spec"] = spec.json }
        if constraints != Constraints() { object["constraints"] = constraints.json }
        object["snapshotId"] = snapshot.map { .string($0.rawValue) }
        return .object(object)
    }
}
