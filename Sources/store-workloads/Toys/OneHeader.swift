import WorkloadMarks

// one-header
//
// A small table in one sector of 512 bytes, with a checksum and a number that grows. A commit writes the
// sector and syncs it. Nothing else is in its 4,096 bytes.
//
// Bug:   the sector is overwritten while it is the only copy. That is enough where 512 bytes are written
//        whole or not at all.
// Twin:  two sectors, 4,096 bytes apart, take turns; opening takes the newest one that is whole.
// Found: on the stack shorn, corrupt and lost-commit. Not on honest; not on rmw-neighbour, which harms
//        the sectors beside one that is written, where nothing is.

struct OneHeader: Toy {
    static let name = "one-header"
    private static let headerSize = 512
    private static let distance = 4096

    private let file: File
    private let headerCount: Int
    private var number = 0
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? {
        let initial = Change(name: "t0", writes: [("k0", "v0")])
        let header = sealed(0, initial.payload)
        try writeNewFile(
            directory + "/header",
            header + [UInt8](repeating: 0, count: 2 * distance - header.count), synced: false)
        return initial
    }

    init(opening directory: String, isBuggy: Bool) throws {
        headerCount = isBuggy ? 1 : 2
        file = try File(path: directory + "/header")
        try file.sync()
        var newest: (number: Int, payload: [UInt8])?
        for index in 0..<headerCount {
            let bytes = try file.bytes(at: index * Self.distance, count: Self.headerSize)
            if let header = Self.opened(bytes), header.number > newest?.number ?? -1 {
                newest = header
            }
        }
        if let newest {
            number = newest.number
            table.apply(newest.payload)
        } else {
            damage.append("no header is whole")
        }
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        guard damage.isEmpty else { throw StoreError("the store is damaged: \(damage)") }
        table.apply(change.payload)
        number += 1
        let place = number % headerCount * Self.distance
        try file.write(Self.sealed(number, table.payload), at: place)
        try file.dataSync()
        acknowledge()
    }

    private static func sealed(_ number: Int, _ payload: [UInt8]) -> [UInt8] {
        let record = Framing.frame(Framing.bytes(UInt32(number)) + payload)
        return record + [UInt8](repeating: 0, count: headerSize - record.count)
    }

    private static func opened(_ header: [UInt8]) -> (number: Int, payload: [UInt8])? {
        guard let record = Framing.records(in: header).payloads.first, record.count > 4 else {
            return nil
        }
        return (Int(Framing.number(in: record, at: 0)), Array(record.dropFirst(4)))
    }
}
