import WorkloadMarks

// compaction-order
//
// A small log-structured store: each commit is a new file `segment-N`, synced, then its directory. A
// delete is a segment that says so. Five segments are merged into a new one, which has only the live
// keys, and then unlinked, with a sync of the directory after each.
//
// Bug:   the old segments are unlinked newest first. When the power goes in between, the segment with a
//        delete is gone and the older one with the value is still there.
// Twin:  unlinks them oldest first.
// Found: under every model, resurrected. Every sync is in place: it is the order that is wrong, and a
//        process kill shows it too.

struct CompactionOrder: Toy {
    static let name = "compaction-order"
    private static let segmentsPerMerge = 5

    private let directory: String
    private let isBuggy: Bool
    private var segments: [Int] = []
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? { nil }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory
        self.isBuggy = isBuggy
        let prefix = "segment-"
        let numbers = try names(in: directory).filter { $0.hasPrefix(prefix) }
            .compactMap { Int($0.dropFirst(prefix.count)) }.sorted()
        for number in numbers {
            let file = try File(path: path(ofSegment: number))
            // After a process kill its bytes may still be in memory only.
            try file.sync()
            let payload = Framing.onlyRecord(in: try file.contents())
            try file.close()
            if let payload {
                segments.append(number)
                table.apply(payload)
            } else if number == numbers.last {
                // It was being written when the power went.
                try removeFile(path(ofSegment: number))
            } else {
                damage.append("segment \(number): the checksum is wrong")
            }
        }
        try syncDirectory(directory)
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        guard damage.isEmpty else { throw StoreError("the store is damaged: \(damage)") }
        try addSegment(change.payload)
        table.apply(change.payload)
        acknowledge()
        if segments.count >= Self.segmentsPerMerge { try merge() }
    }

    /// Puts of new keys, and in every third place of four a delete of the key before.
    static func change(_ number: Int) -> Change {
        let isDelete = number % 4 == 3
        let key = isDelete ? "k\(number - 1)" : "k\(number)"
        return Change(name: "t\(number)", writes: [(key, isDelete ? "" : "v\(number)")])
    }

    private mutating func addSegment(_ payload: [UInt8]) throws {
        let number = (segments.last ?? 0) + 1
        try writeNewFile(path(ofSegment: number), Framing.frame(payload), synced: true)
        try syncDirectory(directory)
        segments.append(number)
    }

    private mutating func merge() throws {
        let old = segments
        try addSegment(table.payload)
        for number in isBuggy ? old.reversed() : old {
            try removeFile(path(ofSegment: number))
            try syncDirectory(directory)
        }
        segments.removeFirst(old.count)
    }

    private func path(ofSegment number: Int) -> String { "\(directory)/segment-\(number)" }
}
