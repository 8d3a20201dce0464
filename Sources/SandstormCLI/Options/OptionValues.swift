import Sandstorm

/// The values of options that know them all, for completion and messages.
enum OptionValues {
    static let languages = Language.allCases.map(\.rawValue)
    static let isolation = IsolationLevel.allCases.map(\.rawValue)
    static let objectives = Constraints.Objective.allCases.map(\.rawValue)
    static let states = RunState.allCases.map(\.rawValue)
}
