import E2BAPI
import Sandstorm
import SandstormEngine

/// What `sandstorm serve --config` names: one JSON object with a section for each part that can be told more than options say.
struct ConfigurationFile {
    /// The section `routing`; docs/routing.md.
    var routing = RoutingSettings()
    /// The section `prices`; docs/prices.md.
    var prices = PriceConfiguration()
    /// The section `e2b`; docs/e2b.md.
    var e2b = E2BSettings()
    /// The section `accounts`; docs/accounts.md.
    var accounts = AccountSettings()

    init() {}

    /// Reads the file of `--config`, and adds all that is wrong with it to `problems`.
    init(_ path: String, _ problems: inout [OptionProblem]) {
        let json: JSONValue
        do throws(OptionProblem.Thrown) {
            let bytes = try LocalFile(path).read(as: "--config")
            do throws(JSONSyntaxError) { json = try JSONValue(parsing: bytes) } catch {
                throw .init(OptionProblem("--config", "\(path) is not JSON: \(error)", remedy: "correct the file"))
            }
        } catch {
            problems.append(error.problem)
            return
        }
        var reader = JSONReader(json, at: "")
        if let section = reader.value("routing") {
            do throws(InvalidRequest) { routing = try RoutingSettings(json: section, at: "/routing") } catch {
                reader.merge(error.problems)
            }
        }
        if let section = reader.value("prices") {
            do throws(InvalidRequest) { prices = try PriceConfiguration(json: section, at: "/prices") } catch {
                reader.merge(error.problems)
            }
        }
        if let section = reader.value("e2b") {
            do throws(InvalidRequest) { e2b = try E2BSettings(json: section, at: "/e2b") } catch {
                reader.merge(error.problems)
            }
        }
        if let section = reader.value("accounts") {
            do throws(InvalidRequest) { accounts = try AccountSettings(json: section, at: "/accounts") } catch {
                reader.merge(error.problems)
            }
        }
        problems += reader.finish().map { OptionProblem("\(path) at \($0.pointer)", $0.detail, remedy: $0.remedy) }
    }
}
