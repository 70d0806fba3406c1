import CRocksDB
import Glibc
import WorkloadMarks

/// RocksDB; each batch is written with `WriteOptions.sync`. `paranoid_checks` is its default.
final class RocksDB: Engine {
    private let handle: OpaquePointer

    init(directory: String, creating: Bool) throws {
        handle = try Self.open(directory + "/store", creating: creating, isParanoid: true)
    }

    private static func open(
        _ path: String, creating: Bool, isParanoid: Bool
    ) throws -> OpaquePointer {
        let options = rocksdb_options_create()
        defer { rocksdb_options_destroy(options) }
        rocksdb_options_set_create_if_missing(options, creating ? 1 : 0)
        rocksdb_options_set_paranoid_checks(options, isParanoid ? 1 : 0)
        // The smallest there is, so that a short run has a log that is full and becomes a table.
        rocksdb_options_set_write_buffer_size(options, 64 << 10)
        rocksdb_options_set_info_log_level(options, 4)
        rocksdb_options_set_stats_dump_period_sec(options, 0)
        return try calling("open") { rocksdb_open(options, path, &$0) }!
    }

    func commit(_ writes: [(key: String, value: String)]) throws {
        let batch = rocksdb_writebatch_create()
        defer { rocksdb_writebatch_destroy(batch) }
        for (key, value) in writes {
            if value.isEmpty {
                rocksdb_writebatch_delete(batch, key, key.utf8.count)
            } else {
                rocksdb_writebatch_put(batch, key, key.utf8.count, value, value.utf8.count)
            }
        }
        let options = rocksdb_writeoptions_create()
        defer { rocksdb_writeoptions_destroy(options) }
        rocksdb_writeoptions_set_sync(options, 1)
        try Self.calling("write") { rocksdb_write(handle, options, batch, &$0) }
    }

    func value(of key: String) throws -> String? { try contents().first { $0.key == key }?.value }

    func contents() throws -> [(key: String, value: String)] {
        let options = rocksdb_readoptions_create()
        defer { rocksdb_readoptions_destroy(options) }
        rocksdb_readoptions_set_verify_checksums(options, 1)
        let iterator = rocksdb_create_iterator(handle, options)
        defer { rocksdb_iter_destroy(iterator) }
        var contents: [(key: String, value: String)] = []
        rocksdb_iter_seek_to_first(iterator)
        while rocksdb_iter_valid(iterator) != 0 {
            var keySize = 0
            var valueSize = 0
            let key = rocksdb_iter_key(iterator, &keySize)
            let value = rocksdb_iter_value(iterator, &valueSize)
            contents.append((Self.text(key, keySize), Self.text(value, valueSize)))
            rocksdb_iter_next(iterator)
        }
        try Self.calling("read") { rocksdb_iter_get_error(iterator, &$0) }
        return contents
    }

    /// `paranoid_checks` at opening and the checksums of all blocks while reading are the check.
    func check(complain: (String) -> Void) {}

    func close() { rocksdb_close(handle) }

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
