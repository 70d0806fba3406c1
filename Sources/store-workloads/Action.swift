import Glibc

/// What one call of the program does with a store.
enum Action {
    /// Make an empty store in an empty directory (the workload's `setup`).
    case create
    /// Open the store and commit this many transactions (`run`).
    case commit(count: Int)
    /// Open the store, its recovery included, and print what is there (`observe`).
    case read

    /// Nil when the words are none of the three.
    init?(_ words: ArraySlice<String>) {
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

/// One transaction of a workload: its name in the marks and what it writes.
struct Change {
    let name: String
    /// An empty value deletes the key. Values are never written twice, so that a value that is seen
    /// names the transaction that wrote it.
    let writes: [(key: String, value: String)]

    /// The change as bytes: one `KEY=VALUE` line for each write.
    var payload: [UInt8] {
        Array(writes.map { "\($0.key)=\($0.value)\n" }.joined().utf8)
    }
}

/// What a key-value store holds in memory.
typealias Table = [String: String]

extension Table {
    /// Applies `KEY=VALUE` lines, a `Change.payload` among them. Lines without `=` are skipped: after
    /// a power loss a store may hand in anything.
    mutating func apply(_ payload: [UInt8]) {
        for line in payload.split(separator: UInt8(ascii: "\n")) {
            guard let separator = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let key = String(decoding: line[..<separator], as: UTF8.self)
            let value = String(decoding: line[(separator + 1)...], as: UTF8.self)
            self[key] = value.isEmpty ? nil : value
        }
    }

    /// The whole table in the form that `apply` reads, in the order of its keys.
    var payload: [UInt8] {
        Array(sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined().utf8)
    }
}

/// The data directory: `PERJURY_DIR`.
func dataDirectory() throws -> String {
    guard let path = getenv("PERJURY_DIR") else {
        throw StoreError("PERJURY_DIR is not set: it names the data directory")
    }
    return String(cString: path)
}
