import WorkloadMarks

// replay-doubles
//
// Counters. A commit appends `NUMBER KEY AMOUNT` to a log and syncs it; after every fourth commit the
// sums, and the number of the last commit in them, go to `sums` (written aside, synced, renamed,
// directory synced), and the log is emptied. Opening adds the log to the sums.
//
// Bug:   opening adds every record of the log. When the power goes after the rename and before the log
//        is empty, the sums have these records already, and they are added twice.
// Twin:  skips the records that the sums have by their number.
// Found: under every model, phantom: a sum that never was. A process kill shows it too.

struct ReplayDoubles: Toy {
    static let name = "replay-doubles"
    private static let recordsPerCheckpoint = 4
    /// The key under which `sums` keeps the number of the last commit in them.
    private static let numberKey = "last"

    private let directory: String
    private var log: RecordLog
    private var recordCount = 0
    private var lastNumber = 0
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? {
        try writeNewFile(
            directory + "/sums", Framing.frame(Array("\(numberKey)=0\n".utf8)), synced: false)
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory
        try removeLeftOver(directory + "/sums.tmp")
        try syncDirectory(directory)
        if let payload = Framing.onlyRecord(in: try contents(ofFile: directory + "/sums")) {
            table.apply(payload)
        } else {
            damage.append("sums: the checksum is wrong")
        }
        lastNumber = table.removeValue(forKey: Self.numberKey).flatMap { Int($0) } ?? 0
        var payloads: [[UInt8]] = []
        log = try RecordLog(path: directory + "/log") { payloads.append($0) }
        recordCount = payloads.count
        for payload in payloads {
            let words = String(decoding: payload, as: UTF8.self).split(separator: " ")
            guard words.count == 3, let number = Int(words[0]), let amount = Int(words[2]) else {
                damage.append("log: a record is not a commit")
                continue
            }
            if !isBuggy && number <= lastNumber { continue }
            add(amount, to: String(words[1]))
            lastNumber = max(number, lastNumber)
        }
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        guard damage.isEmpty else { throw StoreError("the store is damaged: \(damage)") }
        lastNumber += 1
        for write in change.writes {
            let amount = (Int(write.value) ?? 0) - sum(of: write.key)
            try log.append(Array("\(lastNumber) \(write.key) \(amount)".utf8))
            add(amount, to: write.key)
        }
        try log.file.dataSync()
        recordCount += 1
        acknowledge()
        if recordCount >= Self.recordsPerCheckpoint { try checkpoint() }
    }

    /// Counter `number % 3` grows by 100 and the number, so that no two sums are alike.
    static func change(_ number: Int) -> Change {
        let sum = stride(from: number, to: 0, by: -3).reduce(0) { $0 + 100 + $1 }
        return Change(name: "t\(number)", writes: [("c\(number % 3)", String(sum))])
    }

    private mutating func checkpoint() throws {
        var contents = table
        contents[Self.numberKey] = String(lastNumber)
        try writeNewFile(directory + "/sums.tmp", Framing.frame(contents.payload), synced: true)
        try renameFile(directory + "/sums.tmp", to: directory + "/sums")
        try syncDirectory(directory)
        try log.removeAll()
        try log.file.sync()
        recordCount = 0
    }

    private func sum(of key: String) -> Int { table[key].flatMap { Int($0) } ?? 0 }

    private mutating func add(_ amount: Int, to key: String) {
        table[key] = String(sum(of: key) &+ amount)
    }
}
