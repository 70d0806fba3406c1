import CLMDB
import WorkloadMarks

/// LMDB with one unnamed database. A commit writes pages, syncs, then writes one of two meta pages
/// through a descriptor opened with O_DSYNC.
class LMDB: Engine {
    class var flags: Int32 { 0 }

    private let environment: OpaquePointer
    private let database: MDB_dbi

    required init(directory: String, creating: Bool) throws {
        var handle: OpaquePointer?
        try Self.check(mdb_env_create(&handle), "mdb_env_create")
        environment = handle!
        try Self.check(mdb_env_set_mapsize(environment, 64 << 20), "mdb_env_set_mapsize")
        // Opening makes what is missing, whatever `creating` says: LMDB knows no other way.
        let code = mdb_env_open(environment, directory, UInt32(Self.flags), 0o644)
        if code != 0 {
            mdb_env_close(environment)
            throw StoreError("mdb_env_open: \(String(cString: mdb_strerror(code)))")
        }
        var transaction: OpaquePointer?
        var database: MDB_dbi = 0
        try Self.check(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction), "begin")
        try Self.check(mdb_dbi_open(transaction, nil, 0, &database), "mdb_dbi_open")
        try Self.check(mdb_txn_commit(transaction), "commit")
        self.database = database
    }

    func commit(_ writes: [(key: String, value: String)]) throws {
        var transaction: OpaquePointer?
        try Self.check(mdb_txn_begin(environment, nil, 0, &transaction), "mdb_txn_begin")
        do {
            for (key, value) in writes {
                try Self.withValue(key) { key in
                    if value.isEmpty {
                        try Self.check(mdb_del(transaction, database, &key, nil), "mdb_del")
                    } else {
                        try Self.withValue(value) { value in
                            try Self.check(
                                mdb_put(transaction, database, &key, &value, 0), "mdb_put")
                        }
                    }
                }
            }
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        try Self.check(mdb_txn_commit(transaction), "mdb_txn_commit")
    }

    func value(of key: String) throws -> String? { try contents().first { $0.key == key }?.value }

    func contents() throws -> [(key: String, value: String)] {
        var transaction: OpaquePointer?
        try Self.check(
            mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction), "mdb_txn_begin")
        defer { mdb_txn_abort(transaction) }
        var cursor: OpaquePointer?
        try Self.check(mdb_cursor_open(transaction, database, &cursor), "mdb_cursor_open")
        defer { mdb_cursor_close(cursor) }
        var contents: [(key: String, value: String)] = []
        var key = MDB_val()
        var value = MDB_val()
        while true {
            let code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
            if code == MDB_NOTFOUND { break }
            try Self.check(code, "mdb_cursor_get")
            contents.append((Self.text(key), Self.text(value)))
        }
        var statistics = MDB_stat()
        try Self.check(mdb_stat(transaction, database, &statistics), "mdb_stat")
        if statistics.ms_entries != contents.count {
            throw StoreError(
                "\(contents.count) entries, but its root says \(statistics.ms_entries)")
        }
        return contents
    }

    /// LMDB has no check but to read everything, which `contents` does.
    func check(complain: (String) -> Void) {}

    func close() { mdb_env_close(environment) }

    private static func text(_ value: MDB_val) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size),
            as: UTF8.self)
    }

    private static func withValue(_ text: String, _ body: (inout MDB_val) throws -> Void) throws {
        var bytes = Array(text.utf8)
        try bytes.withUnsafeMutableBytes {
            var value = MDB_val(mv_size: $0.count, mv_data: $0.baseAddress)
            try body(&value)
        }
    }

    private static func check(_ code: Int32, _ call: String) throws {
        if code != 0 { throw StoreError("\(call): \(String(cString: mdb_strerror(code)))") }
    }
}

/// The control: commits that are never synced.
final class UnsyncedLMDB: LMDB {
    override class var flags: Int32 { MDB_NOSYNC }
}
