package import ServiceLifecycle

/// What goes on beside requests: templates are built, and what sandboxes use is looked at.
package struct E2BUpkeep: Service {
    let builds: TemplateBuilds
    let sampler: UsageSampler

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            async let sampling: Void = sampler.run()
            await builds.run()
            await sampling
        }
    }
}
