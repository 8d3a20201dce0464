import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// `/v1/prices`: what a sandbox would cost at each place, without making one.
struct PriceRoutes: Sendable {
    let engine: Engine

    /// An hour: what price lists are written for.
    static let standardDuration = 3_600_000
    /// A month of 31 days.
    static let maximumDuration = 2_678_400_000

    /// The parameters that describe the sandbox, and whether the spec has them as numbers.
    private static let fields = [
        ("cpu", true), ("memory", true), ("disk", true), ("gpu", false), ("isolation", false), ("network", false),
        ("region", false),
    ]

    func add(to routes: RouterGroup<CallerContext>) { routes.on(.prices, .get, use: prices) }

    private func prices(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: PriceRoutes.fields.map(\.0) + ["duration", "scope"])
        let duration = try parameters.integer("duration", in: 1...PriceRoutes.maximumDuration) ?? PriceRoutes.standardDuration
        let scope = try parameters.choice("scope", as: PriceScope.self) ?? .market
        let quotes = engine.prices(of: try PriceRoutes.spec(parameters), for: .milliseconds(duration), scope: scope)
        return .json([
            "duration": .integer(duration), "prices": .array(quotes.map(\.json)), "sources": .array(engine.priceSources.map(\.json)),
        ])
    }

    private static func spec(_ parameters: QueryParameters) throws(Problem) -> SandboxSpec {
        var object = JSONObject()
        for (name, isNumber) in fields {
            guard let text = parameters[name] else { continue }
            guard isNumber else {
                object[name] = .string(text)
                continue
            }
            guard case .number(let literal)? = try? JSONValue(parsing: text) else {
                throw Problem(.invalidParameter, "\"\(name)\" must be a number")
            }
            object[name] = .number(literal)
        }
        do throws(InvalidRequest) {
            return try SandboxSpec(json: .object(object), for: .sandbox)
        } catch {
            let problems = error.problems.map { "\"\($0.pointer.dropFirst())\" \($0.detail); \($0.remedy)" }
            throw Problem(.invalidParameter, problems.joined(separator: ". "))
        }
    }
}
