import SandstormCore

/// All that is learned and outlives the process, as it is kept in one piece.
struct KeptLearning {
    /// The router's own form.
    var router: [UInt8]
    /// Of shapes that are asked for; `nil` where nothing is to be learned of them.
    var pools: JSONValue?

    private static let mark = Array("sandstorm learned 1\n".utf8)

    init(router: [UInt8], pools: JSONValue?) {
        self.router = router
        self.pools = pools
    }

    /// What was kept; what is not in this form is the router's.
    init(_ bytes: [UInt8]) {
        router = bytes
        guard bytes.starts(with: KeptLearning.mark) else { return }
        let rest = bytes.dropFirst(KeptLearning.mark.count)
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")), let length = Int(String(decoding: rest[..<end], as: UTF8.self)),
            (0...rest.endIndex - end - 1).contains(length)
        else { return }
        router = Array(rest[(end + 1)...].prefix(length))
        pools = try? JSONValue(parsing: rest[(end + 1 + length)...])
    }

    var bytes: [UInt8] {
        guard let pools else { return router }
        return KeptLearning.mark + Array("\(router.count)\n".utf8) + router + pools.encodedBytes
    }
}
