extension ChangeSignal {
    /// Waits for a change after `version`, at most until `deadline`; returns at once when the task is cancelled.
    func wait(after version: UInt64, until deadline: ContinuousClock.Instant) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(after: version) }
            group.addTask { try? await Task.sleep(until: deadline) }
            await group.next()
            group.cancelAll()
        }
    }
}
