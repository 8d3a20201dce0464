#if os(Linux)
import Glibc
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("The machine's disk", .enabled(if: Machine.canRun, Machine.why))
struct SharingTests {
    @Test("what no gateway uses any more is swept, what one uses is not")
    func sweep() throws {
        let directory = "/tmp/sandstorm-test-\(UInt64.random(in: .min ... .max))"
        defer { HostFile.removeTree(directory) }
        try HostFile.makeDirectories(directory)
        func make(_ name: String, age: Int, isDirectory: Bool = false) throws {
            let path = "\(directory)/\(name)"
            if isDirectory { try HostFile.makeDirectories("\(path)/inner") } else { try HostFile.create(path, [1]) }
            var times = [timespec(tv_sec: time(nil) - age, tv_nsec: 0), timespec(tv_sec: time(nil) - age, tv_nsec: 0)]
            try #require(utimensat(AT_FDCWD, path, &times, 0) == 0)
        }
        for name in ["agent-old", "agent-used", "seccomp-x", "other", "ext4-x-1", "ext4-x-2", "ext4-x-3.77"] {
            try make(name, age: name == "ext4-x-2" ? 10 : 30 * 24 * 3600)
        }
        try make("etc-old", age: 0, isDirectory: true)
        try make("etc-used", age: 0, isDirectory: true)
        let used = try [SharedThing.use("\(directory)/agent-used"), SharedThing.use("\(directory)/etc-used")]
        // Just made: nothing but the templates' last use is old, so all stay that somebody may be about to use.
        SharedThing.sweep(directory)
        #expect(HostFile.names(in: directory).count == 9)
        SharedThing.sweep(directory, now: time(nil) + 3600)
        #expect(HostFile.names(in: directory).sorted() == ["agent-used", "etc-used", "ext4-x-2", "other", "seccomp-x"])
        withExtendedLifetime(used) {}
    }

    @Test("with less than the reserve left, nothing is made", .enabled(if: Machine.canCopyDisks, Machine.whyCopy))
    func reserve() async throws {
        try await Playground.run({ $0.diskReserveMiB = 1 << 30 }) { playground in
            let error = await providerError { _ = try await playground.sandbox() }
            #expect(error?.code == .noCapacity)
            #expect(await eventually { Remainders(of: playground.directory).isEmpty })
        }
    }
}
#endif
