import SandstormCore
import Testing

@testable import E2BProvider

@Suite("Accounts at E2B") struct AccountTests {
    @Test("are read from a configuration")
    func read() throws {
        let json = try JSONValue(
            parsing: """
                {"name": "team-a", "provider": "e2b", "key": {"environment": "X"}, "apiURL": "http://h/e2b/", "sandboxURL": "http://h/e2b",
                 "domain": "example.com:8443", "templates": [{"name": "small", "cpu": 1, "memory": 512}],
                 "limits": {"cpu": 4, "memory": 4096, "leastMemory": 128, "disk": 20, "lifetime": 86400000},
                 "lacks": ["memorySnapshots", "fork"], "languages": ["python"], "isolation": "standard"}
                """)
        let account = try E2BAccount(json: json, key: E2BKey("k"), at: "/accounts/0")
        #expect(account.name == "team-a" && account.controlPlane == "http://h/e2b")
        #expect(account.limits.lifetime == .seconds(86_400) && account.limits.leastMemory == 128)
        #expect(account.templates == [E2BTemplate(name: "small", milliCPU: 1000, memoryMiB: 512)])
        #expect(account.capabilities.snapshot == [.filesystem] && !account.capabilities.fork && account.capabilities.pause)
        #expect(account.capabilities.isolation == [.standard] && account.capabilities.languages == [.python])
        #expect(account.capabilities.ports, "behind one URL header fields tell ports apart")
    }

    @Test("that are wrong are told all that is wrong, each with its place")
    func wrong() throws {
        let json = try JSONValue(
            parsing:
                #"{"name": "a b", "apiURL": "ftp://x", "domain": "", "templates": [], "lacks": ["wings"], "isolation": "none", "surprise": 1}"#
        )
        do throws(InvalidRequest) {
            _ = try E2BAccount(json: json, key: E2BKey("k"), at: "/accounts/0")
            Issue.record("it was taken")
        } catch {
            #expect(
                Set(error.problems.map(\.pointer)) == [
                    "/accounts/0/name", "/accounts/0/apiURL", "/accounts/0/domain", "/accounts/0/templates", "/accounts/0/lacks",
                    "/accounts/0/isolation", "/accounts/0/surprise",
                ])
        }
    }

    @Test("never show their key")
    func secrecy() {
        let account = E2BAccount(key: E2BKey("e2b_secret"))
        var dumped = ""
        dump(account, to: &dumped)
        for text in ["\(account)", String(reflecting: account), dumped, "\(account.key)"] { #expect(!text.contains("e2b_secret")) }
    }

    @Test("offer a template that fits, and one made to measure")
    func offers() throws {
        let provider = try E2BProvider(accounts: [E2BAccount(key: E2BKey("k"))]) { Vendor.price }
        var spec = SandboxSpec()
        spec.cpu = 0.5
        spec.memory = 128
        let offers = provider.offers(for: spec)
        #expect(offers.map(\.id) == ["e2b/default/base", "e2b/default/1x512"])
        #expect(offers.map(\.resources.milliCPU) == [2000, 1000])
        #expect(offers.allSatisfy { $0.price == Vendor.price && $0.isolation == .maximum && $0.resources.diskGiB == 10 })
        spec.memory = 1023
        #expect(provider.offers(for: spec).map(\.id) == ["e2b/default/1x1024"])
        spec.timeout = .seconds(3601)
        #expect(provider.offers(for: spec).isEmpty && provider.refusal(of: spec)?.contains("3600") == true)
    }

    @Test("without a known price make no offers, and say why")
    func unpriced() throws {
        let provider = try E2BProvider(accounts: [E2BAccount(key: E2BKey("k"))]) { nil }
        #expect(provider.offers(for: SandboxSpec()).isEmpty)
        #expect(
            provider.refusal(of: SandboxSpec())?.contains("price") == true
                || provider.refusal(of: SandboxSpec())?.contains("charges") == true)
    }

    @Test("lead to addresses of both forms, and to this machine for names below localhost")
    func addresses() throws {
        #expect(HostAddress("https://49983-i1.e2b.app/x") == HostAddress("https://49983-i1.e2b.app/x"))
        let local = HostAddress("https://49983-i1.sandstorm.localhost:8443/files?a=b")
        #expect(local.url == "https://localhost:8443/files?a=b" && local.host == "49983-i1.sandstorm.localhost:8443")
        #expect(HostAddress("https://e2b.app").host == nil)
    }

    @Test(
        "versions of envd are compared by their numbers",
        arguments: [("0.6.13", "0.6.2"), ("0.10.0", "0.9.9"), ("1", "0.99.99"), ("0.5.7", "0.5.2-rc")])
    func versions(newer: String, older: String) {
        #expect(EnvdVersion(newer) > EnvdVersion(older))
    }
}
