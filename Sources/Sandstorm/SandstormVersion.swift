/// The version of this package.
public enum SandstormVersion {
    /// As `sandstorm --version` prints it.
    public static let current = "0.1.0"
}
