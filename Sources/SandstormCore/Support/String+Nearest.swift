extension String {
    /// The candidate that a person most likely meant, if one is near enough.
    ///
    /// Near means an edit distance of at most a third of the longer name, and at least one edit allowed.
    package func nearest(among candidates: some Sequence<String>) -> String? {
        let own = Array(lowercased().utf8.prefix(64))
        return
            candidates
            .map { (name: $0, distance: String.editDistance(own, Array($0.lowercased().utf8.prefix(64)))) }
            .filter { $0.distance <= Swift.max(1, Swift.max(own.count, $0.name.utf8.count) / 3) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }?
            .name
    }

    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (leftIndex, leftByte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = leftIndex + 1
            for (rightIndex, rightByte) in right.enumerated() {
                let substitution = diagonal + (leftByte == rightByte ? 0 : 1)
                diagonal = row[rightIndex + 1]
                row[rightIndex + 1] = Swift.min(substitution, diagonal + 1, row[rightIndex] + 1)
            }
        }
        return row[right.count]
    }
}
