import CBerkeleyDB
import Glibc
import WorkloadMarks

/// Berkeley DB: a B-tree in a transactional environment. The regions are private to the process, as
/// for a program that is the environment's only user.
final class BerkeleyDB: Engine {
    private let environment: UnsafeMutablePointer<DB_ENV>
    private var database: UnsafeMutablePointer<DB>

    init(directory: String, creating: Bool) throws {
        var handle: UnsafeMutablePointer<DB_ENV>?
        try Self.check(db_env_create(&handle, 0), "db_env_create")
        environment = handle!
        // At each recovery the rest of a log file is filled with zeros, 4 KiB a write: of the default
        // size, 10 MiB, a run would have thousands of records that say nothing.
        try Self.check(environment.pointee.set_lg_bsize(environment, 32 << 10), "set_lg_bsize")
        try Self.check(environment.pointee.set_lg_max(environment, 128 << 10), "set_lg_max")
        let flags =
            DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_INIT_MPOOL | DB_INIT_LOCK | DB_INIT_LOG
            | DB_INIT_TXN
        try Self.check(
            environment.pointee.open(environment, directory, UInt32(flags), 0o644), "DB_ENV->open")
        database = try Self.handle(environment)
        let open = DB_AUTO_COMMIT | (creating ? DB_CREATE : 0)
        try Self.check(
            database.pointee.open(
                database, nil, "store.db", nil, DB_BTREE, UInt32(open), 0o644), "DB->open")
    }

    func commit(_ writes: [(key: String, value: String)]) throws {
        var transaction: UnsafeMutablePointer<DB_TXN>?
        try Self.check(
            environment.pointee.txn_begin(environment, nil, &transaction, 0), "txn_begin")
        for (key, value) in writes {
            try Self.withItem(key) { key in
                if value.isEmpty {
                    try Self.check(
                        database.pointee.del(database, transaction, &key, 0), "DB->del")
                } else {
                    try Self.withItem(value) { value in
                        try Self.check(
                            database.pointee.put(database, transaction, &key, &value, 0), "DB->put")
                    }
                }
            }
        }
        try Self.check(transaction!.pointee.commit(transaction, 0), "DB_TXN->commit")
    }

    func value(of key: String) throws -> String? { try contents().first { $0.key == key }?.value }

    func contents() throws -> [(key: String, value: String)] {
        var cursor: UnsafeMutablePointer<DBC>?
        try Self.check(database.pointee.cursor(database, nil, &cursor, 0), "DB->cursor")
        defer { _ = cursor!.pointee.close(cursor) }
        var contents: [(key: String, value: String)] = []
        var key = DBT()
        var value = DBT()
        while true {
            let code = cursor!.pointee.get(cursor, &key, &value, UInt32(DB_NEXT))
            if code == DB_NOTFOUND { return contents }
            try Self.check(code, "DBC->get")
            contents.append((Self.text(key), Self.text(value)))
        }
    }

    /// `DB->verify`, on a handle that it uses up, while the file is not open.
    func check(complain: (String) -> Void) throws {
        try Self.check(database.pointee.close(database, 0), "DB->close")
        let verified = try Self.handle(environment)
        let code = verified.pointee.verify(verified, "store.db", nil, nil, 0)
        if code != 0 { complain("DB->verify: \(String(cString: db_strerror(code)))") }
        database = try Self.handle(environment)
    }

    func close() throws {
        try Self.check(database.pointee.close(database, 0), "DB->close")
        try Self.check(environment.pointee.close(environment, 0), "DB_ENV->close")
    }

    private static func handle(
        _ environment: UnsafeMutablePointer<DB_ENV>
    ) throws -> UnsafeMutablePointer<DB> {
        var handle: UnsafeMutablePointer<DB>?
        try check(db_create(&handle, environment, 0), "db_create")
        return handle!
    }

    private static func text(_ item: DBT) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: item.data, count: Int(item.size)),
            as: UTF8.self)
    }

    private static func withItem(_ text: String, _ body: (inout DBT) throws -> Void) throws {
        var bytes = Array(text.utf8)
        try bytes.withUnsafeMutableBytes {
            var item = DBT()
            item.data = $0.baseAddress
            item.size = UInt32($0.count)
            try body(&item)
        }
    }

    private static func check(_ code: Int32, _ call: String) throws {
        if code != 0 { throw StoreError("\(call): \(String(cString: db_strerror(code)))") }
    }
}
