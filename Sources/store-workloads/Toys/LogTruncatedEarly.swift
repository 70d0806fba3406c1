import WorkloadMarks

// log-truncated-early
//
// A log, and checkpoints `checkpoint-1`, `checkpoint-2`, ... of the whole table. A commit appends to the
// log and syncs it. After every fourth commit a new checkpoint is written, the log is emptied and the
// older checkpoint removed. Opening takes the newest whole checkpoint and replays the log on it.
//
// Bug:   the log is emptied, and that is synced, before the new checkpoint and its name are synced.
// Twin:  syncs the checkpoint and the directory, then empties the log.
// Found: under posix, ext4-ordered, xfs, btrfs and data-only, lost-commit: four commits at once, which were
//        durable before the checkpoint took them away. in-order cannot find it, nor can a process
//        kill: the order of the calls is right, only the syncs are not.

struct LogTruncatedEarly: Toy {
    static let name = "log-truncated-early"
    private static let recordsPerCheckpoint = 4

    private let directory: String
    private let isBuggy: Bool
    private var log: RecordLog
    private var recordCount = 0
    /// The checkpoint with the largest number, whole or not; 0 when there is none.
    private var newestCheckpoint = 0
    private(set) var table: Table = [:]

    static func create(in directory: String) throws -> Change? {
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory
        self.isBuggy = isBuggy
        var payloads: [[UInt8]] = []
        log = try RecordLog(path: directory + "/log") { payloads.append($0) }
        recordCount = payloads.count
        let checkpoints = try Self.checkpoints(in: directory)
        newestCheckpoint = checkpoints.last ?? 0
        for number in checkpoints.reversed() {
            let bytes = try contents(ofFile: path(ofCheckpoint: number))
            guard let payload = Framing.onlyRecord(in: bytes) else { continue }
            table.apply(payload)
            break
        }
        for payload in payloads { table.apply(payload) }
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        try log.append(change.payload)
        try log.file.dataSync()
        table.apply(change.payload)
        recordCount += 1
        acknowledge()
        if recordCount >= Self.recordsPerCheckpoint { try checkpoint() }
    }

    private mutating func checkpoint() throws {
        newestCheckpoint += 1
        let path = path(ofCheckpoint: newestCheckpoint)
        try writeNewFile(path, Framing.frame(table.payload), synced: false)
        if isBuggy {
            try emptyLog()
            try syncCheckpoint(path)
        } else {
            try syncCheckpoint(path)
            try emptyLog()
        }
        for number in try Self.checkpoints(in: directory) where number < newestCheckpoint {
            try removeFile(self.path(ofCheckpoint: number))
        }
    }

    private mutating func emptyLog() throws {
        try log.removeAll()
        try log.file.sync()
        recordCount = 0
    }

    private func syncCheckpoint(_ path: String) throws {
        let file = try File(path: path)
        try file.sync()
        try file.close()
        try syncDirectory(directory)
    }

    private static func checkpoints(in directory: String) throws -> [Int] {
        let prefix = "checkpoint-"
        return try names(in: directory).filter { $0.hasPrefix(prefix) }
            .compactMap { Int($0.dropFirst(prefix.count)) }.sorted()
    }

    private func path(ofCheckpoint number: Int) -> String { "\(directory)/checkpoint-\(number)" }
}
