#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("Snapshots of a local sandbox", .serialized, .enabled(if: Machine.canRun && Machine.canCopyDisks, Machine.whyCopy))
struct SnapshotTests {
    private func snapshots(_ playground: Playground) -> [String] { HostFile.names(in: "\(playground.directory)/local/snapshots") }

    @Test("a sandbox made from one has its files, as its own, and goes its own way", arguments: Machine.levels)
    func restore(level: IsolationLevel) async throws {
        try await Playground.runEveryLevel { playground in
            let original = try await playground.sandbox(level)
            _ = try await original.sh(
                "mkdir -p d; echo one > d/f; ln -s f d/link; ln d/f d/hard; chmod 640 d/f; echo h > ~/h; echo t > /tmp/t; touch /workspace/-x"
            )
            let snapshot = try await original.snapshot(.filesystem)
            _ = try await original.sh("echo two > d/f")
            try await original.kill()

            var spec = SandboxSpec(command: ["sh"])
            (spec.isolation, spec.memory) = (level, 256)
            let restored = try await playground.sandbox(from: snapshot, spec)
            let line =
                "stat -c '%a %u %g %h' d/f; stat -c %u . ~ /tmp d d/link; cat d/link ~/h /tmp/t; echo three > d/new && stat -c %u d/new"
            let expected = "640 1000 1000 2\n" + String(repeating: "1000\n", count: 5) + "one\nh\nt\n1000\n"
            #expect(try await restored.sh(line).stdout == expected)
            // Of what was made from a snapshot there can be another, and of that too.
            let again = try await restored.snapshot(.filesystem)
            let third = try await playground.sandbox(from: again, spec)
            #expect(try await third.sh("cat d/new; rm -r d && ls -A").stdout == "three\n-x\n")
            #expect(try await restored.sh("cat d/new").stdout == "three\n")
            let other = try await playground.sandbox(from: snapshot, spec)
            #expect(try await other.sh("ls d").stdout == "f\nhard\nlink\n")
        }
    }

    @Test("where mounts can't be mapped, the files are given away one by one")
    func changeOwner() async throws {
        let directory = "/tmp/sandstorm-test-\(UInt64.random(in: .min ... .max))"
        defer { HostFile.removeTree(directory) }
        try HostFile.makeDirectories("\(directory)/tree/a")
        try HostFile.create("\(directory)/outside", [])
        for path in ["tree", "tree/a", "outside"] { try #require(chown("\(directory)/\(path)", 201_000, 201_000) == 0) }
        try #require(symlink("../outside", "\(directory)/tree/link") == 0)
        try #require(lchown("\(directory)/tree/link", 201_000, 201_000) == 0)
        try HostFile.create("\(directory)/tree/roots", [])
        try HostFile.changeOwner("\(directory)/tree", from: 201_000, to: 201_002)
        func owner(_ path: String) -> uid_t {
            var info = stat()
            return lstat("\(directory)/\(path)", &info) == 0 ? info.st_uid : .max
        }
        #expect(["tree", "tree/a", "tree/link"].map(owner) == [201_002, 201_002, 201_002])
        #expect(["outside", "tree/roots"].map(owner) == [201_000, 0])
    }

    @Test("it is whole, however busy the sandbox is", arguments: Machine.levels)
    func consistency(level: IsolationLevel) async throws {
        try await Playground.runEveryLevel { playground in
            let sandbox = try await playground.sandbox(level)
            // Pairs that are always equal but for one moment; files that are deleted and still open; new files without end.
            let line = """
                (exec 3> gone; rm gone; while :; do echo more >&3; done) &
                (i=0; while :; do i=$((i+1)); mkdir -p t/$((i%50)); head -c 20000 /dev/zero > t/$((i%50))/$i; rm -rf t/$(((i+25)%50)); done) &
                i=0; while :; do i=$((i+1)); echo $i > a.tmp; mv a.tmp a; done
                """
            let process = try await sandbox.start(Command(["/bin/sh", "-c", line]))
            #expect(try await eventually { (try? await sandbox.files.read("a", upTo: 100)) != nil })
            for _ in 0..<5 {
                let snapshot = try await sandbox.snapshot(.filesystem)
                let disk = "\(playground.directory)/local/snapshots/\(snapshot.id)/disk.ext4"
                let check = try ChildProcess.spawn(["/usr/sbin/e2fsck", "-fn", disk], ChildProcess.Descriptors())
                #expect(check.reap(within: .seconds(60)) == 0)
                let restored = try await playground.sandbox(from: snapshot)
                #expect(try await restored.sh("grep -c . a; echo x > y && cat y").stdout == "1\nx\n")
                try await restored.kill()
            }
            // And the sandbox goes on.
            #expect(try await sandbox.sh("echo alive").stdout == "alive\n")
            _ = process
        }
    }

    @Test("what is no mounted disk is never brought to rest")
    func machine() throws {
        let directory = "/tmp/sandstorm-test-\(UInt64.random(in: .min ... .max))"
        defer { HostFile.removeTree(directory) }
        try HostFile.makeDirectories("\(directory)/disk")
        #expect(throws: SystemError.self) { try DiskImage.atRest("\(directory)/disk") {} }
        #expect(throws: SystemError.self) { try DiskImage.flush("\(directory)/disk") }
    }

    @Test("of a paused sandbox, which stays paused")
    func paused() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            _ = try await sandbox.sh("echo x > f")
            try await sandbox.pause()
            let snapshot = try await sandbox.snapshot(.filesystem)
            #expect(playground.journal(of: sandbox)?.group?.isFrozen == true)
            #expect(try await playground.sandbox(from: snapshot).sh("cat f").stdout == "x\n")
            try await sandbox.resume()
            #expect(try await sandbox.sh("cat f").stdout == "x\n")
        }
    }

    @Test("a disk may be larger than the snapshot's, and not smaller")
    func growth() async throws {
        try await Playground.run { playground in
            var spec = SandboxSpec(command: ["sh"])
            spec.disk = 2
            let sandbox = try await playground.sandbox(spec)
            _ = try await sandbox.sh("echo x > f")
            let snapshot = try await sandbox.snapshot(.filesystem)
            spec.disk = 5
            let larger = try await playground.sandbox(from: snapshot, spec)
            #expect(
                try await larger.sh("cat f; fallocate -l 4G big && echo fits; fallocate -l 2G more 2>/dev/null || echo full").stdout
                    == "x\nfits\nfull\n")
            #expect(try await larger.usage().diskLimit == 5 << 30)
            spec.disk = 1
            let error = await providerError { _ = try await playground.sandbox(from: snapshot, spec) }
            #expect(error?.code == .invalid)
            #expect(error?.message.contains("2 GiB") == true)
        }
    }

    @Test("it takes what the files take, not what the disk could hold")
    func sparse() async throws {
        try await Playground.run { playground in
            var spec = SandboxSpec(command: ["sh"])
            spec.disk = 20
            let sandbox = try await playground.sandbox(spec)
            _ = try await sandbox.sh("head -c 10000000 /dev/urandom > f")
            let snapshot = try await sandbox.snapshot(.filesystem)
            var info = stat()
            try #require(stat("\(playground.directory)/local/snapshots/\(snapshot.id)/disk.ext4", &info) == 0)
            #expect(info.st_size == 20 << 30)
            #expect(info.st_blocks * 512 < 40_000_000)
        }
    }

    @Test("deleting is idempotent and spares the sandboxes; names that are paths find nothing")
    func delete() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            let snapshot = try await sandbox.snapshot(.filesystem)
            let restored = try await playground.sandbox(from: snapshot)
            try await playground.provider.delete(snapshot)
            try await playground.provider.delete(snapshot)
            #expect(snapshots(playground).isEmpty)
            #expect(try await restored.sh("echo x > f; cat f").stdout == "x\n")
            #expect(await providerError { _ = try await playground.sandbox(from: snapshot) }?.code == .invalid)
            for id in ["", "..", "../\(sandbox.id)", "snapshot-", "snapshot-x/../.."] {
                let strange = ProviderSnapshot(id: id, kind: .filesystem)
                #expect(await providerError { _ = try await playground.sandbox(from: strange) }?.code == .invalid)
                try await playground.provider.delete(strange)
            }
            #expect(try await sandbox.sh("echo x").stdout == "x\n")
            #expect(await providerError { _ = try await sandbox.snapshot(.memory) }?.code == .unsupported)
        }
    }

    @Test("it outlives the process that made it; drafts of dead processes don't")
    func later() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            _ = try await sandbox.sh("echo x > f")
            let snapshot = try await sandbox.snapshot(.filesystem)
            let dead = "\(playground.directory)/local/snapshots/draft-\(getpid())-1-77"
            try HostFile.makeDirectories(dead)
            try HostFile.create("\(dead)/disk.ext4", [1])
            let own = try SnapshotStore(directory: "\(playground.directory)/local/snapshots").begin()
            let second = await LocalProvider(configuration: playground.provider.configuration)
            #expect(!HostFile.exists(dead))
            #expect(HostFile.isDirectory(String(own.disk.dropLast("/disk.ext4".count))))
            SnapshotStore(directory: "\(playground.directory)/local/snapshots").abandon(own)
            let spec = SandboxSpec(command: ["sh"])
            let restored = try await second.create(
                spec, from: snapshot, on: try #require(second.offers(for: spec).first), tag: playground.tag())
            let text = try? await restored.sh("cat f").stdout
            try await restored.kill()
            #expect(text == "x\n")
        }
    }

    @Test("cancelled or killed in whatever phase, it leaves nothing, and the sandbox runs on or is gone", arguments: [false, true])
    func interrupted(byKill: Bool) async throws {
        try await Playground.run { playground in
            for round in 0..<12 {
                let sandbox = try await playground.sandbox()
                let process = try await sandbox.start(
                    Command(["/bin/sh", "-c", "head -c 60000000 /dev/urandom > big; echo; while :; do echo x > f; done"]))
                var iterator = process.events.makeAsyncIterator()
                while let event = try await iterator.next(), event != .stdout(ByteBuffer(string: "\n")) {}
                let taking = Task { try await sandbox.snapshot(.filesystem) }
                try await Task.sleep(for: .milliseconds(round * 8))
                if byKill { try await sandbox.kill() } else { taking.cancel() }
                switch await taking.result {
                case .success(let snapshot): try await playground.provider.delete(snapshot)
                case .failure(let error): #expect((error as? ProviderError)?.code == (byKill ? .notFound : .interrupted), "\(error)")
                }
                #expect(snapshots(playground).isEmpty, "round \(round)")
                if !byKill {
                    #expect(try await sandbox.sh("echo alive").stdout == "alive\n")
                    try await sandbox.kill()
                }
                #expect(await eventually { Remainders(of: playground.directory).isEmpty })
            }
        }
    }

    @Test("restoring can be cancelled in whatever phase")
    func cancelledRestore() async throws {
        try await Playground.run { playground in
            let sandbox = try await playground.sandbox()
            _ = try await sandbox.sh("head -c 30000000 /dev/urandom > big")
            let snapshot = try await sandbox.snapshot(.filesystem)
            try await sandbox.kill()
            for round in 0..<20 {
                let making = Task { try await playground.sandbox(from: snapshot) }
                try await Task.sleep(for: .milliseconds(round * 3))
                making.cancel()
                if case .success(let made) = await making.result { try await made.kill() }
                #expect(await eventually { Remainders(of: playground.directory).isEmpty }, "round \(round)")
            }
        }
    }
}
#endif
