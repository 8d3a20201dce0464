/// The engine's limits; the defaults suit one machine.
package struct EngineConfiguration: Sendable {
    /// Runs under way at once; more are refused with `tooBusy`.
    package var maximumActiveRuns = 10_000
    /// Bytes of each output stream kept in a run's result.
    package var resultOutputLimit = 1024 * 1024
    /// Bytes of output kept per run for reading again later.
    package var retainedOutputLimit = 16 * 1024 * 1024
    /// Bytes of events held in memory per run; beyond it a run waits for its reader.
    package var windowLimit = 256 * 1024
    /// How long a create may take before it is given up and looked for.
    package var createTimeout = Duration.seconds(120)
    /// How often a provider is told to kill a sandbox before that is left to the reaper.
    package var killAttempts = 4
    /// Rules, budgets and thresholds of routing.
    package var routing = RoutingSettings()
    /// How often places that are left alone after failures are asked whether they are well again.
    package var healthInterval = Duration.seconds(10)
    /// How often what routing has learned is kept.
    package var learningInterval = Duration.seconds(30)
    /// How long beyond its timeout an attempt's lease lasts.
    package var leaseMargin = Duration.seconds(120)
    /// How often the reaper looks.
    package var reapInterval = Duration.seconds(30)
    /// How long a run that is not detached goes on when nobody listens any more: time for a client that was cut off to come back.
    package var reconnectTime = Duration.seconds(2)
    /// How long runs under way may go on once the gateway is told to stop.
    package var drainTime = Duration.seconds(10)
    /// Sandboxes that are kept ready; see ``WarmPool``.
    package var warmPools: [WarmPool] = []
    /// Sandboxes that are kept ready as it is foreseen that they are asked for, beside those of ``warmPools``.
    package var automaticPools: AutomaticPools?
    /// How long something done in a living sandbox may take, such as a pause, a fork or a snapshot.
    package var operationTimeout = Duration.seconds(60)
    /// How long a sandbox is kept that is paused with its lease stopped.
    package var pausedRetention = Duration.seconds(30 * 24 * 3600)
    /// Living sandboxes outlive this process where their provider allows it, and those of earlier processes are taken over.
    package var adoptsSandboxes = true

    package init() {}
}
