import Hummingbird
import SandstormCore
import SandstormServer

/// The things that a path names. An id that can't be one names nothing: it is as unknown as one that nothing has.
extension CallerContext {
    var runID: RunID { get throws(Problem) { try identifier("id", or: .noSuchRun) } }
    var sandboxID: SandboxID { get throws(Problem) { try identifier("id", or: .noSuchSandbox) } }
    var snapshotID: SnapshotID { get throws(Problem) { try identifier("id", or: .noSuchSnapshot) } }
    var processID: ProcessID { get throws(Problem) { try identifier("process", or: .noSuchProcess) } }

    private func identifier<Kind: IdentifierKind>(_ parameter: String, or problem: Problem) throws(Problem) -> Identifier<Kind> {
        guard let id = parameters.get(parameter).flatMap({ Identifier<Kind>($0) }) else { throw problem }
        return id
    }
}
