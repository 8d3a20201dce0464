package import SandstormCore

/// What happened to single requests, for whoever wants to know why a figure is what it is.
package enum Stories {
    private final class Story {
        var start: Microseconds?
        var isLost = false
        var words: [String] = []
    }

    /// What happened to those requests that `sandstorm` lost or started last, the worst first: each event with the milliseconds since its
    /// arrival, and what the oracle would have done.
    ///
    /// - Parameters:
    ///   - names: of the offers, by the world's indices.
    ///   - title: names a request.
    package static func worst(
        _ count: Int, in world: some World, objective: Constraints.Objective, names: [String], title: (Int) -> String
    ) -> [String] {
        let stories = world.requests.map { _ in Story() }
        var begins: [Int: Microseconds] = [:]
        _ = Simulation.run(SandstormPolicy(objective: objective, workloads: world.workloads), in: world) { request, sight, now in
            let story = stories[request]
            let begin = begins[request] ?? now
            begins[request] = begin
            let what: String? =
                switch sight {
                case .created(let offer): "create \(names[offer])"
                case .started(let offer): "start \(names[offer])"
                case .failed(let offer, let code): "\(code.rawValue) \(names[offer])"
                case .killed(let offer, _): "kill \(names[offer])"
                case .died(let offer): "death \(names[offer])"
                case .gaveUp: "give up"
                case .finished: nil
                }
            if case .started = sight, story.start == nil { story.start = now - begin }
            if case .gaveUp = sight { story.isLost = true }
            if let what { story.words.append("\((now - begin) / 1000) \(what)") }
        }
        let oracle = Oracle.choices(in: world, objective: objective)
        // What nobody could have served is nobody's fault.
        let blame = stories.indices.filter { oracle[$0] != nil }.map { index in
            (index: index, wait: stories[index].isLost ? .max : stories[index].start ?? .max)
        }
        return blame.sorted { ($0.wait, $1.index) > ($1.wait, $0.index) }.prefix(count).map { index, _ in
            let best = oracle[index].map { "\(names[$0.offer]) \($0.start / 1000)" } ?? "nothing"
            return "\(title(index)): \(stories[index].words.joined(separator: ", ")); best: \(best)"
        }
    }
}
