import WorkloadMarks

// page-torn
//
// A file of two pages of 4,096 bytes: a checksum, then seven slots of 512 bytes, one key each. A commit
// changes two slots of one page, writes the page in place and syncs it.
//
// Bug:   the page is overwritten while it is the only copy. Power loss in the middle of the write
//        leaves some sectors old and some new, and the whole page is lost.
// Twin:  first writes the page to a second file, `copy`, and syncs that (a double write); opening
//        restores a damaged page from there.
// Found: under posix, ext4-ordered and xfs with 512-byte sectors, corrupt and lost-commit (the other keys
//        of the page). Not where 4,096 bytes are one unit: btrfs, data-only, and the stack torn-4096.

struct PageTorn: Toy {
    static let name = "page-torn"
    private static let pageSize = 4096
    private static let pageCount = 2
    private static let slotSize = 512
    private static let slotCount = 7

    private let isBuggy: Bool
    private let file: File
    private let copy: File
    private var pages: [[UInt8]] = []
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? {
        let empty = sealed([UInt8](repeating: 0, count: pageSize))
        try writeNewFile(directory + "/pages", empty + empty, synced: false)
        try File(creating: directory + "/copy").close()
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.isBuggy = isBuggy
        file = try File(path: directory + "/pages")
        copy = try File(path: directory + "/copy")
        for number in 0..<Self.pageCount {
            let page = try file.bytes(at: number * Self.pageSize, count: Self.pageSize)
            if Self.isWhole(page) {
                pages.append(page)
            } else if let page = try copyOfPage(number) {
                try file.write(page, at: number * Self.pageSize)
                pages.append(page)
            } else {
                damage.append("page \(number): the checksum is wrong")
                pages.append([UInt8](repeating: 0, count: Self.pageSize))
            }
        }
        try file.sync()
    }

    var table: Table {
        var table: Table = [:]
        for page in pages {
            for slot in 0..<Self.slotCount {
                let text = page[Self.range(ofSlot: slot)].prefix { $0 != 0 }
                table.apply(Array(text))
            }
        }
        return table
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        guard damage.isEmpty else { throw StoreError("the store is damaged: \(damage)") }
        guard let number = change.writes.first.flatMap({ Self.page(ofKey: $0.key) }) else {
            throw StoreError("\(change.name) writes no key of this store")
        }
        for write in change.writes {
            let slot = Self.range(ofSlot: Self.slot(ofKey: write.key))
            var text = Array("\(write.key)=\(write.value)\n".utf8)
            text += [UInt8](repeating: 0, count: Self.slotSize - text.count)
            pages[number].replaceSubrange(slot, with: text)
        }
        pages[number] = Self.sealed(pages[number])
        if !isBuggy {
            try copy.write(Framing.frame([UInt8(number)] + pages[number]), at: 0)
            try copy.dataSync()
        }
        try file.write(pages[number], at: number * Self.pageSize)
        try file.dataSync()
        acknowledge()
    }

    /// Two keys of one page each, a few sectors apart.
    static func change(_ number: Int) -> Change {
        let keys = [number * 3 % slotCount, (number * 3 + 4) % slotCount]
        return Change(
            name: "t\(number)", writes: keys.map { ("p\(number % pageCount)k\($0)", "v\(number)") })
    }

    /// The page that was last written to `copy`, if it is this one and whole.
    private func copyOfPage(_ number: Int) throws -> [UInt8]? {
        guard let payload = Framing.onlyRecord(in: try copy.contents()),
            payload.count == 1 + Self.pageSize, Int(payload[0]) == number
        else { return nil }
        let page = Array(payload.dropFirst())
        return Self.isWhole(page) ? page : nil
    }

    /// The first four bytes of a page are the checksum of the others.
    private static func sealed(_ page: [UInt8]) -> [UInt8] {
        Framing.bytes(Framing.checksum(page[4...])) + page[4...]
    }

    private static func isWhole(_ page: [UInt8]) -> Bool {
        page.count == pageSize && Framing.number(in: page, at: 0) == Framing.checksum(page[4...])
    }

    private static func range(ofSlot slot: Int) -> Range<Int> {
        (slot + 1) * slotSize..<(slot + 2) * slotSize
    }

    /// Keys are `p1k3`: page 1, slot 3.
    private static func page(ofKey key: String) -> Int? {
        key.dropFirst().first.flatMap { Int(String($0)) }
    }

    private static func slot(ofKey key: String) -> Int { Int(key.dropFirst(3)) ?? 0 }
}
