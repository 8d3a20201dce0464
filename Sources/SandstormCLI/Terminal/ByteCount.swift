/// Numbers of bytes for people.
enum ByteCount {
    /// `512 B`, `1.5 KiB`, `20.0 MiB`.
    static func display(_ bytes: Int64) -> String {
        guard bytes >= 1024 else { return "\(bytes) B" }
        var rest = bytes
        for unit in ["KiB", "MiB", "GiB"] {
            if rest < 1024 * 1024 { return "\(rest * 10 / 1024 / 10).\(rest * 10 / 1024 % 10) \(unit)" }
            rest /= 1024
        }
        return "\(rest * 10 / 1024 / 10).\(rest * 10 / 1024 % 10) TiB"
    }
}
