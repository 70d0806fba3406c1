import PowerLoss
import Reporting

/// Names that a person typed: models, stacks, workloads.
enum Names {
    /// `posix,xfs` and repeated options are the same; `all` is each of them.
    static func models(_ words: [String]) throws -> [PersistenceModel] {
        try chosen(words, kind: "model", among: PersistenceModel.all, name: \.name)
    }

    static func stacks(_ words: [String]) throws -> [Stack] {
        try chosen(words, kind: "stack", among: Stack.all, name: \.name)
    }

    /// In the order of `all`, each once.
    private static func chosen<Item>(
        _ words: [String], kind: String, among all: [Item], name: (Item) -> String
    ) throws -> [Item] {
        let words = words.flatMap { $0.split(separator: ",").map(String.init) }
        if words.contains("all") { return all }
        for word in words { try check(word, kind: kind, among: all.map(name)) }
        return all.filter { words.contains(name($0)) }
    }

    /// - Throws: a usage failure that names the nearest one, when there is none of this name.
    static func check(_ word: String, kind: String, among known: [String]) throws {
        guard !known.contains(word) else { return }
        throw Failure(.usage, "there is no \(kind) `\(word)`" + suggestion(word, among: known))
    }

    /// `; did you mean …?` if a name contains the word or is spelt almost so, else all names.
    static func suggestion(_ word: String, among known: [String]) -> String {
        if !word.isEmpty, let part = known.first(where: { $0.contains(word) }) {
            return "; did you mean `\(part)`?"
        }
        let nearest = known.map { (distance: distance(word, $0), name: $0) }.min { $0 < $1 }
        if let nearest, nearest.distance <= max(2, nearest.name.utf8.count / 3) {
            return "; did you mean `\(nearest.name)`?"
        }
        return known.isEmpty ? "" : "; there are: \(known.joined(separator: ", "))"
    }

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
