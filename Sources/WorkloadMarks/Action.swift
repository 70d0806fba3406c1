import Glibc

/// What one call of the program does with a store.
package enum Action {
    /// Make an empty store in an empty directory (the workload's `setup`).
    case create
    /// Open the store and commit this many transactions (`run`).
    case commit(count: Int)
    /// Open the store, its recovery included, and print what is there (`observe`).
    case read

    /// Nil when the words are none of the three.
    package init?(_ words: ArraySlice<String>) {
        let words = Array(words)
        if words == ["create"] {
            self = .create
        } else if words == ["read"] {
            self = .read
        } else if words.count == 2, words[0] == "commit", let count = Int(words[1]), count >= 0 {
            self = .commit(count: count)
        } else {
            return nil
        }
    }
}

/// The numbers of the transactions of this life: `PERJURY_LIFE` says how many there were before, each of which had as many.
package func numbers(_ count: Int) -> Range<Int> {
    let life = getenv("PERJURY_LIFE").flatMap { Int(String(cString: $0)) } ?? 0
    let first = life * count + 1
    return first..<first + count
}

/// One transaction of a workload: its name in the marks and what it writes.
package struct Change {
    package let name: String
    /// An empty value deletes the key. Values are never written twice, so that a value that is seen
    /// names the transaction that wrote it.
    package let writes: [(key: String, value: String)]

    package init(name: String, writes: [(key: String, value: String)]) {
        self.name = name
        self.writes = writes
    }
}

/// The data directory: `PERJURY_DIR`.
package func dataDirectory() throws -> String {
    guard let path = getenv("PERJURY_DIR") else {
        throw StoreError("PERJURY_DIR is not set: it names the data directory")
    }
    return String(cString: path)
}
