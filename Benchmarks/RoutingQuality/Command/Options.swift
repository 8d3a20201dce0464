import RoutingSimulation

/// What is asked for on the command line.
struct Options {
    /// `--tti`: measured starts to be replayed.
    var records: String?
    /// `--arrivals`: when requests come.
    var arrivals: String?
    /// `--scenario`: a scenario of one's own.
    var scenario: String?
    /// `--packs`: the directory of the scenarios that are run when none is named.
    var packs = "Benchmarks/RoutingQuality/Packs"
    /// `--plot`: where the picture goes.
    var plot = ".build/routing-quality.svg"
    /// `--policies`: only these; all if none are named.
    var policies: Set<String> = []
    /// `--error-times`: how long each class of error takes to show in a replay.
    var errors = ErrorModel()
    /// `--random`: so many scenarios that are made up by chance, instead of the packs; the first by the seed.
    var randoms = 0
    /// `--worst`: of so many of our own lost or slowest requests, tell what happened, on standard error.
    var worst = 0
    /// `--resample`: replays records resampled so many times instead of those measured.
    var resamples = 0
    /// `--seed`.
    var seed: UInt64 = 0

    init(_ arguments: ArraySlice<String>) throws(InputError) {
        var rest = arguments
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw InputError("\(name) needs a value") }
            switch name {
            case "--tti": records = value
            case "--arrivals": arrivals = value
            case "--scenario": scenario = value
            case "--packs": packs = value
            case "--plot": plot = value
            case "--error-times": errors = try ErrorModel(overriding: value)
            case "--policies":
                policies = Set(value.split(separator: ",").map(String.init))
                if let unknown = policies.subtracting(PackRun.policies).min() {
                    throw InputError("no such policy: \(unknown); there are \(PackRun.policies.joined(separator: ", "))")
                }
            case "--random": randoms = try Options.count(value, name)
            case "--worst": worst = try Options.count(value, name)
            case "--resample": resamples = try Options.count(value, name)
            case "--seed":
                guard let number = UInt64(value) else { throw InputError("--seed \(value) is not a whole number") }
                seed = number
            default: throw InputError("no such option: \(name)")
            }
        }
    }

    private static func count(_ value: String, _ name: String) throws(InputError) -> Int {
        guard let number = Int(value), (0...100_000).contains(number) else { throw InputError("\(name) \(value) is not a whole number") }
        return number
    }
}
