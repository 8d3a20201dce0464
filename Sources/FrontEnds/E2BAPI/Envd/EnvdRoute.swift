import HTTPTypes

/// Every place of envd that is reached from outside of a sandbox. Those of the vendor's orchestrator (`/init`, `/freeze`, …) are not.
enum EnvdRoute: String, CaseIterable, Sendable {
    case health = "/health"
    case files = "/files"
    case compose = "/files/compose"
    case metrics = "/metrics"
    case environment = "/envs"
    case start = "/process.Process/Start"
    case connect = "/process.Process/Connect"
    case listProcesses = "/process.Process/List"
    case sendInput = "/process.Process/SendInput"
    case streamInput = "/process.Process/StreamInput"
    case sendSignal = "/process.Process/SendSignal"
    case closeStdin = "/process.Process/CloseStdin"
    case update = "/process.Process/Update"
    case stat = "/filesystem.Filesystem/Stat"
    case makeDir = "/filesystem.Filesystem/MakeDir"
    case move = "/filesystem.Filesystem/Move"
    case listDir = "/filesystem.Filesystem/ListDir"
    case remove = "/filesystem.Filesystem/Remove"
    case watchDir = "/filesystem.Filesystem/WatchDir"
    case createWatcher = "/filesystem.Filesystem/CreateWatcher"
    case getWatcherEvents = "/filesystem.Filesystem/GetWatcherEvents"
    case removeWatcher = "/filesystem.Filesystem/RemoveWatcher"

    private static let services = ["/process.Process/", "/filesystem.Filesystem/"]

    /// - Parameter path: with or without a query. A base URL that ends in a slash makes clients send two.
    init?(_ path: String) {
        let bare = path.prefix { $0 != "?" }
        self.init(rawValue: "/" + bare.drop { $0 == "/" })
    }

    /// Whether the path is that of a procedure that is not known.
    static func isUnknownProcedure(_ path: String) -> Bool {
        services.contains { path.hasPrefix($0) } && EnvdRoute(path) == nil
    }

    var methods: [HTTPRequest.Method] {
        switch self {
        case .health, .metrics, .environment: [.get, .head]
        case .files: [.get, .head, .post]
        default: [.post]
        }
    }

    /// Its bodies pass through as they come; all others are read at once.
    var streamsBody: Bool { self == .files || self == .streamInput }
}
