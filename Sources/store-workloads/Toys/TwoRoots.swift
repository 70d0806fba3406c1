import WorkloadMarks

// two-roots
//
// The whole table, with a number that grows and a checksum, is written anew by each commit, into the
// oldest of several places. A copy takes three blocks of 4,096 bytes. Opening takes the newest copy that
// is whole.
//
// Bug:   there are two places: enough as long as a flush is done before the next copy is written.
// Twin:  there are six, so that five of them may be lost.
// Found: on the stack lying-flush, whose last four flushes were not done, corrupt: both copies are torn.
//        The twin keeps `prefix` there, as at least one copy is older. On hypervisor-unsafe, which does no
//        flush at all, neither does. On lying-flush-in-order, which loses from the end, both do.

struct TwoRoots: Toy {
    static let name = "two-roots"
    private static let distance = 3 * 4096

    private let file: File
    private let rootCount: Int
    private var number = 0
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? {
        let initial = Change(name: "t0", writes: [("k0", "v0")])
        try writeNewFile(directory + "/roots", sealed(0, initial.payload), synced: false)
        return initial
    }

    init(opening directory: String, isBuggy: Bool) throws {
        rootCount = isBuggy ? 2 : 6
        file = try File(path: directory + "/roots")
        try file.sync()
        var newest: (number: Int, payload: [UInt8])?
        for index in 0..<rootCount {
            let bytes = try file.bytes(at: index * Self.distance, count: Self.distance)
            if let root = Self.opened(bytes), root.number > newest?.number ?? -1 { newest = root }
        }
        if let newest {
            number = newest.number
            table.apply(newest.payload)
        } else {
            damage.append("no root is whole")
        }
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        guard damage.isEmpty else { throw StoreError("the store is damaged: \(damage)") }
        table.apply(change.payload)
        number += 1
        try file.write(
            Self.sealed(number, table.payload), at: number % rootCount * Self.distance)
        try file.dataSync()
        acknowledge()
    }

    /// Number, size of the table, and the table; behind it, the same letter up to the end of three blocks.
    private static func sealed(_ number: Int, _ payload: [UInt8]) -> [UInt8] {
        let head = Framing.bytes(UInt32(number)) + Framing.bytes(UInt32(payload.count))
        let size = distance - Framing.headerSize - head.count - payload.count
        let filling = [UInt8](repeating: UInt8(ascii: "a") + UInt8(number % 26), count: size)
        return Framing.frame(head + payload + filling)
    }

    private static func opened(_ root: [UInt8]) -> (number: Int, payload: [UInt8])? {
        guard let record = Framing.onlyRecord(in: root), record.count >= 8 else { return nil }
        let size = Int(Framing.number(in: record, at: 4))
        return (Int(Framing.number(in: record, at: 0)), Array(record.dropFirst(8).prefix(size)))
    }
}
