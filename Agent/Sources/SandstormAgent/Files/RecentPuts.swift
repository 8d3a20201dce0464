/// Which puts have replaced a file, for watches: the kernel tells them of a new name only, whether something was there or not.
final class RecentPuts {
    /// A watch that is further behind takes the file for a new one.
    private static let limit = 1024

    private var names: [[UInt8]] = []
    private var next = 0

    /// - Parameter name: the temporary one.
    func noteReplacement(_ name: [UInt8]) {
        if names.count < Self.limit {
            names.append(name)
        } else {
            names[next] = name
            next = (next + 1) % Self.limit
        }
    }

    func isReplacement(_ name: [UInt8]) -> Bool { names.contains(name) }
}
