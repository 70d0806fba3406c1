import Glibc
import WorkloadMarks

// fsync-ignored, fsync-retried, fsync-stops
//
// A log of checksummed records, one file, as in ack-before-sync. All three sync before they acknowledge; they differ in
// what they do when the sync fails. A filesystem that could not write pages reports it once and counts them as clean.
//
// Bug of fsync-ignored:  the result of the sync is not looked at.
// Bug of fsync-retried:  syncs again until a sync succeeds. The second one has nothing to write.
// Twin of both:          stops, fsync-stops. What is in the log may be in the page cache alone: recovery takes of it what
//                        is whole, cuts off the rest, and writes what it took anew before it goes on.
// Found: in a run in which a sync fails, swallowed-sync-error.

/// What the log is when it is opened after a sync may have failed: what is whole in it, written anew.
private func recoveredLog(_ directory: String) throws -> (log: RecordLog, table: Table) {
    var table: Table = [:]
    var payloads: [[UInt8]] = []
    let log = try RecordLog(path: directory + "/log") {
        payloads.append($0)
        table.apply($0)
    }
    let whole = payloads.flatMap { Framing.frame($0) }
    if !whole.isEmpty {
        try log.file.write(whole, at: 0)
        try log.file.sync()
    }
    return (log, table)
}

private enum OnFailure {
    case goesOn, retries, stops
}

private struct SyncingLog {
    private var log: RecordLog
    private(set) var table: Table

    init(opening directory: String) throws { (log, table) = try recoveredLog(directory) }

    mutating func commit(_ change: Change, _ onFailure: OnFailure, acknowledge: () -> Void) throws {
        try log.append(change.payload)
        switch onFailure {
        case .goesOn: try? log.file.dataSync()
        case .retries: while (try? log.file.dataSync()) == nil {}
        case .stops: try log.file.dataSync()
        }
        table.apply(change.payload)
        acknowledge()
    }
}

struct SyncIgnored: Toy {
    static let name = "fsync-ignored"

    private let isBuggy: Bool
    private var log: SyncingLog
    var table: Table { log.table }

    static func create(in directory: String) throws -> Change? {
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.isBuggy = isBuggy
        log = try SyncingLog(opening: directory)
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        try log.commit(change, isBuggy ? .goesOn : .stops, acknowledge: acknowledge)
    }
}

struct SyncRetried: Toy {
    static let name = "fsync-retried"

    private let isBuggy: Bool
    private var log: SyncingLog
    var table: Table { log.table }

    static func create(in directory: String) throws -> Change? {
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.isBuggy = isBuggy
        log = try SyncingLog(opening: directory)
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        try log.commit(change, isBuggy ? .retries : .stops, acknowledge: acknowledge)
    }
}
