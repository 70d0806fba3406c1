import CLevelDB
import Glibc
import WorkloadMarks

/// LevelDB; each batch is written with `WriteOptions.sync`.
final class LevelDB: Engine {
    private let handle: OpaquePointer

    init(directory: String, creating: Bool) throws {
        // A torn end of the log is for recovery, which `paranoid_checks` would turn into a refusal
        // (options.h says so): first as everybody opens it, then with the checks.
        let recovered = try Self.open(directory + "/store", creating: creating, isParanoid: false)
        leveldb_close(recovered)
        handle = try Self.open(directory + "/store", creating: creating, isParanoid: true)
    }

    private static func open(
        _ path: String, creating: Bool, isParanoid: Bool
    ) throws -> OpaquePointer {
        let options = leveldb_options_create()
        defer { leveldb_options_destroy(options) }
        leveldb_options_set_create_if_missing(options, creating ? 1 : 0)
        leveldb_options_set_paranoid_checks(options, isParanoid ? 1 : 0)
        // The smallest there is, so that a short run has a log that is full and becomes a table.
        leveldb_options_set_write_buffer_size(options, 64 << 10)
        return try calling("open") { leveldb_open(options, path, &$0) }!
    }

    func commit(_ writes: [(key: String, value: String)]) throws {
        let batch = leveldb_writebatch_create()
        defer { leveldb_writebatch_destroy(batch) }
        for (key, value) in writes {
            if value.isEmpty {
                leveldb_writebatch_delete(batch, key, key.utf8.count)
            } else {
                leveldb_writebatch_put(batch, key, key.utf8.count, value, value.utf8.count)
            }
        }
        let options = leveldb_writeoptions_create()
        defer { leveldb_writeoptions_destroy(options) }
        leveldb_writeoptions_set_sync(options, 1)
        try Self.calling("write") { leveldb_write(handle, options, batch, &$0) }
    }

    func value(of key: String) throws -> String? { try contents().first { $0.key == key }?.value }

    func contents() throws -> [(key: String, value: String)] {
        let options = leveldb_readoptions_create()
        defer { leveldb_readoptions_destroy(options) }
        leveldb_readoptions_set_verify_checksums(options, 1)
        let iterator = leveldb_create_iterator(handle, options)
        defer { leveldb_iter_destroy(iterator) }
        var contents: [(key: String, value: String)] = []
        leveldb_iter_seek_to_first(iterator)
        while leveldb_iter_valid(iterator) != 0 {
            var keySize = 0
            var valueSize = 0
            let key = leveldb_iter_key(iterator, &keySize)
            let value = leveldb_iter_value(iterator, &valueSize)
            contents.append((Self.text(key, keySize), Self.text(value, valueSize)))
            leveldb_iter_next(iterator)
        }
        try Self.calling("read") { leveldb_iter_get_error(iterator, &$0) }
        return contents
    }

    /// `paranoid_checks` at opening and the checksums of all blocks while reading are the check.
    func check(complain: (String) -> Void) {}

    func close() { leveldb_close(handle) }

    private static func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
        String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// A call that reports its failure by a message.
    @discardableResult
    private static func calling<Result>(
        _ what: String, _ call: (inout UnsafeMutablePointer<CChar>?) -> Result
    ) throws -> Result {
        var message: UnsafeMutablePointer<CChar>?
        let result = call(&message)
        if let message {
            defer { free(message) }
            throw StoreError("\(what): \(String(cString: message))")
        }
        return result
    }
}
