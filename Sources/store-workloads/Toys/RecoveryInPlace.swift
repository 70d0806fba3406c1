import WorkloadMarks

// recovery-in-place
//
// A log, and a checkpoint `table` of everything older. A commit appends to the log and syncs it, and nothing
// else. Opening replays the log, writes what there is into the table, and empties the log.
//
// Bug:   opening overwrites the table in place. What the table held is nowhere else, so when the power goes again
//        before the new content is there whole, it is lost.
// Twin:  opening writes the table aside, syncs it, renames it over the old one and syncs the directory.
// Found: under every model, and only when the power goes while the store recovers from a power loss.

struct RecoveryInPlace: Toy {
    static let name = "recovery-in-place"

    private let directory: String
    private var log: RecordLog
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
        let content = Framing.frame(table.payload)
        if isBuggy {
            let file = try File(path: directory + "/table")
            try file.truncate(to: 0)
            try file.write(content, at: 0)
            try file.sync()
            try file.close()
        } else {
            try writeNewFile(directory + "/table.tmp", content, synced: true)
            try renameFile(directory + "/table.tmp", to: directory + "/table")
            try syncDirectory(directory)
        }
        try log.removeAll()
        try log.file.sync()
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        guard damage.isEmpty else { throw StoreError("the store is damaged: \(damage)") }
        try log.append(change.payload)
        try log.file.dataSync()
        table.apply(change.payload)
        acknowledge()
    }
}
