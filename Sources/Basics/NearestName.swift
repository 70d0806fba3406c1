/// What somebody may have meant by a name that is not known.
package enum NearestName {
    /// A longer list is not printed: its nearest names are.
    private static let longestList = 30

    /// How a sentence about an unknown name ends: `; did you mean ...?` where a known name contains the word or is spelt
    /// almost so, else `; known are ...`.
    ///
    /// - Parameter all: what lists all names, in words, where they are too many for a sentence.
    package static func suggestion(
        for word: String, among known: [String], all: String? = nil
    ) -> String {
        guard !known.isEmpty else { return "" }
        let ranked = known.map { (bytes: distance(word, $0), name: $0) }.sorted { $0 < $1 }
        if word.utf8.count > 2, let whole = known.first(where: { $0.contains(word) }) {
            return "; did you mean `\(whole)`?"
        }
        let (bytes, name) = ranked[0]
        if bytes <= max(2, name.utf8.count / 3), bytes < min(name.utf8.count, word.utf8.count) {
            return "; did you mean `\(name)`?"
        }
        guard known.count > longestList else { return "; known are \(listed(known))" }
        return "; the nearest are \(listed(ranked.prefix(3).map(\.name)))"
            + (all.map { "; \($0)" } ?? "")
    }

    private static func listed(_ names: [String]) -> String { names.joined(separator: ", ") }

    /// How many bytes have to be added, dropped or changed; words are cut at 64 bytes.
    private static func distance(_ first: String, _ second: String) -> Int {
        let second = Array(second.utf8.prefix(64))
        var row = Array(0...second.count)
        for (i, byte) in first.utf8.prefix(64).enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in second.enumerated() {
                let change = diagonal + (byte == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(change, row[j] + 1, diagonal + 1)
            }
        }
        return row[second.count]
    }
}
