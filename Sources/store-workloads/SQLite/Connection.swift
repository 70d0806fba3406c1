import CSQLite
import WorkloadMarks

/// A SQLite database connection whose every return code is checked.
final class Connection {
    private let handle: OpaquePointer

    /// - Parameter flags: `SQLITE_OPEN_…`, as `sqlite3_open_v2` takes them.
    init(path: String, flags: Int32) throws {
        var handle: OpaquePointer?
        let code = sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle else {
            sqlite3_close(handle)
            throw StoreError("open \(path): \(String(cString: sqlite3_errstr(code)))")
        }
        self.handle = handle
    }

    func close() throws { try check(sqlite3_close(handle), "close") }

    /// Runs one statement and returns its rows, each column as text.
    @discardableResult
    func run(_ sql: String, _ values: [Value] = []) throws -> [[String]] {
        var statement: OpaquePointer?
        try check(sqlite3_prepare_v2(handle, sql, -1, &statement, nil), sql)
        defer { sqlite3_finalize(statement) }
        for (index, value) in values.enumerated() { try bind(value, index + 1, statement, sql) }
        var rows: [[String]] = []
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return rows }
            guard code == SQLITE_ROW else {
                throw StoreError("\(sql): \(String(cString: sqlite3_errmsg(handle)))")
            }
            rows.append((0..<sqlite3_column_count(statement)).map { text(statement, $0) })
        }
    }

    /// Sets a pragma and makes sure that it took effect.
    func set(_ pragma: String, to value: String) throws {
        try run("pragma \(pragma) = \(value)")
        let actual = try run("pragma \(pragma)").first?.first ?? ""
        guard actual == value else {
            throw StoreError("pragma \(pragma) is \(actual) after it was set to \(value)")
        }
    }

    /// What can be bound to a parameter.
    enum Value {
        case text(String)
        case integer(Int)
        case blob([UInt8])
    }

    private func bind(
        _ value: Value, _ index: Int, _ statement: OpaquePointer?, _ sql: String
    ) throws {
        // SQLITE_TRANSIENT, a cast that the importer cannot take over: SQLite copies the bytes.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        let position = Int32(index)
        let code =
            switch value {
            case .text(let text): sqlite3_bind_text(statement, position, text, -1, transient)
            case .integer(let number): sqlite3_bind_int64(statement, position, Int64(number))
            case .blob(let bytes):
                sqlite3_bind_blob(statement, position, bytes, Int32(bytes.count), transient)
            }
        try check(code, sql)
    }

    /// The bytes of a column, decoded as UTF-8 (the bodies of the workloads are ASCII).
    private func text(_ statement: OpaquePointer?, _ column: Int32) -> String {
        guard let bytes = sqlite3_column_blob(statement, column) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, column))
        return String(
            decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    private func check(_ code: Int32, _ what: String) throws {
        guard code == SQLITE_OK else {
            throw StoreError("\(what): \(String(cString: sqlite3_errmsg(handle)))")
        }
    }
}
