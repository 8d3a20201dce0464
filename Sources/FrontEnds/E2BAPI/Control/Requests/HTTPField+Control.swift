import HTTPTypes
import SandstormServer

extension HTTPField.Name {
    /// Where the next page of a list begins.
    static let nextToken = known("X-Next-Token")
    /// How many sandboxes of a list run, on all its pages.
    static let totalRunning = known("X-Total-Running")
}
