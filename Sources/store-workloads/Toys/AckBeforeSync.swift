import WorkloadMarks

// ack-before-sync
//
// A log of checksummed records, one file. A commit appends a record.
//
// Bug:   the commit is acknowledged when the record is written, and synced after that.
// Twin:  syncs, then acknowledges.
// Found: under every model, lost-commit. Nothing but this sync makes an appended record durable.

struct AckBeforeSync: Toy {
    static let name = "ack-before-sync"

    private let isBuggy: Bool
    private var log: RecordLog
    private(set) var table: Table

    static func create(in directory: String) throws -> Change? {
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.isBuggy = isBuggy
        var table: Table = [:]
        log = try RecordLog(path: directory + "/log") { table.apply($0) }
        self.table = table
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        try log.append(change.payload)
        table.apply(change.payload)
        if isBuggy {
            acknowledge()
            try log.file.dataSync()
        } else {
            try log.file.dataSync()
            acknowledge()
        }
    }
}
