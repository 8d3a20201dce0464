#if os(Linux)
import Glibc
import NIOCore
import SandstormCore
import Testing

@testable import LocalProvider

/// Code that takes all it can get: it gets its sandbox's share, the machine keeps the rest, and the sandbox ends when it is told to.
/// One after the other: together they would be a load that no test of time survives.
@Suite(
    "Bombs in a local sandbox", .enabled(if: Machine.canRun && Machine.isRoot && Probe.isPossible, "needs root and python3"),
    .serialized)
struct BombTests {
    /// Kills the sandbox and checks that it is gone in bounded time, with everything.
    private func end(_ playground: Playground, _ sandbox: any Sandbox, within limit: Duration = .seconds(60)) async throws {
        let journal = try #require(playground.journal(of: sandbox))
        let start = ContinuousClock.now
        try await sandbox.kill()
        #expect(ContinuousClock.now - start < limit)
        #expect(journal.group?.processes.isEmpty ?? true)
        #expect(journal.group?.directories.values.allSatisfy { !HostFile.exists($0) } ?? true)
        #expect(journal.process?.isAlive == false)
        #expect(await providerError { _ = try await sandbox.start(Command(["true"])) }?.code == .notFound)
    }

    @Test("a fork bomb fills its own process table: later commands are refused as such, and a kill ends it", arguments: Occasion.all)
    func forks(occasion: Occasion) async throws {
        try await occasion.run({ $0.maximumProcesses = 100 }) { playground, sandbox in
            guard playground.enforces(.pids) else { return }
            // A shell would give up where it can't fork; this one never does.
            let program = """
                import os, signal
                for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
                while True:
                    try: os.fork()
                    except OSError: pass
                """
            let bomb = try await sandbox.start(Command(["/usr/bin/python3", "-c", program], user: occasion.user))
            let group = try #require(playground.journal(of: sandbox)?.group)
            #expect(await eventually(within: .seconds(60)) { group.processes.count >= 90 })
            #expect(try #require(group.count) <= 100)
            // Full or not at this moment, it answers, and it says what is wrong.
            for _ in 0..<20 {
                do throws(ProviderError) {
                    let process = try await sandbox.start(Command(["true"]))
                    for try await _ in process.events {}
                } catch {
                    #expect([.invalid, .interrupted].contains(error.code), "\(error)")
                    #expect(error.missingProgram == nil)
                } catch {
                    Issue.record("\(error)")
                }
            }
            try await end(playground, sandbox)
            _ = bomb
        }
    }

    @Test("threads count as processes")
    func threads() async throws {
        try await Occasion(isFirstCommand: true, level: .standard).run({ $0.maximumProcesses = 60 }) { playground, sandbox in
            guard playground.enforces(.pids) else { return }
            let program = """
                import threading, time
                made = 0
                try:
                    while made < 1000:
                        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start(); made += 1
                except RuntimeError: pass
                print(made < 60, flush=True)
                import os; os._exit(0)
                """
            let output = try await sandbox.python(program).stdout
            #expect(output == "True\n")
        }
    }

    @Test("a memory bomb ends as out of memory, whatever kind of memory it is, and the sandbox lives on", arguments: Occasion.all)
    func memory(occasion: Occasion) async throws {
        let bombs = [
            "x = []\nwhile True: x.append(bytearray(1 << 20))",
            // Files in memory: shared memory, memfd, SysV segments.
            "f = open('/dev/shm/x', 'wb')\nwhile True: f.write(b'x' * (1 << 20))",
            "import os\nf = os.memfd_create('x')\nwhile True: os.write(f, b'x' * (1 << 20))",
            """
            import ctypes
            libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p
            for _ in range(300): ctypes.memset(ctypes.c_void_p(libc.shmat(libc.shmget(0, 1 << 20, 0o1600), None, 0)), 1, 1 << 20)
            """,
            // Inodes without content, and kernel memory: pipes.
            "for i in range(10 ** 6): open(f'/dev/shm/{i}', 'x')",
        ]
        for bomb in bombs {
            try await occasion.run(memory: 64) { playground, sandbox in
                guard playground.enforces(.memory) else { return }
                let error = await providerError {
                    let result = try await sandbox.sh("exec /usr/bin/python3 -c \"$BOMB\"", environment: ["BOMB": bomb], as: occasion.user)
                    Issue.record("\(bomb): ended with \(result)")
                }
                #expect(error?.code == .interrupted, "\(bomb)")
                #expect(error?.outOfMemory == true, "\(bomb)")
                // What lives in files and segments stays, and its memory stays taken.
                if bomb == bombs[0] {
                    let result = try await sandbox.sh("echo alive")
                    #expect(result.stdout == "alive\n")
                }
                try await end(playground, sandbox)
            }
        }
    }

    @Test("many small processes that fill the memory do not take the agent with them, or the sandbox ends as out of memory")
    func crowd() async throws {
        try await Occasion(isFirstCommand: false, level: .standard).run(memory: 64) { playground, sandbox in
            guard playground.enforces(.memory) else { return }
            let program = """
                import os, time
                for _ in range(200):
                    if os.fork() == 0:
                        x = bytearray(1 << 20)
                        while True: x += bytes(1 << 16); time.sleep(0.01)
                time.sleep(1000)
                """
            let crowd = try await sandbox.start(Command(["/usr/bin/python3", "-c", program]))
            let group = try #require(playground.journal(of: sandbox)?.group)
            let kills = MemoryKills(group)
            #expect(await eventually(within: .seconds(60)) { kills.count > 3 })
            let error = await providerError {
                let result = try await sandbox.sh("echo alive")
                #expect(result.stdout == "alive\n")
            }
            if let error { #expect(error.code == .interrupted && error.outOfMemory, "\(error)") }
            try await end(playground, sandbox)
            _ = crowd
        }
    }

    @Test("a disk and inode filler meets the disk's end, and the sandbox's removal does not care", arguments: Occasion.all)
    func disk(occasion: Occasion) async throws {
        try await occasion.run { playground, sandbox in
            let program = """
                import errno, os
                def fill(body):
                    try:
                        while True: body()
                    except OSError as error: return errno.errorcode[error.errno]
                count = 0
                def touch():
                    global count
                    os.mknod(f"/tmp/{count}"); count += 1
                print(fill(touch), 60000 < count < 70000)
                # As deep as it goes: a path that long can't be named in one piece.
                os.chdir("/workspace")
                depth = 0
                def down():
                    global depth
                    os.mkdir("d" * 200); os.chdir("d" * 200); depth += 1
                    if depth == 3000: raise OSError(errno.EMLINK, "enough")
                for name in range(4000): os.unlink(f"/tmp/{name}")
                print(fill(down))
                f = os.open("/home/user/big", os.O_CREAT | os.O_WRONLY)
                os.posix_fallocate(f, 0, 600 << 20)
                print(fill(lambda: os.write(f, b"x" * (1 << 20)) if os.lseek(f, 0, 1) < 64 << 20 else os.posix_fallocate(f, 0, 2 << 30)))
                """
            #expect(try await sandbox.python(program, as: occasion.user).stdout == "ENOSPC True\nEMLINK\nENOSPC\n")
            // No room for a command's own files is no reason not to run it.
            #expect(try await sandbox.sh("echo alive").stdout == "alive\n")
            try await end(playground, sandbox)
        }
    }

    @Test("a spinning, stubborn process that floods its output is killed in time, unread", arguments: Occasion.all)
    func flood(occasion: Occasion) async throws {
        try await occasion.run { playground, sandbox in
            let flood = try await sandbox.start(
                Command(["/bin/sh", "-c", "trap '' TERM HUP INT PIPE; yes >&2 & yes & while :; do :; done"], user: occasion.user))
            let spin = try await sandbox.start(Command(["/usr/bin/python3", "-c", "while True: pass"]))
            let memory = residentMiB()
            // As the engine does at the timeout.
            let started = try await eventually { try await sandbox.sh("ps -e -o comm= | grep -c yes").stdout == "2\n" }
            #expect(started)
            try await spin.signal(.kill, to: .group)
            #expect(try await spin.transcript().status?.outcome == .signal(.kill))
            #expect(residentMiB() - memory < 80)
            try await end(playground, sandbox)
            #expect(await providerError { for try await _ in flood.events {} }?.code == .interrupted)
        }
    }

    @Test("zombies and daemons that outlive their parents are reaped, and end with the sandbox", arguments: Occasion.all)
    func daemons(occasion: Occasion) async throws {
        try await occasion.run { playground, sandbox in
            let program = """
                import os, sys, time
                for _ in range(50):
                    if os.fork() == 0:  # Leaves a child to the first process of the sandbox, which ends at once.
                        if os.fork() == 0: time.sleep(0.05); os._exit(0)
                        os._exit(0)
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        for number in range(3): os.close(number)
                        import signal
                        for number in range(1, 64):
                            try: signal.signal(number, signal.SIG_IGN)
                            except (OSError, ValueError): pass
                        open("/tmp/daemon", "w").write(str(os.getpid()))
                        while True: time.sleep(1)
                    os._exit(0)
                """
            #expect(try await sandbox.python(program, as: occasion.user).code == 0)
            let states = "cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '"
            #expect(try await eventually { try await sandbox.sh(states).stdout == "0\n" })
            #expect(try await eventually { try await sandbox.sh("kill -0 $(cat /tmp/daemon)", as: occasion.user).code == 0 })
            // A parent that never waits keeps its zombies, in its own process table.
            let maker = try await sandbox.start(
                Command([
                    "/usr/bin/python3", "-c", "import os, time\nfor _ in range(100):\n  if os.fork() == 0: os._exit(0)\ntime.sleep(1000)",
                ]))
            #expect(try await eventually(within: .seconds(60)) { try await sandbox.sh(states).stdout == "100\n" })
            try await end(playground, sandbox)
            _ = maker
        }
    }

    private func residentMiB() -> Int {
        (HostFile.text("/proc/self/statm")?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) / 256
    }
}
#endif
