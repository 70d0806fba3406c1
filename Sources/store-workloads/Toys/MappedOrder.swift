import Glibc
import WorkloadMarks

// mapped-order
//
// One mapped file: page 0 holds how many commits there are, page N what commit N wrote.
//
// Bug:   the count is stored before the page that it counts is durable. The msyncs are in the right order,
//        but the kernel may write a dirty page whenever it likes.
// Twin:  stores the page, msyncs it, and only then stores the count.
// Found: under every model, corrupt: the count arrives first, and its page is empty.
//        A process kill does not show it.

struct MappedOrder: Toy {
    static let name = "mapped-order"

    private static let pageSize = 4096
    private static let pages = 64

    private let isBuggy: Bool
    private let memory: UnsafeMutableRawPointer
    private(set) var table: Table = [:]
    private(set) var damage: [String] = []

    static func create(in directory: String) throws -> Change? {
        let file = try File(creating: directory + "/data")
        try file.truncate(to: pages * pageSize)
        try file.close()
        return nil
    }

    init(opening directory: String, isBuggy: Bool) throws {
        self.isBuggy = isBuggy
        let file = try File(path: directory + "/data")
        // What recovery builds on must be durable.
        try file.sync()
        guard
            let memory = mmap(
                nil, Self.pages * Self.pageSize, PROT_READ | PROT_WRITE, MAP_SHARED,
                file.descriptor, 0), memory != MAP_FAILED
        else { throw StoreError(call: "mmap", path: file.path) }
        self.memory = memory
        try file.close()
        for number in 0..<count {
            let page = UnsafeRawBufferPointer(
                start: memory + (number + 1) * Self.pageSize, count: Self.pageSize)
            let bytes = Array(page.prefix { $0 != 0 })
            if bytes.isEmpty { damage.append("commit \(number + 1) has an empty page") }
            table.apply(bytes)
        }
    }

    private var count: Int { Int(memory.load(as: UInt8.self)) }

    mutating func commit(_ change: Change, acknowledge: () -> Void) throws {
        let number = count + 1
        if isBuggy {
            storeCount(number)
            try storePage(number, change.payload)
        } else {
            try storePage(number, change.payload)
            storeCount(number)
        }
        try flush(page: 0)
        table.apply(change.payload)
        acknowledge()
    }

    private func storeCount(_ number: Int) {
        memory.storeBytes(of: UInt8(number), as: UInt8.self)
    }

    private func storePage(_ number: Int, _ bytes: [UInt8]) throws {
        (memory + number * Self.pageSize).copyMemory(from: bytes, byteCount: bytes.count)
        try flush(page: number)
    }

    private func flush(page: Int) throws {
        guard msync(memory + page * Self.pageSize, Self.pageSize, MS_SYNC) == 0 else {
            throw StoreError(call: "msync", path: "data")
        }
    }
}
