import WorkloadMarks

extension Change {
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
