import WorkloadMarks

// log-grows
//
// A log of records with a length and a checksum, one file. A commit appends a record and syncs it.
//
// Bug:   each commit makes the file longer. To store the new length the filesystem commits its journal,
//        which it closes by a write with forced unit access.
// Twin:  the file is filled with zeros ahead, 8,192 bytes at a time, and synced; a commit overwrites bytes
//        in their places, for which a plain flush is enough.
// Found: on the stack fua-ignored, lost-commit. Not on honest.

struct LogGrows: Toy {
    static let name = "log-grows"
    private static let step = 8192

    private let isBuggy: Bool
    private let file: File
    private var end: Int
    private var size: Int
    private(set) var table: Table = [:]

    static func create(in directory: String) throws -> Change? {
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.isBuggy = isBuggy
        file = try File(path: directory + "/log")
        let bytes = try file.contents()
        let (payloads, end) = Framing.records(in: bytes)
        self.end = end
        size = bytes.count
        for payload in payloads { table.apply(payload) }
        // What follows was in flight when the power went.
        if bytes[end...].contains(where: { $0 != 0 }) {
            try file.truncate(to: end)
            size = end
        }
        try file.sync()
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        let record = Framing.frame(change.payload)
        if !isBuggy, end + record.count > size {
            let new = (end + record.count + Self.step - 1) / Self.step * Self.step
            try file.write([UInt8](repeating: 0, count: new - size), at: size)
            try file.dataSync()
            size = new
        }
        try file.write(record, at: end)
        try file.dataSync()
        end += record.count
        table.apply(change.payload)
        acknowledge()
    }
}
