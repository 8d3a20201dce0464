import SandstormCore

/// What the classes of errors in the records mean to a gateway, and how long each takes to show, which the records don't tell.
package struct ErrorModel: Sendable {
    private var times: [StartRecords.ErrorClass: Microseconds] = [
        // Refusals come from the provider's front door, at the pace of one request and its answer.
        .quota: .milliseconds(300), .rateLimited: .milliseconds(200), .auth: .milliseconds(200), .notFound: .milliseconds(250),
        // Something went wrong inside, after some work.
        .server: .seconds(1), .other: .seconds(1),
        // Nobody answered.
        .network: .seconds(5), .timeout: .seconds(30),
    ]

    package init() {}

    /// Takes other times: `timeout=60000,quota=150`, in milliseconds.
    package init(overriding text: String) throws(InputError) {
        for part in text.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, let error = StartRecords.ErrorClass(rawValue: String(pair[0])), let time = Double(pair[1]), time >= 0
            else {
                let names = StartRecords.ErrorClass.allCases.map(\.rawValue).joined(separator: ", ")
                throw InputError("\"\(part)\" is not CLASS=MILLISECONDS with one of \(names)")
            }
            times[error] = .milliseconds(time)
        }
    }

    func draw(_ error: StartRecords.ErrorClass) -> Draw { .failure(code(error), after: times[error] ?? .seconds(1)) }

    private func code(_ error: StartRecords.ErrorClass) -> ProviderError.Code {
        switch error {
        case .quota: .quotaExceeded
        case .rateLimited: .rateLimited
        case .auth: .unauthenticated
        // At a create, what is not found is the template, the image or the route: the place can't do it, but another may. (`notFound` in
        // our taxonomy is a sandbox that is gone.)
        case .notFound: .unsupported
        case .server, .other, .network: .unavailable
        case .timeout: .timedOut
        }
    }
}
