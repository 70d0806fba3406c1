import WorkloadMarks

// create-no-dirsync
//
// A log in segments: `segments/000001`, `segments/000002`, ..., four records each. A commit appends to
// the newest segment and syncs it.
//
// Bug:   the directory is never synced after a segment was created, so the name of the segment, and
//        with it every record in it, may be gone.
// Twin:  syncs the directory before the first record of a segment is acknowledged.
// Found: under posix only, lost-commit. ext4, xfs and btrfs make the name of a new file durable
//        together with the file, although fsync(2) does not promise it; data-only keeps all names.

struct CreateNoDirectorySync: Toy {
    static let name = "create-no-dirsync"
    private static let recordsPerSegment = 4

    private let directory: String
    private let isBuggy: Bool
    /// The newest segment; nil before the first commit of a store.
    private var segment: RecordLog?
    private var segmentNumber = 0
    private var recordCount = 0
    private(set) var table: Table = [:]

    static func create(in directory: String) throws -> Change? {
        try makeDirectory(directory + "/segments")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.directory = directory + "/segments"
        self.isBuggy = isBuggy
        try syncNames()
        for name in try names(in: self.directory) {
            guard let number = Int(name) else { continue }
            var payloads: [[UInt8]] = []
            try segment?.file.close()
            segment = try RecordLog(path: path(ofSegment: number)) { payloads.append($0) }
            segmentNumber = number
            recordCount = payloads.count
            for payload in payloads { table.apply(payload) }
        }
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        var segment = try writableSegment()
        try segment.append(change.payload)
        try segment.file.sync()
        self.segment = segment
        recordCount += 1
        table.apply(change.payload)
        acknowledge()
    }

    /// The newest segment, or a new one when there is none or it is full.
    private mutating func writableSegment() throws -> RecordLog {
        if let segment {
            if recordCount < Self.recordsPerSegment { return segment }
            try segment.file.close()
        }
        segmentNumber += 1
        recordCount = 0
        try RecordLog.create(path(ofSegment: segmentNumber))
        try syncNames()
        return try RecordLog(path: path(ofSegment: segmentNumber)) { _ in }
    }

    private func syncNames() throws {
        if isBuggy { return }
        try syncDirectory(directory)
    }

    private func path(ofSegment number: Int) -> String {
        let digits = String(number)
        return "\(directory)/\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)"
    }
}
