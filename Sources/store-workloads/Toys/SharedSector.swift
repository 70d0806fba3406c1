import WorkloadMarks

// shared-sector
//
// A log of records with a length and a checksum, one file. A commit appends a record and syncs it.
//
// Bug:   records of several commits share a sector. To append to a sector is to write all of it again,
//        with what was committed before: a drive that tears it inside destroys that, too.
// Twin:  each record begins at a multiple of 4,096 bytes, so that a sector is written by one commit only.
// Found: on the stacks shorn (a sector of 512 bytes that is being written becomes garbage) and
//        rmw-neighbour (the rest of its 4,096 bytes does), lost-commit. Not on honest, and not on btrfs,
//        which writes a block to a new place.

struct SharedSector: Toy {
    static let name = "shared-sector"
    private static let sectorSize = 4096

    private let isBuggy: Bool
    private let file: File
    private var end = 0
    private(set) var table: Table = [:]

    static func create(in directory: String) throws -> Change? {
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.isBuggy = isBuggy
        file = try File(path: directory + "/log")
        let bytes = try file.contents()
        while let payload = Framing.records(in: Array(bytes.dropFirst(end))).payloads.first {
            table.apply(payload)
            end = place(after: end + Framing.headerSize + payload.count)
        }
        if bytes.count > end { try file.truncate(to: end) }
        try file.sync()
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        let record = Framing.frame(change.payload)
        try file.write(record, at: end)
        try file.dataSync()
        end = place(after: end + record.count)
        table.apply(change.payload)
        acknowledge()
    }

    /// Where the next record goes.
    private func place(after end: Int) -> Int {
        isBuggy ? end : (end + Self.sectorSize - 1) / Self.sectorSize * Self.sectorSize
    }

    /// Five or six records a sector of 512 bytes.
    static func change(_ number: Int) -> Change {
        let value = String(repeating: "v\(number).", count: 20)
        return Change(name: "t\(number)", writes: [("k\(number * 3 % 7)", value)])
    }
}
