package import SandstormCore

/// What routing must know of a run.
package struct RoutingRequest: Sendable {
    package var constraints: Constraints
    /// The region in which the sandbox must be.
    package var region: String?
    /// The least isolation that will do.
    package var isolation: IsolationLevel
    /// How long the code may run.
    package var timeout: Duration
    package var workload: WorkloadClass
    /// Who asks: retries are rationed and queues are fair by tenant.
    package var tenant: String
    /// What a project's rules are found by.
    package var project: String
    /// The code may be run again after it has started.
    package var idempotent: Bool
    /// Which places may serve and which come first: the run's own rule, unless its project's is put here.
    package var rule: RoutingRule?
    /// The run's own number, by which rules draw lots; drawn anew for each ranking if there is none.
    package var number: UInt64?

    package init(_ spec: SandboxSpec, _ constraints: Constraints, tenant: String = "", project: String = "") {
        self.init(
            constraints, region: spec.region, isolation: spec.isolation, timeout: spec.timeout,
            workload: WorkloadClass(tenant: tenant, spec: spec), tenant: tenant, project: project, idempotent: spec.idempotent)
    }

    /// A request without a spec, as models of work make them.
    package init(
        _ constraints: Constraints, region: String? = nil, isolation: IsolationLevel = .standard, timeout: Duration = .seconds(300),
        workload: WorkloadClass = .unknown, tenant: String = "", project: String = "", idempotent: Bool = false
    ) {
        self.constraints = constraints
        self.region = region
        self.isolation = isolation
        self.timeout = timeout
        self.workload = workload
        self.tenant = tenant
        self.project = project
        self.idempotent = idempotent
        rule = constraints.routing
    }
}
