import E2BProvider
import Sandstorm
import SandstormCore
import SandstormEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The section `accounts` of a configuration: credentials at places beside this machine; docs/accounts.md.
struct AccountSettings: Sendable {
    var e2b: [E2BAccount] = []

    init() {}

    /// Reads an array of accounts, and the keys that they name.
    ///
    /// - Throws: ``InvalidRequest`` with everything that is wrong.
    init(json: JSONValue, at pointer: String, environment: [String: String] = ProcessInfo.processInfo.environment) throws(InvalidRequest) {
        guard let entries = json.arrayValue else {
            throw InvalidRequest(
                pointer, "must be an array", remedy: "write [{\"provider\": \"e2b\", \"key\": {\"environment\": \"E2B_API_KEY\"}}]")
        }
        var problems: [FieldProblem] = []
        for (index, entry) in entries.enumerated() {
            let place = "\(pointer)/\(index)"
            do throws(InvalidRequest) { try add(entry, at: place, environment) } catch { problems += error.problems }
        }
        for (index, account) in e2b.enumerated() where e2b[..<index].contains(where: { $0.name == account.name }) {
            problems.append(
                FieldProblem(
                    pointer: pointer, detail: "two accounts are called \"\(account.name)\"", remedy: "give each a \"name\" of its own"))
        }
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }

    private mutating func add(_ entry: JSONValue, at pointer: String, _ environment: [String: String]) throws(InvalidRequest) {
        guard entry["provider"]?.stringValue == E2BProvider.name.rawValue else {
            throw InvalidRequest(pointer + "/provider", "names no provider that takes accounts", remedy: "write \"e2b\"")
        }
        let key = Result { () throws(InvalidRequest) in try AccountSettings.key(entry["key"], at: pointer + "/key", environment) }
        let account = Result { () throws(InvalidRequest) in
            try E2BAccount(json: entry, key: E2BKey((try? key.get()) ?? ""), at: pointer)
        }
        switch (key, account) {
        case (.success, .success(let account)): e2b.append(account)
        case (.failure(let one), .failure(let other)): throw InvalidRequest(problems: one.problems + other.problems)
        case (.failure(let error), .success), (.success, .failure(let error)): throw error
        }
    }

    /// A key comes from the environment or from a file: what stands on a command line or in a configuration is read by too many.
    private static func key(_ json: JSONValue?, at pointer: String, _ environment: [String: String]) throws(InvalidRequest) -> String {
        let remedy = "write {\"environment\": \"E2B_API_KEY\"} or {\"file\": \"/path/to/key\"}"
        guard let json else { throw InvalidRequest(pointer, "is missing", remedy: remedy) }
        guard let object = json.objectValue, object.members.count == 1, let member = object.members.first,
            let name = member.value.stringValue
        else { throw InvalidRequest(pointer, "does not say where the key is", remedy: remedy) }
        let text: String
        switch member.key {
        case "environment":
            guard let value = environment[name], !value.isEmpty else {
                throw InvalidRequest(pointer + "/environment", "the variable \(name) is not set", remedy: "set it to the API key")
            }
            text = value
        case "file":
            do throws(OptionProblem.Thrown) {
                text = String(decoding: try LocalFile(name).read(as: pointer), as: UTF8.self)
            } catch {
                throw InvalidRequest(pointer + "/file", error.problem.detail, remedy: error.problem.remedy)
            }
        default: throw InvalidRequest(pointer, "does not say where the key is", remedy: remedy)
        }
        let key = text.trimmingPrefix { $0.isWhitespace }
        let trimmed = String(String(key.reversed()).trimmingPrefix { $0.isWhitespace }.reversed())
        guard !trimmed.isEmpty, trimmed.allSatisfy({ $0.isASCII && !$0.isWhitespace && !$0.isNewline }) else {
            throw InvalidRequest(pointer, "what is there is no API key", remedy: "store the key alone")
        }
        return trimmed
    }

    /// The providers of all accounts, which ask `prices` what their sandboxes cost.
    ///
    /// - Throws: ``CommandFailure`` for accounts that can't be used.
    func providers(_ prices: LivePrices) throws(SandstormError) -> [any SandboxProvider] {
        guard let provider = try e2bProvider({ prices.schedule(of: E2BProvider.name) }) else { return [] }
        return [provider]
    }

    /// E2B's, if there are accounts there.
    func e2bProvider(_ price: @escaping @Sendable () -> PriceSchedule?) throws(SandstormError) -> E2BProvider? {
        guard !e2b.isEmpty else { return nil }
        do throws(ProviderError) {
            return try E2BProvider(accounts: e2b, price: price)
        } catch {
            throw SandstormError(.configuration, error.message)
        }
    }
}
