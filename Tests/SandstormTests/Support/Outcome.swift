/// How something ended, for those who have to tidy up before they throw.
func outcome(of work: () async throws -> Void) async -> Result<Void, any Error> {
    do { return .success(try await work()) } catch { return .failure(error) }
}
