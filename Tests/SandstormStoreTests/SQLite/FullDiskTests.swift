#if os(Linux)
import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormStore

@Suite("A disk without room", .enabled(if: SmallDisk.isPossible, "mounting a small file system needs root"))
struct FullDiskTests {
    @Test("is told with a remedy, loses nothing that was acknowledged, and is forgotten once there is room")
    func full() async throws {
        let disk = try SmallDisk(kibibytes: 4096)
        let store = try SQLiteStore(directory: disk.path)
        var kept: Set<RunID> = []
        for _ in 0..<10 {
            let run = RunRecord.fixture()
            _ = try await store.accept(run)
            kept.insert(run.result.id)
        }
        try disk.fill(leaving: 64 * 1024)
        var refusal: StoreError?
        for _ in 0..<200 where refusal == nil {
            var run = RunRecord.fixture()
            run.request.spec.files = [SpecFile(path: "a", content: [UInt8](repeating: 7, count: 8192))]
            do throws(StoreError) {
                _ = try await store.accept(run)
                kept.insert(run.result.id)
            } catch {
                refusal = error
            }
        }
        #expect(refusal?.kind == .unavailable)
        #expect(refusal?.message.contains("free space") == true)
        // What is there can be read, and many that write at once are each told.
        #expect(try await Set(store.unsettledRuns().map(\.result.id)) == kept)
        var large = RunRecord.fixture()
        large.request.spec.files = [SpecFile(path: "a", content: [UInt8](repeating: 7, count: 262_144))]
        let template = large
        let refused = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var run = RunRecord.fixture()
                    run.request = template.request
                    return (try? await store.accept(run)) == nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(refused == 8)

        disk.free()
        let run = RunRecord.fixture()
        _ = try await store.accept(run)
        kept.insert(run.result.id)
        try await store.ping()
        #expect(try await Set(store.unsettledRuns().map(\.result.id)) == kept)
        await store.close()
        let again = try SQLiteStore(directory: disk.path)
        #expect(try await Set(again.unsettledRuns().map(\.result.id)) == kept)
        await again.close()
    }

    @Test("closing on a full disk keeps everything for the next time")
    func closing() async throws {
        let disk = try SmallDisk(kibibytes: 4096)
        let store = try SQLiteStore(directory: disk.path)
        let run = RunRecord.fixture()
        _ = try await store.accept(run)
        try disk.fill(leaving: 0)
        await store.close()
        disk.free()
        let again = try SQLiteStore(directory: disk.path)
        #expect(try await again.unsettledRuns().map(\.result.id) == [run.result.id])
        await again.close()
    }

    @Test("neither can a read-only file system be opened, which is told with a remedy")
    func readOnly() async throws {
        let disk = try SmallDisk(kibibytes: 4096)
        let store = try SQLiteStore(directory: disk.path)
        await store.close()
        try disk.makeReadOnly()
        let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: disk.path) }
        #expect(error?.kind == .unavailable)
        #expect(error?.message.contains("writable") == true)
    }
}
#endif
