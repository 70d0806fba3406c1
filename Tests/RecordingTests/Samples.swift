import FileTree
import Recording
import TestSupport
import Testing

/// Events of every kind, in an order in which they apply to an empty tree.
enum Samples {
    private static let pool = BytePool()

    private static func at(_ directory: UInt64, _ name: FileName) -> DirectoryEntry {
        DirectoryEntry(InodeNumber(directory), name)
    }

    static let file = InodeNumber(2)

    static let operations: [Operation] = {
        let odd = FileName(bytes: [0xff, 0x01, 0x0a, 0x20])
        let longest = FileName(bytes: [UInt8](repeating: 0xc3, count: 255))
        var all: [Operation] = [
            .create(
                file, at: at(1, "file"), NewInode(.regular, mode: 0o4755, user: .max, group: 7)),
            .create(InodeNumber(3), at: at(1, odd), .directory),
            .create(
                InodeNumber(4), at: at(3, longest),
                NewInode(.symbolicLink, mode: 0o777, target: Array("../to nowhere".utf8))),
            .create(
                InodeNumber(5), at: at(3, "device"),
                NewInode(.characterDevice, mode: 0, device: .max)),
            .create(InodeNumber(6), at: at(1, "fifo"), NewInode(.fifo)),
            .create(InodeNumber(7), at: at(1, "socket"), NewInode(.socket)),
            .create(InodeNumber(8), at: at(1, "block"), NewInode(.blockDevice, device: 1)),
            .createUnnamed(InodeNumber(1 << 40), NewInode(.regular, group: .max)),
            .link(InodeNumber(1 << 40), at: at(3, "named late")),
            .link(file, at: at(3, "second")),
            .remove(at: at(1, "fifo"), directory: false),
            .create(InodeNumber(9), at: at(1, "empty"), .directory),
            .remove(at: at(1, "empty"), directory: true),
            .rename(from: at(1, "file"), to: at(1, "other"), .replace),
            .rename(from: at(1, "other"), to: at(3, "x"), .noReplace),
            .rename(from: at(3, "x"), to: at(1, "socket"), .exchange),
            .setSize(file, 100_000),
            .setSize(file, 0),
            .setExtendedAttribute(file, name: "user.empty", value: []),
            .setExtendedAttribute(file, name: "user.some", value: [0, 1, 255]),
            .setExtendedAttribute(file, name: "user.some", value: nil),
            .sync(.everything),
        ]
        for (index, count) in [0, 1, 15, 16, 17, 4096, 70_000].enumerated() {
            let origin = [WriteOrigin.call, .mapping, .synchronousCall][index % 3]
            let bytes = pool.add((0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) })
            all.append(.write(file, offset: UInt64(index) * 5000, bytes, origin))
        }
        for mode in [
            AllocateMode.extend, .keepSize, .punchHole, .zeroRange, .zeroRangeKeepSize,
        ] {
            all.append(.allocate(file, mode, 77..<200_000))
        }
        for bits in 0..<32 {
            let change = AttributeChange(
                mode: bits & 1 != 0 ? 0o7777 : nil, user: bits & 2 != 0 ? .max : nil,
                group: bits & 4 != 0 ? .max - 1 : nil,
                accessed: bits & 8 != 0 ? Timestamp(nanoseconds: .min) : nil,
                modified: bits & 16 != 0 ? Timestamp(nanoseconds: .max) : nil)
            all.append(.setAttributes(file, change))
        }
        for dataOnly in [true, false] {
            all.append(.sync(.file(file, dataOnly: dataOnly)))
            all.append(.sync(.range(file, 5..<UInt64.max, dataOnly: dataOnly)))
            all.append(.sync(.allocation(file, dataOnly: dataOnly)))
            all.append(.sync(.directory(.root, dataOnly: dataOnly)))
        }
        return all
    }()

    static let events: [Record.Event] =
        operations.map { .operation($0) } + [
            .mark(pool.add(Array("@ack 1\n".utf8))), .mark(pool.add([])),
        ] + faults.map { .fault($0) }

    static let faults: [Fault] = [
        Fault(operation: "write", effect: "EIO", path: "d/a file", error: .ioError),
        Fault(operation: "write", effect: "short 512", path: "log"),
        Fault(operation: "read", effect: "20ms", path: ""),
        Fault(
            operation: "fdatasync", effect: "lie", path: "log", sync: .file(file, dataOnly: true)),
        Fault(
            operation: "osync", effect: "EIO", path: "log", error: .ioError,
            sync: .range(file, 4096..<8192, dataOnly: false), failure: .markedClean),
        Fault(
            operation: "syncfs", effect: "ENOSPC", path: "", error: .noSpace, sync: .everything,
            failure: .reverted),
        Fault(
            operation: "fsyncdir", effect: "EIO", path: "d", error: .ioError,
            sync: .directory(InodeNumber(3), dataOnly: false)),
        Fault(
            operation: "fsync", effect: "EIO", path: "log", sync: .file(file, dataOnly: false),
            failure: .reportedLate),
        Fault(
            operation: "evict", effect: "clean pages left the cache", path: "",
            eviction: .everything),
        Fault(operation: "evict", effect: "", path: "log", eviction: .file(file)),
    ]

    /// The operations with a mark here and there, whose bytes `pool` owns.
    static func events(
        of operations: [Operation], _ pool: BytePool, seed: Seed
    ) -> [Record.Event] {
        var random = TestRandom(seed: seed)
        return operations.flatMap { operation in
            let mark = Record.Event.mark(pool.add(random.bytes(random.below(20))))
            return [.operation(operation)] + (random.oneIn(5) ? [mark] : [])
        }
    }
}

/// Fails unless the records are those events, in their order, at times that do not fall.
func expect(
    _ recording: Recording, holds events: [Record.Event],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    // A record's bytes do not keep the recording alive.
    defer { withExtendedLifetime(recording) {} }
    #expect(recording.count == events.count, sourceLocation: sourceLocation)
    var last: UInt64 = 0
    for (sequence, event) in events.prefix(recording.count).enumerated() {
        let record = recording[sequence]
        guard record.event == event, record.thread == UInt32(sequence), record.time >= last else {
            Issue.record("#\(sequence): \(record), not \(event)", sourceLocation: sourceLocation)
            return
        }
        last = record.time
    }
}

extension Recording {
    /// Whether the first `count` records (all when nil) are those of `other`, times and threads included.
    func matches(_ other: Recording, first count: Int? = nil) -> Bool {
        defer { withExtendedLifetime((self, other)) {} }
        guard self.count == count ?? other.count else { return false }
        return (0..<self.count).allSatisfy { self[$0] == other[$0] }
    }
}

extension RecordingWriter {
    /// Appends the events, each by the thread that is numbered as it is.
    func append(all events: some Sequence<Record.Event>) throws {
        for event in events { try append(event, thread: UInt32(offsets.count)) }
    }
}
