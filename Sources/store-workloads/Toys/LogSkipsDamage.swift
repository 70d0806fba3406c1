import WorkloadMarks

// log-skips-damage
//
// A log of slots of 512 bytes, one record with a checksum in each. A commit writes the next slot and
// syncs it.
//
// Bug:   recovery leaves out a slot that is not whole and goes on behind it, as if to save what it can.
// Twin:  the log ends at the first slot that is not whole; what follows is cut off.
// Found: on the stacks lying-flush and hypervisor-unsafe, which lose synced writes in any order, as a
//        broken prefix. Not on honest, where only the last slot can be damaged, and not on the stacks
//        that lose from the end.

struct LogSkipsDamage: Toy {
    static let name = "log-skips-damage"
    private static let slotSize = 512

    private let file: File
    private var end = 0
    private(set) var table: Table = [:]

    static func create(in directory: String) throws -> Change? {
        try File(creating: directory + "/log").close()
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        file = try File(path: directory + "/log")
        let bytes = try file.contents()
        for start in stride(from: 0, to: bytes.count, by: Self.slotSize) {
            let slot = Array(bytes[start..<min(bytes.count, start + Self.slotSize)])
            if let payload = Framing.records(in: slot).payloads.first {
                table.apply(payload)
                end = start + Self.slotSize
            } else if !isBuggy {
                break
            }
        }
        if bytes.count > end { try file.truncate(to: end) }
        try file.sync()
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        let record = Framing.frame(change.payload)
        try file.write(
            record + [UInt8](repeating: 0, count: Self.slotSize - record.count), at: end)
        try file.dataSync()
        end += Self.slotSize
        table.apply(change.payload)
        acknowledge()
    }

    /// A new key each, so that a gap can be told from a value that was written again.
    static func change(_ number: Int) -> Change {
        Change(name: "t\(number)", writes: [("k\(number)", "v\(number)")])
    }
}
