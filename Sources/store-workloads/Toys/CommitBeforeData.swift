import WorkloadMarks

// commit-before-data
//
// Values in `data`, and in `commits` one checksummed record for each commit: where its data lies. Only
// committed data is read.
//
// Bug:   the commit record is written and synced before the data is.
// Twin:  writes and syncs the data, then the commit record.
// Found: under every model, corrupt: a transaction that was in flight counts as committed, and its data
//        is missing. Even a process kill between the two writes shows it.

struct CommitBeforeData: Toy {
    static let name = "commit-before-data"

    private let isBuggy: Bool
    private let data: File
    private var commits: RecordLog
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? {
        try File(creating: directory + "/data").close()
        try RecordLog.create(directory + "/commits")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.isBuggy = isBuggy
        data = try File(path: directory + "/data")
        try data.sync()
        var places: [[UInt8]] = []
        commits = try RecordLog(path: directory + "/commits") { places.append($0) }
        for (index, place) in places.enumerated() {
            let numbers = String(decoding: place, as: UTF8.self).split(separator: " ")
                .compactMap { Int($0) }
            let bytes = try numbers.count == 2 ? data.bytes(at: numbers[0], count: numbers[1]) : []
            if bytes.last == UInt8(ascii: "\n") && !bytes.contains(0) {
                table.apply(bytes)
            } else {
                damage.append("commit \(index + 1) has no data")
            }
        }
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        let bytes = change.payload
        let offset = try data.size()
        if isBuggy {
            try writeCommit(offset, bytes.count)
            try writeData(bytes, at: offset)
        } else {
            try writeData(bytes, at: offset)
            try writeCommit(offset, bytes.count)
        }
        table.apply(bytes)
        acknowledge()
    }

    private func writeData(_ bytes: [UInt8], at offset: Int) throws {
        try data.write(bytes, at: offset)
        try data.dataSync()
    }

    private mutating func writeCommit(_ offset: Int, _ count: Int) throws {
        try commits.append(Array("\(offset) \(count)".utf8))
        try commits.file.dataSync()
    }
}
