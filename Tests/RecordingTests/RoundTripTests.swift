import FileTree
import Glibc
import Recording
import TestSupport
import Testing

@Suite("Recordings, written and read back")
struct RoundTripTests {
    let folder = try! TemporaryFolder()

    private func writer(
        _ name: String? = nil, base: FileTree = FileTree(), storesBase: Bool = true
    ) throws -> RecordingWriter {
        let arena = try name.map { try Arena(creating: folder.file($0)) } ?? Arena()
        return try RecordingWriter(arena: arena, base: base, storesBase: storesBase)
    }

    @Test("every kind of event, in memory")
    func everyKindInMemory() throws {
        let writer = try writer(storesBase: false)
        try writer.append(all: Samples.events)

        expect(writer.recording(), holds: Samples.events)
        try writer.seal()
        expect(writer.recording(), holds: Samples.events)
    }

    @Test("every kind of event, in a file")
    func everyKindInFile() throws {
        let writer = try writer("r")
        try writer.append(all: Samples.events)
        let unsealed = try Recording(path: folder.file("r"))
        try writer.seal()
        let sealed = try Recording(path: folder.file("r"))

        expect(unsealed, holds: Samples.events)
        expect(sealed, holds: Samples.events)
        #expect(!unsealed.isComplete)
        #expect(sealed.isComplete)
        #expect(sealed.matches(writer.recording()))
        var status = stat()
        #expect(stat(folder.file("r"), &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(status.st_size < 200_000)
    }

    @Test("random histories on random base trees", arguments: Seed.first(100))
    func histories(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let history = OperationGenerator.history(seed: seed, count: 300)
        let split = random.below(history.operations.count)
        let base = try history.fileTree(after: split)
        let tail = Self.operations(history.operations.dropFirst(split), on: base)
        let events = Samples.events(of: tail, history.bytes, seed: seed)

        let path = folder.file("r")
        let memory = try writer(base: base, storesBase: random.oneIn(2))
        let file = try writer("r", base: base)
        for writer in [memory, file] { try writer.append(all: events) }
        if random.oneIn(2) { try file.seal() }
        let read = try Recording(path: path)
        let again = try Recording(path: path)

        expect(memory.recording(), holds: events)
        expect(read, holds: events)
        #expect(read.matches(again))
        #expect(TreeDump(read.base).difference(from: TreeDump(base)) == nil)
        Self.expectTimes(of: read.base, as: base)
        let middle = random.below(read.count + 1)
        for count in [0, middle, read.count] {
            let expected = TreeDump(try memory.recording().tree(after: count))
            #expect(TreeDump(try read.tree(after: count)).difference(from: expected) == nil)
        }
        // A crash state of what was read must not need the recording that it was read by.
        var late = try { try Recording(path: path).tree(after: read.count) }()
        var early = try read.tree(after: read.count)
        #expect(late.settle() == early.settle())
    }

    /// Those operations that do without what lies in the base without a name: that is not stored, and no run begins with
    /// it.
    private static func operations(
        _ operations: ArraySlice<Operation>, on base: FileTree
    ) -> [Operation] {
        var tree = base
        base.inodes.visit { index, _ in
            tree.forget(InodeNumber(index))
            return true
        }
        return operations.filter { operation in
            guard let effects = try? tree.effects(of: operation) else { return false }
            tree.apply(effects)
            return true
        }
    }

    private static func expectTimes(of tree: FileTree, as other: FileTree) {
        var paths: [[FileName]: InodeNumber] = [:]
        other.visit { paths[$0.path] = $0.inode }
        tree.visit { visited in
            guard let number = paths[visited.path] else { return }
            #expect(tree[visited.inode]?.accessed == other[number]?.accessed)
            #expect(tree[visited.inode]?.modified == other[number]?.modified, "\(visited.path)")
        }
    }

    @Test("a base with a sparse file, hard links, and times that its directories were given")
    func base() throws {
        var base = FileTree(rootMode: 0o700)
        let bytes = OwnedBytes([UInt8](repeating: 9, count: 5000))
        base.keep(bytes)
        let file = InodeNumber(2)
        let far: UInt64 = 1 << 50
        let old = AttributeChange(
            accessed: Timestamp(nanoseconds: 1), modified: Timestamp(nanoseconds: 2))
        for operation: Operation in [
            .create(file, at: DirectoryEntry(.root, "sparse"), .file),
            .write(file, offset: far, bytes.bytes, .call),
            .write(file, offset: 100, bytes.bytes, .call),
            .setSize(file, far + 100_000),
            .create(InodeNumber(3), at: DirectoryEntry(.root, "dir"), .directory),
            .link(file, at: DirectoryEntry(InodeNumber(3), "twin")),
            .setAttributes(InodeNumber(3), old), .setAttributes(.root, old),
        ] {
            base.apply(try base.effects(of: operation), at: Timestamp(nanoseconds: 5))
        }

        let writer = try writer("r", base: base)
        try writer.seal()
        let read = try Recording(path: folder.file("r")).base

        #expect(TreeDump(read).difference(from: TreeDump(base)) == nil)
        #expect(read.lookUp(path: "dir/twin") == read.lookUp(path: "sparse"))
        #expect(read[file]?.content.allocatedBlocks == base[file]?.content.allocatedBlocks)
        Self.expectTimes(of: read, as: base)
        var status = stat()
        #expect(stat(folder.file("r"), &status) == 0)
        #expect(status.st_size < 40_000)
    }

    @Test("payload that is already at its place", arguments: [true, false])
    func inPlace(inFile: Bool) throws {
        let writer = try writer(inFile ? "r" : nil)
        try writer.append(.operation(Samples.operations[0]), thread: 0)
        var random = TestRandom(seed: 1)
        var events: [Record.Event] = [.operation(Samples.operations[0])]
        let pool = BytePool()

        for sequence in 1..<200 {
            let bytes = random.bytes(random.element(of: [0, 1, 15, 16, 17, 4096, 10_000]))
            let request = try writer.space(80 + bytes.count)
            #expect(request.payload == request.start + 80)
            #expect(UInt(bitPattern: request.start) % 16 == 0)
            // A request's own header comes before the payload.
            memset(request.start, 0xee, 80)
            let placed = bytes.withUnsafeBytes { request.place($0) }
            switch random.below(4) {
            case 0:
                // The request turned out to be another; what was received is overwritten.
                try writer.append(.operation(.sync(.everything)), thread: UInt32(sequence))
                events.append(.operation(.sync(.everything)))
            case 1:
                try writer.append(request, as: .mark(placed), thread: UInt32(sequence))
                events.append(.mark(pool.add(bytes)))
            default:
                let write = Operation.write(Samples.file, offset: 77, placed, .mapping)
                try writer.append(
                    request, as: .operation(write), thread: UInt32(sequence))
                let operation = Operation.write(
                    Samples.file, offset: 77, pool.add(bytes), .mapping)
                events.append(.operation(operation))
            }
        }

        expect(writer.recording(), holds: events)
        if inFile {
            expect(try Recording(path: folder.file("r")), holds: events)
            try writer.seal()
            expect(try Recording(path: folder.file("r")), holds: events)
        }
    }

    @Test("payload that overlaps its place is moved there whole")
    func overlapping() throws {
        let writer = try writer()
        try writer.append(.operation(Samples.operations[0]), thread: 0)
        let expected = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let space = try writer.space(2000).start
        _ = expected.withUnsafeBytes { memcpy(space + 90, $0.baseAddress!, $0.count) }

        let received = Bytes(start: UnsafeRawPointer(space + 90), count: 1000)
        try writer.append(.operation(.write(Samples.file, offset: 0, received, .call)), thread: 1)

        let pool = BytePool()
        let write = Operation.write(Samples.file, offset: 0, pool.add(expected), .call)
        expect(
            writer.recording(), holds: [.operation(Samples.operations[0]), .operation(write)])
    }

    @Test(
        "what waits behind a request comes behind its record, or in its place",
        arguments: [true, false])
    func behind(isRecorded: Bool) throws {
        let writer = try writer()
        let pool = BytePool()
        let mark = Record.Event.mark(pool.add(Array("@ack 1\n".utf8)))
        let fault = Record.Event.fault(Fault(operation: "mark", effect: "200ms", path: ""))
        let request = try writer.space(2000)
        let placed = Array("@ack 1\n".utf8).withUnsafeBytes { request.place($0) }

        writer.append(fault, behind: request, thread: isRecorded ? 1 : 0)
        if isRecorded {
            try writer.append(request, as: .mark(placed), thread: 0)
        } else {
            _ = consume request
            _ = try writer.space(2000)
        }

        expect(writer.recording(), holds: isRecorded ? [mark, fault] : [fault])
    }

    @Test("a recording taken early does not see what comes later")
    func early() throws {
        let writer = try writer("r")
        try writer.append(all: Samples.events.prefix(5))
        let early = writer.recording()
        try writer.append(all: Samples.events.dropFirst(5))
        try writer.seal()

        expect(early, holds: Array(Samples.events.prefix(5)))
        expect(writer.recording(), holds: Samples.events)
    }

    @Test("more than the arena grows by at a time")
    func large() throws {
        let writer = try writer("r")
        try writer.append(.operation(Samples.operations[0]), thread: 0)
        let block = OwnedBytes((0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 / 3) })
        let write = Record.Event.operation(.write(Samples.file, offset: 0, block.bytes, .call))
        for sequence in 1...70 { try writer.append(write, thread: UInt32(sequence)) }
        let events =
            [.operation(Samples.operations[0])] + [Record.Event](repeating: write, count: 70)

        expect(try Recording(path: folder.file("r")), holds: events)
        try writer.seal()
        expect(try Recording(path: folder.file("r")), holds: events)
        expect(writer.recording(), holds: events)
    }
}
