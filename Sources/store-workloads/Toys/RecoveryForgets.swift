import WorkloadMarks

// recovery-forgets
//
// A log, and a checkpoint `table` of everything older. A commit appends to the log and syncs it; after
// every sixth commit the table is replaced (written aside, synced, renamed, directory synced) and the
// log emptied. Opening replays the log, and then empties it.
//
// Bug:   opening empties the log although what it replayed is in memory only. The first start after a
//        power loss answers right; a second start, with no commit between, has lost the log.
// Twin:  opening writes a checkpoint before it empties the log.
// Found: under every model, unstable-recovery, and after a process kill too.

struct RecoveryForgets: Toy {
    static let name = "recovery-forgets"
    private static let recordsPerCheckpoint = 6

    private let directory: String
    private var log: RecordLog
    private var recordCount = 0
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? {
        let initial = Change(name: "t0", writes: [("k0", "v0")])
        try writeNewFile(directory + "/table", Framing.frame(initial.payload), synced: false)
        try RecordLog.create(directory + "/log")
        return initial
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory
        try removeLeftOver(directory + "/table.tmp")
        try syncDirectory(directory)
        if let payload = Framing.onlyRecord(in: try contents(ofFile: directory + "/table")) {
            table.apply(payload)
        } else {
            damage.append("table: the checksum is wrong")
        }
        var payloads: [[UInt8]] = []
        log = try RecordLog(path: directory + "/log") { payloads.append($0) }
        for payload in payloads { table.apply(payload) }
        if log.isEmpty || !damage.isEmpty { return }
        if !isBuggy { try writeTable() }
        try emptyLog()
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        guard damage.isEmpty else { throw StoreError("the store is damaged: \(damage)") }
        try log.append(change.payload)
        try log.file.dataSync()
        table.apply(change.payload)
        recordCount += 1
        acknowledge()
        if recordCount >= Self.recordsPerCheckpoint {
            try writeTable()
            try emptyLog()
        }
    }

    private func writeTable() throws {
        try writeNewFile(directory + "/table.tmp", Framing.frame(table.payload), synced: true)
        try renameFile(directory + "/table.tmp", to: directory + "/table")
        try syncDirectory(directory)
    }

    private mutating func emptyLog() throws {
        try log.removeAll()
        try log.file.sync()
        recordCount = 0
    }
}
