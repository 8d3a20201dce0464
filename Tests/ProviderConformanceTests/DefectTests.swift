#if os(Linux)
import ProviderConformance
import SandstormCore
import Testing

/// A kit that finds nothing would pass everybody: here it must find what is there to be found, each defect by the case that is about it.
@Suite("Defects that the kit finds", .enabled(if: LocalMachine.canRun, LocalMachine.why))
struct DefectTests {
    private static let finders: [(defect: Defect, behaviour: String)] = [
        (.swallowsExitCodes, "exitCodes: every exit code comes back as it is"),
        (.tellsSignalsAsCodes, "exitCodes: a program's own death by a signal is told as that"),
        (.dropsErrors, "streaming: output and errors come apart"),
        (.mixesErrorsIntoOutput, "streaming: output and errors come apart"),
        (.holdsOutputBackUntilTheEnd, "streaming: output arrives while the command runs"),
        (.holdsOutputBackUntilTheEnd, "streaming: each piece of output comes when it is written"),
        (.losesTheLastPiece, "streaming: a last line without an end comes too"),
        (.replacesBytesThatAreNoText, "streaming: every byte comes as it is"),
        (.replacesBytesThatAreNoText, "streaming: a character that is split over chunks is whole again"),
        (.reordersOutput, "streaming: lines come in their order"),
        (.endsWithoutAnExit, "streaming: the first event is the start, the last the exit"),
        (.tellsAKillAsAnExit, "kill: while a command runs: its reader hears of it"),
        (.losesInput, "input: every byte arrives as it is"),
        (.ignoresTheEndOfInput, "input: input arrives, and its end"),
        (.dropsTheEnvironment, "environment: variables arrive with any text in them"),
        (.ignoresTheDirectory, "environment: a command starts in the directory asked for"),
        (.sendsSignalsToNobody, "signals: a signal ends a program"),
        (.callsAMissingProgramUnavailable, "errors: a missing program is the caller's mistake, and named"),
        (.succeedsAtMissingPrograms, "errors: a missing program is the caller's mistake, and named"),
        (.keepsSandboxesAlive, "kill: right after it was made"),
        (.keepsSandboxesAlive, "lifecycle: a new sandbox runs a command at once"),
        (.hidesSandboxes, "tags: a sandbox is listed with the whole tag that it was made with"),
        (.listsStrangersSandboxes, "tags: another gateway's sandboxes are not listed"),
        (.losesTags, "tags: a sandbox is listed with the whole tag that it was made with"),
        (.cannotKillTwice, "kill: twice, and at once, is as good as once"),
        (.findsWhatWasKilled, "errors: a sandbox that never was is not found"),
        (.offersTheImpossible, "errors: more memory than there is is refused"),
        (.cutsFiles, "files: what is written is read"),
        (.ignoresPermissions, "files: permissions are those asked for, whatever the umask"),
        (.forgetsWhatIsWrongWithFiles, "files: a missing file is told as that"),
        (.pausesInNameOnly, "pause: what is paused does nothing, and goes on where it was"),
        (.refusesNothing, "pause: what is paused does nothing, and goes on where it was"),
        (.connectsEverybody, "egress: without a network nothing is reached"),
        (.ignoresAllowLists, "egress: an allow-list lets through what is on it, and nothing else"),
        (.hangs, "input: input arrives, and its end"),
    ]

    private static let budget = ConformanceBudget(perCase: .seconds(12), settling: .seconds(3), parallelism: 1)

    @Test("the case about a defect finds it", arguments: finders.indices)
    func finds(index: Int) async throws {
        let (defect, id) = Self.finders[index]
        let behaviour = try #require(ConformanceCase.all.first { $0.id == id }, "there is no case \(id)")
        let broken = ProviderConformance("\(defect)", budget: Self.budget, hosts: Neighbourhood.hosts) {
            BrokenProvider(base: await LocalMachine.provider(in: "broken"), defect: defect)
        }
        let verdict = try await broken.verdict(on: behaviour)
        #expect(!verdict.failures.isEmpty, "\(defect) was not found by \(id)")
        for failure in verdict.failures { #expect(failure.location.fileID.hasPrefix("ProviderConformance/")) }
    }

    @Test("every defect is looked for")
    func complete() { #expect(Set(Self.finders.map(\.defect)) == Set(Defect.allCases)) }

    @Test("a case that must refuse something says so")
    func refuses() async throws {
        let conformance = ProviderConformance("local", budget: Self.budget) {
            WithoutTerminals(base: await LocalMachine.provider(in: "broken"))
        }
        let behaviour = try #require(ConformanceCase.cases(about: .terminal).first { !$0.needs.isEmpty })
        guard case .refuses([.terminal]) = try await conformance.verdict(on: behaviour) else {
            Issue.record("the refusal of terminals was not proved")
            return
        }
    }

    @Test("names are unique, and there are many")
    func names() {
        #expect(Set(ConformanceCase.all.map(\.id)).count == ConformanceCase.all.count)
        #expect(ConformanceCase.all.count >= 150)
        for area in ConformanceCase.Area.allCases { #expect(!ConformanceCase.cases(about: area).isEmpty, "\(area)") }
    }
}
#endif
