import Foundation
import Testing

@Suite("The examples run as they stand", .needsSandboxes) struct ExampleTests {
    private static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../../../examples"

    @Test func `primes`() async throws {
        let outcome = try await Fixture().program("run", Self.directory + "/primes.py")
        #expect(outcome.stdout.hasPrefix("2 3 5 7 11 13 "))
        #expect(outcome.stdout.hasSuffix(" 97 \n"))
        #expect(outcome.code == 0)
    }

    @Test func `hello`() async throws {
        #expect(try await Fixture().program("run", Self.directory + "/hello.js", "--arg", "Ada").stdout.hasPrefix("Hello, Ada, from Node "))
    }

    @Test func `upcase`() async throws {
        #expect(try await Fixture().program("run", Self.directory + "/upcase.rb", "--stdin", input: "hello\n").stdout == "HELLO\n")
    }
}
