import WorkloadMarks

// one-flush
//
// A log of records with a length and a checksum, one file. A commit appends a record and syncs it.
//
// Bug:   none that the program could see: it syncs once, which is all that is asked of it.
// Twin:  syncs five times, as in the old advice to type `sync` three times.
// Found: on the stacks lying-flush-in-order and lying-flush, which answer the last four flushes before a
//        power loss without doing them, lost-commit: only a fifth sync would reach the storage. On
//        hypervisor-unsafe, which does no flush, no number of them is enough, and the twin is found, too.

struct OneFlush: Toy {
    static let name = "one-flush"

    private let flushCount: Int
    private var log: RecordLog
    private(set) var table: Table

    static func create(in directory: String) throws -> Change? {
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        flushCount = isBuggy ? 1 : 5
        var table: Table = [:]
        log = try RecordLog(path: directory + "/log") { table.apply($0) }
        self.table = table
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        try log.append(change.payload)
        for _ in 0..<flushCount { try log.file.dataSync() }
        table.apply(change.payload)
        acknowledge()
    }
}
