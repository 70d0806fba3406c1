import WorkloadMarks

// mkdir-no-parent-sync
//
// A journal with one directory for each day: `day-1/journal`, `day-2/journal`, ...; a day has four
// records. A new day makes the directory and the file, syncs the file and the directory of the day.
//
// Bug:   the parent is never synced, so the directory of the day, which was synced itself, may have
//        no name.
// Twin:  syncs the parent too before the first record of a day is acknowledged.
// Found: under posix only, lost-commit. ext4, xfs and btrfs make the names of new ancestors durable
//        with the file; data-only keeps all names.

struct MkdirNoParentSync: Toy {
    static let name = "mkdir-no-parent-sync"
    private static let recordsPerDay = 4

    private let directory: String
    private let isBuggy: Bool
    /// The journal of the newest day; nil before the first commit of a store.
    private var journal: RecordLog?
    private var day = 0
    private var recordCount = 0
    private(set) var table: Table = [:]

    static func create(in directory: String) throws -> Change? { nil }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory
        self.isBuggy = isBuggy
        try syncParent()
        let days = try names(in: directory).compactMap { name in
            name.hasPrefix("day-") ? Int(name.dropFirst(4)) : nil
        }
        for day in days.sorted() {
            // The power may go between mkdir and the creation of the journal.
            if try !names(in: path(ofDay: day)).contains("journal") { continue }
            try syncDirectory(path(ofDay: day))
            var payloads: [[UInt8]] = []
            try journal?.file.close()
            journal = try RecordLog(path: path(ofDay: day) + "/journal") { payloads.append($0) }
            recordCount = payloads.count
            for payload in payloads { table.apply(payload) }
        }
        self.day = days.max() ?? 0
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        var journal = try writableJournal()
        try journal.append(change.payload)
        try journal.file.sync()
        self.journal = journal
        recordCount += 1
        table.apply(change.payload)
        acknowledge()
    }

    /// The journal of the newest day, or that of a new day when there is none or it is full.
    private mutating func writableJournal() throws -> RecordLog {
        if let journal {
            if recordCount < Self.recordsPerDay { return journal }
            try journal.file.close()
        }
        day += 1
        recordCount = 0
        try makeDirectory(path(ofDay: day))
        try RecordLog.create(path(ofDay: day) + "/journal")
        try syncDirectory(path(ofDay: day))
        try syncParent()
        return try RecordLog(path: path(ofDay: day) + "/journal") { _ in }
    }

    private func syncParent() throws {
        if isBuggy { return }
        try syncDirectory(directory)
    }

    private func path(ofDay day: Int) -> String { "\(directory)/day-\(day)" }
}
