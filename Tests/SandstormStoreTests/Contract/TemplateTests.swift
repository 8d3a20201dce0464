import SandstormCore
import SandstormStore
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Keeping templates") struct TemplateTests {
    private static func template(_ names: [String], tenant: TenantID = .generate()) -> TemplateRecord {
        TemplateRecord(id: .generate(), tenant: tenant, project: .generate(), names: names, createdAt: .at(1000))
    }

    private static func build(of template: TemplateRecord, tags: [String] = ["default"]) -> TemplateBuildRecord {
        var build = TemplateBuildRecord(
            id: .generate(), template: template.id, createdAt: .at(2000), cpu: 1.5, memory: 512, disk: 3, tags: tags)
        build.document = ["startCommand": "serve"]
        return build
    }

    @Test("a template and its builds come back as they were kept", arguments: StoreBackend.all)
    func roundTrip(backend: StoreBackend) async throws {
        try await backend.withStore { store async throws in
            var template = Self.template(["b", "a"])
            var build = Self.build(of: template, tags: ["default", "v1"])
            template.buildCount = 1
            #expect(try await store.insert(build, of: template) == template)
            #expect(try await store.template(template.id) == template)
            #expect(try await store.template(named: "a", tenant: template.tenant) == template)
            #expect(try await store.template(named: "a", tenant: .generate()) == nil)
            #expect(try await store.build(build.id) == build)
            #expect(try await store.tags(of: template.id).isEmpty)
            build.state = .building
            build.document = ["readyCommand": "true"]
            #expect(try await store.begin(build))
            #expect(try await store.begin(build) == false)
            #expect(try await store.unfinishedBuilds() == [build])
            #expect(try await store.unfinishedBuildCount(tenant: template.tenant) == 1)
            #expect(try await store.unfinishedBuildCount(tenant: .generate()) == 0)
            build.state = .ready
            build.snapshot = .generate()
            build.finishedAt = .at(9000)
            build.updatedAt = .at(9000)
            #expect(try await store.finish(build))
            #expect(try await store.finish(build) == false)
            #expect(try await store.build(build.id) == build)
            #expect(try await store.unfinishedBuilds().isEmpty)
            #expect(try await store.tags(of: template.id).map(\.tag) == ["default", "v1"])
            #expect(try await store.template(template.id)?.updatedAt == .at(9000))
        }
    }

    @Test("a build of a known name is another build of that template; a tag is one build's", arguments: StoreBackend.all)
    func again(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let first = Self.template(["a"])
            var one = Self.build(of: first)
            _ = try await store.insert(one, of: first)
            let second = Self.template(["a"], tenant: first.tenant)
            var two = Self.build(of: second)
            let kept = try await store.insert(two, of: second)
            #expect(kept.id == first.id && kept.buildCount == 2)
            two.template = first.id
            for var build in [one, two] {
                #expect(try await store.begin(build))
                build.state = .ready
                #expect(try await store.finish(build))
            }
            one.state = .ready
            two.state = .ready
            #expect(try await store.tags(of: first.id).map(\.build) == [two.id])
            try await store.assign(["default", "old"], to: one.id, of: first.id, at: .at(5000))
            #expect(try await store.tags(of: first.id).allSatisfy { $0.build == one.id })
            #expect(try await store.remove(["old", "older"], from: first.id) == 1)
            #expect(try await store.builds(of: first.id, before: nil, limit: 10).map(\.id) == [two.id, one.id])
            #expect(try await store.builds(of: first.id, before: two.id, limit: 10).map(\.id) == [one.id])
            // Another tenant's template of the same name is another template.
            let stranger = Self.template(["a"])
            #expect(try await store.insert(Self.build(of: stranger), of: stranger).id == stranger.id)
        }
    }

    @Test("a build that failed bears no tag", arguments: StoreBackend.all)
    func failure(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let template = Self.template(["a"])
            var build = Self.build(of: template)
            _ = try await store.insert(build, of: template)
            #expect(try await store.begin(build))
            build.state = .failed
            build.failure = "no such file"
            build.failedStep = "2"
            #expect(try await store.finish(build))
            #expect(try await store.build(build.id) == build)
            #expect(try await store.tags(of: template.id).isEmpty)
        }
    }

    @Test("a build's log is read from any line on", arguments: StoreBackend.all)
    func lines(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let template = Self.template(["a"])
            let build = Self.build(of: template)
            _ = try await store.insert(build, of: template)
            func line(_ number: Int) -> TemplateBuildLine {
                TemplateBuildLine(
                    time: .at(Int64(number)), level: number == 2 ? "error" : "info", step: number == 0 ? nil : "\(number)",
                    message: "line \(number)")
            }
            try await store.append([line(0), line(1)], to: build.id)
            try await store.append([line(2), line(3)], to: build.id)
            #expect(try await store.lines(of: build.id, from: 0, limit: 10, levels: []) == (0..<4).map(line))
            #expect(try await store.lines(of: build.id, from: 1, limit: 2, levels: []) == [line(1), line(2)])
            #expect(try await store.lines(of: build.id, from: 4, limit: 2, levels: []).isEmpty)
            #expect(try await store.lines(of: build.id, from: 0, limit: 9, levels: ["error", "warn"]) == [line(2)])
        }
    }

    @Test("templates are listed by tenant, counted, opened to others, and removed whole", arguments: StoreBackend.all)
    func lists(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let tenant = TenantID.generate()
            var ids: [TemplateID] = []
            for index in 0..<3 {
                var template = Self.template(["t\(index)"], tenant: tenant)
                template.id = .generate(at: .at(Int64(index * 1000)))
                let build = Self.build(of: template)
                _ = try await store.insert(build, of: template)
                try await store.append([TemplateBuildLine(time: .at(1), level: "info", step: nil, message: "x")], to: build.id)
                try await store.assign(["x"], to: build.id, of: template.id, at: .at(1))
                ids.append(template.id)
            }
            var query = TemplateQuery(tenant: tenant)
            query.limit = 2
            #expect(try await store.templates(query).map(\.id) == [ids[2], ids[1]])
            query.before = ids[1]
            #expect(try await store.templates(query).map(\.id) == [ids[0]])
            #expect(try await store.templates(TemplateQuery(tenant: .generate())).isEmpty)
            try await store.countSpawn(of: ids[0], at: .at(7000))
            let used = try #require(try await store.template(ids[0]))
            #expect(used.spawnCount == 1 && used.lastSpawnedAt == .at(7000) && !used.isPublic)
            #expect(try await store.setPublic(true, ids[0], at: .at(8000)))
            #expect(try await store.template(ids[0])?.isPublic == true)
            #expect(try await store.deleteTemplate(ids[0]))
            #expect(try await store.deleteTemplate(ids[0]) == false)
            #expect(try await store.template(ids[0]) == nil)
            #expect(try await store.template(named: "t0", tenant: tenant) == nil)
            #expect(try await store.tags(of: ids[0]).isEmpty)
            #expect(try await store.template(ids[1]) != nil)
        }
    }
}

@Suite("Keeping secrets and volumes") struct SecretTests {
    @Test("a secret comes back sealed, by id and by name, and has one value at a time", arguments: StoreBackend.all)
    func secrets(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let tenant = TenantID.generate()
            let secret = SecretRecord(
                id: .generate(), tenant: tenant, project: .generate(), name: "key", sealed: [1, 2], metadata: ["a": "b"],
                createdAt: .at(1000), updatedAt: .at(1000))
            #expect(try await store.insert(secret))
            #expect(try await store.insert(secret) == false)
            #expect(try await store.secret("key", tenant: tenant) == secret)
            #expect(try await store.secret(secret.id.rawValue, tenant: tenant) == secret)
            #expect(try await store.secret("key", tenant: .generate()) == nil)
            #expect(try await store.secrets(tenant: tenant, before: nil, limit: 10) == [secret])
            #expect(try await store.secrets(tenant: tenant, before: secret.id, limit: 10).isEmpty)
            #expect(try await store.secretCount(tenant: tenant) == 1)
            let second = try #require(try await store.replace(secret.id, sealed: [3], metadata: nil, at: .at(2000)))
            #expect(second.version == 2 && second.sealed == [3] && second.metadata == ["a": "b"] && second.updatedAt == .at(2000))
            #expect(try await store.replace(secret.id, sealed: [4], metadata: [:], at: .at(3000))?.metadata == [:])
            #expect(try await store.replace(.generate(), sealed: [4], metadata: nil, at: .at(3000)) == nil)
            #expect(try await store.deleteSecret(secret.id))
            #expect(try await store.deleteSecret(secret.id) == false)
        }
    }

    @Test("a tenant has one volume of a name", arguments: StoreBackend.all)
    func volumes(backend: StoreBackend) async throws {
        try await backend.withStore { store async throws in
            let tenant = TenantID.generate()
            let volume = VolumeRecord(id: .generate(), tenant: tenant, project: .generate(), name: "data", createdAt: .at(1000))
            #expect(try await store.insert(volume))
            var other = volume
            other.id = .generate()
            #expect(try await store.insert(other) == false)
            other.tenant = .generate()
            #expect(try await store.insert(other))
            #expect(try await store.volume(volume.id) == volume)
            #expect(try await store.volumes(tenant: tenant) == [volume])
            #expect(try await store.deleteVolume(volume.id))
            #expect(try await store.deleteVolume(volume.id) == false)
        }
    }

    @Test("the lives of a tenant's sandboxes are found by the time in which they lived", arguments: StoreBackend.all)
    func lives(backend: StoreBackend) async throws {
        let clock = TestClock()
        try await backend.withStore(clock: clock) { store in
            var (run, sandbox) = RunRecord.living()
            sandbox.info.createdAt = .at(-5000)
            _ = try await store.accept(run, sandbox)
            let now = clock.now
            func lives(_ start: Int64) async throws -> [SandboxLife] {
                try await store.sandboxLives(tenant: run.tenant, from: .at(start), to: now.addingTimeInterval(1))
            }
            #expect(try await lives(-1000) == [SandboxLife(createdAt: .at(-5000), endedAt: nil)])
            #expect(try await store.sandboxLives(tenant: run.tenant, from: .at(-9000), to: .at(-5000)).isEmpty)
            #expect(try await store.sandboxLives(tenant: .generate(), from: .at(-9000), to: now).isEmpty)
            run.result.state = .finished
            #expect(try await store.settle(run.result, attempts: []))
            #expect(try await lives(-1000) == [SandboxLife(createdAt: .at(-5000), endedAt: now)])
            #expect(
                try await store.sandboxLives(tenant: run.tenant, from: now.addingTimeInterval(1), to: now.addingTimeInterval(2)).isEmpty)
        }
    }
}
