import FileTree
import Glibc
import Recording
import TestSupport
import Testing

/// What the death of the recorder leaves: a file whose last records may be missing, and behind them zeros or part of a
/// request.
@Suite("Recordings without a seal")
struct UnsealedTests {
    let folder = try! TemporaryFolder()

    /// A recording, and where the header of each of its records begins; the last offset is the end.
    private func written(
        _ events: [Record.Event], base: FileTree = FileTree()
    ) throws -> (bytes: [UInt8], offsets: [Int]) {
        let path = folder.file("whole")
        let arena = try Arena(creating: path)
        let writer = try RecordingWriter(arena: arena, base: base, storesBase: true)
        try writer.append(all: events)
        let end = writer.end
        return (try FileBytes.read(path, limit: end + 1000), Array(writer.offsets) + [end])
    }

    private func expect(_ bytes: [UInt8], holds events: some Sequence<Record.Event>) throws {
        let path = folder.file("damaged")
        try FileBytes.write(bytes, to: path)
        let recording = try Recording(path: path)
        RecordingTests.expect(recording, holds: Array(events))
        #expect(!recording.isComplete)
    }

    @Test("copied while it grows, it holds what had been appended", arguments: Seed.first(20))
    func copied(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let history = OperationGenerator.history(seed: seed, count: 120)
        let events = Samples.events(of: history.operations, history.bytes, seed: seed)
        let path = folder.file("r")
        let arena = try Arena(creating: path)
        let writer = try RecordingWriter(arena: arena, base: FileTree(), storesBase: true)

        for (sequence, event) in events.enumerated() {
            try writer.append(event, thread: UInt32(sequence))
            guard random.oneIn(10) else { continue }
            // A request that is being received stands behind the last record.
            let space = try writer.space(2000).start
            for index in 0..<random.below(2000) {
                space.storeBytes(
                    of: UInt8(truncatingIfNeeded: random.next()), toByteOffset: index,
                    as: UInt8.self)
            }
            let bytes = try FileBytes.read(path, limit: 1 << 20)
            try expect(bytes, holds: events[...sequence])
        }
    }

    @Test("cut at every length, it holds its whole records")
    func cut() throws {
        let events = Array(Samples.events.prefix(25))
        let (bytes, offsets) = try written(events)
        for length in offsets[0]..<bytes.count {
            // A record is whole without the padding behind it.
            let whole = zip(offsets, events).prefix { offset, _ in
                offset + 80 + payloadLength(bytes, offset) <= length
            }
            try expect(Array(bytes[..<length]), holds: whole.map(\.1))
        }
    }

    private func payloadLength(_ bytes: [UInt8], _ offset: Int) -> Int {
        bytes.withUnsafeBytes {
            Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)))
        }
    }

    @Test("a garbled end does not hide what stands before it", arguments: Seed.first(100))
    func garbled(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let history = OperationGenerator.history(seed: seed, count: 60)
        let events = Samples.events(of: history.operations, history.bytes, seed: seed)
        var (bytes, offsets) = try written(events)
        let whole = random.below(offsets.count)
        // Somewhere in the header of the first record that is not whole.
        let start = offsets[whole] + random.below(80)
        for index in start..<bytes.count {
            bytes[index] = random.oneIn(3) ? 0 : UInt8(truncatingIfNeeded: random.next())
        }
        try expect(bytes, holds: events[..<whole])
    }

    @Test("cut within its base tree, it is refused")
    func cutInBase() throws {
        let base = try OperationGenerator.history(seed: 3, count: 40).fileTree()
        let (bytes, offsets) = try written([.mark(OwnedBytes([]).bytes)], base: base)
        let path = folder.file("damaged")
        for length in stride(from: 0, to: offsets[0], by: 5) {
            try FileBytes.write(Array(bytes[..<length]), to: path)
            #expect(throws: RecordingError.self) { try Recording(path: path) }
        }
        try FileBytes.write(Array(bytes[..<offsets[0]]), to: path)
        #expect(try Recording(path: path).count == 0)
    }

    @Test("a gap in the middle is damage, not an end")
    func gap() throws {
        let events = Array(Samples.events.prefix(20))
        let (bytes, offsets) = try written(events)
        let path = folder.file("damaged")
        for (offset, next) in zip(offsets, offsets.dropFirst()).dropLast() {
            var damaged = bytes
            for index in offset..<next { damaged[index] = 0 }
            try FileBytes.write(damaged, to: path)
            #expect(throws: RecordingError.self) { try Recording(path: path) }
            // Taken out, so that the next one follows with a number too high.
            damaged.removeSubrange(offset..<next)
            try FileBytes.write(damaged, to: path)
            #expect(throws: RecordingError.self) { try Recording(path: path) }
        }
    }

    @Test("killed at once, the recorder leaves all that it appended")
    func killed() async throws {
        let path = folder.file("r")
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let writer = try RecordingWriter(
                arena: try Arena(creating: path), base: FileTree(), storesBase: true)
            try writer.append(all: Samples.events)
            kill(getpid(), SIGKILL)
        }

        let recording = try Recording(path: path)
        RecordingTests.expect(recording, holds: Samples.events)
        #expect(!recording.isComplete)
    }

    @Test("no more space is an error that leaves the records whole")
    func noSpace() async throws {
        let path = folder.file("r")
        await #expect(processExitsWith: .success) { [path = path as String] in
            // The limit stands for a full disk: allocation fails in the same place.
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 40 << 20, rlim_max: 40 << 20)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let writer = try RecordingWriter(
                arena: try Arena(creating: path), base: FileTree(), storesBase: true)
            try writer.append(all: Samples.events)
            let block = OwnedBytes([UInt8](repeating: 1, count: 5 << 20))
            let write = Record.Event.operation(
                .write(Samples.file, offset: 0, block.bytes, .call))
            var failures = 0
            for _ in 0..<9 {
                do {
                    try writer.append(write)
                } catch {
                    failures += 1
                }
            }
            #expect(failures == 2)
            #expect(throws: (any Error).self) { _ = try writer.space(5 << 20) }
            // What is small still fits.
            try writer.append(.operation(.sync(.everything)))
            try writer.seal()
            #expect(writer.recording().count == Samples.events.count + 8)
        }

        let recording = try Recording(path: path)
        #expect(recording.isComplete)
        #expect(recording.count == Samples.events.count + 8)
        for (sequence, event) in Samples.events.enumerated() {
            #expect(recording[sequence].event == event)
        }
        withExtendedLifetime(recording) {}
    }

    @Test("no space for the file's beginning, or no such folder: an error, no file to be mistaken")
    func noBeginning() async throws {
        let path = folder.file("r")
        #expect(throws: (any Error).self) { try Arena(creating: folder.file("none/r")) }
        await #expect(processExitsWith: .success) { [path = path as String] in
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let arena = try Arena(creating: path)
            #expect(throws: (any Error).self) {
                try RecordingWriter(arena: arena, base: FileTree(), storesBase: true)
            }
        }
        #expect(throws: RecordingError.self) { try Recording(path: path) }
    }
}
