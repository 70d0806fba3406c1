import CGDBM
import Glibc
import WorkloadMarks

/// GDBM opened with GDBM_SYNC. It has no transactions: a commit is one call.
final class GDBM: Engine {
    private let handle: GDBM_FILE

    init(directory: String, creating: Bool) throws {
        let mode = (creating ? GDBM_WRCREAT : GDBM_WRITER) | GDBM_SYNC
        guard let handle = gdbm_open(directory + "/store.gdbm", 0, mode, 0o644, nil) else {
            throw StoreError(
                "gdbm_open: \(String(cString: gdbm_strerror(gdbm_errno_location().pointee)))")
        }
        self.handle = handle
    }

    func commit(_ writes: [(key: String, value: String)]) throws {
        precondition(writes.count == 1, "GDBM has no transactions")
        for (key, value) in writes {
            let code = Self.withItem(key) { key in
                value.isEmpty
                    ? gdbm_delete(handle, key)
                    : Self.withItem(value) { gdbm_store(handle, key, $0, GDBM_REPLACE) }
            }
            if code != 0 { throw failure("gdbm_store, gdbm_delete") }
        }
    }

    func value(of key: String) throws -> String? { try contents().first { $0.key == key }?.value }

    func contents() throws -> [(key: String, value: String)] {
        var contents: [(key: String, value: String)] = []
        var key = gdbm_firstkey(handle)
        while key.dptr != nil {
            let value = gdbm_fetch(handle, key)
            if value.dptr == nil { throw failure("gdbm_fetch") }
            contents.append((Self.text(key), Self.text(value)))
            let next = gdbm_nextkey(handle, key)
            free(value.dptr)
            free(key.dptr)
            key = next
        }
        let last = gdbm_last_errno(handle)
        if last != GDBM_ITEM_NOT_FOUND && last != GDBM_NO_ERROR { throw failure("gdbm_nextkey") }
        return contents
    }

    func check(complain: (String) -> Void) {
        if gdbm_avail_verify(handle) != 0 {
            complain("gdbm_avail_verify: \(String(cString: gdbm_db_strerror(handle)))")
        }
    }

    func close() throws {
        if gdbm_close(handle) != 0 { throw StoreError("gdbm_close failed") }
    }

    private func failure(_ call: String) -> StoreError {
        StoreError("\(call): \(String(cString: gdbm_db_strerror(handle)))")
    }

    private static func text(_ item: datum) -> String {
        String(
            decoding: UnsafeRawBufferPointer(start: item.dptr, count: Int(item.dsize)),
            as: UTF8.self)
    }

    private static func withItem(_ text: String, _ body: (datum) -> Int32) -> Int32 {
        var bytes = text.utf8.map { CChar(bitPattern: $0) }
        return bytes.withUnsafeMutableBufferPointer {
            body(datum(dptr: $0.baseAddress, dsize: Int32($0.count)))
        }
    }
}
