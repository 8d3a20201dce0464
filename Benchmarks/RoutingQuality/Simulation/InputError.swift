/// Something in a file is not what it should be.
package struct InputError: Error, CustomStringConvertible, Hashable {
    package let description: String

    package init(_ description: String) { self.description = description }

    /// - Parameters:
    ///   - line: counted from 1, the header included.
    ///   - field: by its name in the header.
    package init(_ file: String, line: Int, field: String, _ problem: String) {
        description = "\(file), line \(line), field \(field): \(problem)"
    }
}
