import CTDB
import Glibc
import WorkloadMarks

/// Samba's TDB, written by transactions.
final class TDB: Engine {
    private let handle: OpaquePointer

    init(directory: String, creating: Bool) throws {
        let path = directory + "/store.tdb"
        let flags = O_RDWR | (creating ? O_CREAT : 0)
        guard let handle = tdb_open(path, 0, TDB_DEFAULT, flags, 0o644) else {
            throw StoreError(call: "tdb_open", path: path)
        }
        self.handle = handle
    }

    func commit(_ writes: [(key: String, value: String)]) throws {
        try check(tdb_transaction_start(handle), "tdb_transaction_start")
        do {
            for (key, value) in writes {
                let code = Self.withItem(key) { key in
                    value.isEmpty
                        ? tdb_delete(handle, key)
                        : Self.withItem(value) { tdb_store(handle, key, $0, TDB_REPLACE) }
                }
                try check(code, "tdb_store, tdb_delete")
            }
        } catch {
            tdb_transaction_cancel(handle)
            throw error
        }
        try check(tdb_transaction_commit(handle), "tdb_transaction_commit")
    }

    func value(of key: String) throws -> String? { try contents().first { $0.key == key }?.value }

    func contents() throws -> [(key: String, value: String)] {
        var contents: [(key: String, value: String)] = []
        let count = withUnsafeMutablePointer(to: &contents) {
            tdb_traverse_read(
                handle,
                { _, key, value, contents in
                    contents!.assumingMemoryBound(to: [(key: String, value: String)].self)
                        .pointee.append((TDB.text(key), TDB.text(value)))
                    return 0
                }, $0)
        }
        try check(count < 0 ? -1 : 0, "tdb_traverse_read")
        return contents.sorted { $0.key < $1.key }
    }

    func check(complain: (String) -> Void) {
        if tdb_check(handle, nil, nil) != 0 {
            complain("tdb_check: \(String(cString: tdb_errorstr(handle)))")
        }
    }

    func close() throws {
        if tdb_close(handle) != 0 { throw StoreError("tdb_close failed") }
    }

    private static func text(_ item: TDB_DATA) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: item.dptr, count: item.dsize), as: UTF8.self)
    }

    private static func withItem(_ text: String, _ body: (TDB_DATA) -> Int32) -> Int32 {
        var bytes = Array(text.utf8)
        return bytes.withUnsafeMutableBufferPointer {
            body(TDB_DATA(dptr: $0.baseAddress, dsize: $0.count))
        }
    }

    private func check(_ code: Int32, _ call: String) throws {
        if code != 0 { throw StoreError("\(call): \(String(cString: tdb_errorstr(handle)))") }
    }
}

/// `memset_s` of Samba's libreplace, which Debian's archive of TDB calls and does not hold.
@_cdecl("rep_memset_s")
func replacedMemset(
    _ bytes: UnsafeMutableRawPointer, _ size: Int, _ byte: CInt, _ count: Int
) -> CInt {
    memset(bytes, byte, min(count, size))
    return count > size ? ERANGE : 0
}
