import WorkloadMarks

// unchecked-tail
//
// A log of records with a length and a checksum, one file. A commit appends a record and syncs it.
//
// Bug:   recovery trusts the length and does not compare the checksum. When the power goes before the
//        sync, the file can have its new size while a sector of the record is still zeros.
// Twin:  recovery compares, and cuts the log off where a record is not whole.
// Found: under posix, ext4-ordered and data-only, phantom: a value half of which is zeros. xfs, btrfs and
//        in-order let a file grow only over bytes that are there, so the length check suffices.

struct UncheckedTail: Toy {
    static let name = "unchecked-tail"

    private var log: RecordLog
    private(set) var table: Table

    static func create(in directory: String) throws -> Change? {
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        var table: Table = [:]
        log = try RecordLog(path: directory + "/log", verifying: !isBuggy) { table.apply($0) }
        self.table = table
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        try log.append(change.payload)
        try log.file.dataSync()
        table.apply(change.payload)
        acknowledge()
    }

    /// Values long enough that many a record crosses a sector, and one the end of a page.
    static func change(_ number: Int) -> Change {
        let value = String(repeating: "v\(number).", count: 50)
        return Change(name: "t\(number)", writes: [("k\(number * 3 % 7)", value)])
    }
}
