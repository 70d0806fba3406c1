import WorkloadMarks

// pages-plain, pages-full-images, pages-double-write
//
// Two pages of 8,192 bytes in the file `pages`: a checksum, then fifteen slots of 512 bytes, one key
// each. A commit changes a slot of each page; it appends one record to the file `log` and syncs that.
// After every third commit is a checkpoint: the pages are overwritten in place and synced, then the log is
// emptied. Opening reads the pages and applies the log.
//
// plain:        a record says which slots get which values. When the power goes in the middle of writing
//               a page, part of it is old and part is new, its checksum is wrong, and the log has nothing
//               that could make it whole. (Berkeley DB is built like this.)
// full-images:  the first record after a checkpoint that changes a page holds the whole page, from which
//               opening begins. (PostgreSQL: `full_page_writes`.)
// double-write: a checkpoint first writes the pages to the file `double` and syncs that; opening restores
//               a torn page from there. (InnoDB: the doublewrite buffer.)
//
// Found: plain, corrupt and lost-commit, wherever less than 8,192 bytes are written at once: everywhere
//        but on the stack awupf-16k. The other two hold.

/// What a page store does so that it survives a torn page.
enum PageProtection { case none, fullImages, doubleWrite }

protocol PageStore {
    static var name: String { get }
    static var protection: PageProtection { get }
}

enum PlainPages: PageStore {
    static let name = "pages-plain"
    static let protection = PageProtection.none
}

enum FullImagePages: PageStore {
    static let name = "pages-full-images"
    static let protection = PageProtection.fullImages
}

enum DoubleWritePages: PageStore {
    static let name = "pages-double-write"
    static let protection = PageProtection.doubleWrite
}

struct Pages<Kind: PageStore>: Toy {
    static var name: String { Kind.name }
    private static var recordsPerCheckpoint: Int { 3 }

    private let file: File
    private let double: File
    private var log: RecordLog
    private var recordCount = 0
    private var pages: [Page] = []
    /// Pages of which the log holds an image.
    private var imaged: Set<Int> = []
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? {
        let page = Page().bytes
        try writeNewFile(directory + "/pages", page + page, synced: false)
        try File(creating: directory + "/double").close()
        try RecordLog.create(directory + "/log")
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        file = try File(path: directory + "/pages")
        double = try File(path: directory + "/double")
        let bytes = try file.contents()
        var pages = (0..<2).map { Page(bytes.dropFirst($0 * Page.size).prefix(Page.size)) }
        if Kind.protection == .doubleWrite { try Self.restore(&pages, file, double) }
        var imaged: Set<Int> = []
        var recordCount = 0
        log = try RecordLog(path: directory + "/log") { record in
            recordCount += 1
            Self.apply(record, to: &pages, &imaged)
        }
        for (number, page) in pages.enumerated() where page == nil {
            damage.append("page \(number): the checksum is wrong")
        }
        self.pages = pages.map { $0 ?? Page() }
        self.imaged = imaged
        self.recordCount = recordCount
        try file.sync()
    }

    var table: Table {
        var table: Table = [:]
        for page in pages { table.apply(page.text) }
        return table
    }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        guard damage.isEmpty else { throw StoreError("the store is damaged: \(damage)") }
        var record: [UInt8] = []
        for write in change.writes {
            let number = Self.page(ofKey: write.key)
            pages[number].set(write.key, write.value)
            if Kind.protection == .fullImages, imaged.insert(number).inserted {
                record += [UInt8(ascii: "P"), UInt8(number)] + pages[number].bytes
            } else {
                record += Array("\(write.key)=\(write.value)\n".utf8)
            }
        }
        try log.append(record)
        try log.file.dataSync()
        acknowledge()
        recordCount += 1
        if recordCount >= Self.recordsPerCheckpoint { try checkpoint() }
    }

    private mutating func checkpoint() throws {
        if Kind.protection == .doubleWrite {
            try double.write(pages.flatMap(\.bytes), at: 0)
            try double.sync()
        }
        for (number, page) in pages.enumerated() {
            try file.write(page.bytes, at: number * Page.size)
        }
        try file.dataSync()
        try log.removeAll()
        try log.file.sync()
        recordCount = 0
        imaged = []
    }

    /// Puts the copies of torn pages in their places: the next checkpoint will overwrite the copies.
    private static func restore(_ pages: inout [Page?], _ file: File, _ double: File) throws {
        let copies = try double.contents()
        for number in pages.indices where pages[number] == nil {
            guard let copy = Page(copies.dropFirst(number * Page.size).prefix(Page.size)) else {
                continue
            }
            try file.write(copy.bytes, at: number * Page.size)
            pages[number] = copy
        }
        try file.sync()
    }

    /// Parts of a record are `P`, a page's number and its bytes, or a line `KEY=VALUE`.
    private static func apply(
        _ record: [UInt8], to pages: inout [Page?], _ imaged: inout Set<Int>
    ) {
        var rest = record[...]
        while let first = rest.first {
            if first == UInt8(ascii: "P") {
                let number = Int(rest[rest.startIndex + 1])
                rest = rest.dropFirst(2)
                pages[number] = Page(rest.prefix(Page.size))
                imaged.insert(number)
                rest = rest.dropFirst(Page.size)
            } else {
                let line = rest.prefix { $0 != UInt8(ascii: "\n") }
                var table: Table = [:]
                table.apply(Array(line))
                for (key, value) in table { pages[page(ofKey: key)]?.set(key, value) }
                rest = rest.dropFirst(line.count + 1)
            }
        }
    }

    /// Keys are `p1k3`: page 1, slot 3.
    private static func page(ofKey key: String) -> Int { Int(String(key.dropFirst().prefix(1)))! }

    /// A slot of each page, some sectors apart.
    static func change(_ number: Int) -> Change {
        Change(
            name: "t\(number)",
            writes: (0..<2).map { ("p\($0)k\((number * 4 + $0 * 7) % 15)", "v\(number)") })
    }
}

/// A page whose first four bytes are the checksum of the others.
private struct Page {
    static let size = 8192
    private static let slotSize = 512

    private var content = [UInt8](repeating: 0, count: size)

    /// An empty page.
    init() {}

    /// Nil when it is not whole.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == Self.size else { return nil }
        content = Array(bytes)
        guard Framing.number(in: content, at: 0) == Framing.checksum(content[4...]) else {
            return nil
        }
    }

    var bytes: [UInt8] { Framing.bytes(Framing.checksum(content[4...])) + content[4...] }

    /// `KEY=VALUE` lines.
    var text: [UInt8] { content[Self.slotSize...].filter { $0 != 0 } }

    mutating func set(_ key: String, _ value: String) {
        let start = (Int(key.dropFirst(3))! + 1) * Self.slotSize
        var slot = Array("\(key)=\(value)\n".utf8)
        slot += [UInt8](repeating: 0, count: Self.slotSize - slot.count)
        content.replaceSubrange(start..<start + Self.slotSize, with: slot)
    }
}
