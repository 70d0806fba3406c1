import FileTree
import Recording
import TestSupport
import Testing

// Half of the mutations keep all hashes right and change what is hashed: fields, payloads, the order of records. The other
// half changes bytes of the file. Whatever opens must be usable to its end; whatever does not, says so.
@Suite("Fuzzed recordings")
struct FuzzTests {
    let folder = try! TemporaryFolder()

    private func sound(_ seed: Seed) throws -> RawRecording {
        let history = OperationGenerator.history(seed: seed, count: 60)
        let base = try history.fileTree(after: 10)
        let path = folder.file("sound")
        let writer = try RecordingWriter(
            arena: try Arena(creating: path), base: base, storesBase: true)
        let events = Samples.events(
            of: Array(history.operations.dropFirst(10)), history.bytes, seed: seed)
        try writer.append(all: events)
        try writer.seal()
        return RawRecording(parsing: try FileBytes.read(path))
    }

    @Test(
        "thousands of mutations: an error, or a recording that can be used",
        arguments: Seed.first(60))
    func mutations(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let sound = try sound(seed)
        let path = folder.file("mutated")
        for _ in 0..<100 {
            var raw = sound
            raw.isSealed = random.oneIn(2)
            var bytes: [UInt8]
            if random.oneIn(2) {
                for _ in 0...random.below(3) { Self.mutate(&raw, &random) }
                bytes = raw.bytes
            } else {
                bytes = raw.bytes
                for _ in 0...random.below(4) { Self.mutate(&bytes, &random) }
            }
            try FileBytes.write(bytes, to: path)
            guard let recording = try? Recording(path: path) else { continue }
            try use(recording)
        }
    }

    /// Does with a recording all that the rest of the program does.
    private func use(_ recording: Recording) throws {
        var tree = try recording.tree(after: recording.count)
        tree.keep(recording.arena)
        let dump = TreeDump(tree)
        let hash = tree.settle()
        #expect(TreeDump(tree).difference(from: dump) == nil)

        // The tree can be the base of another run.
        let path = folder.file("again")
        let writer = try RecordingWriter(
            arena: try Arena(creating: path), base: tree, storesBase: true)
        try writer.seal()
        var again = try Recording(path: path).base
        #expect(TreeDump(again).difference(from: dump) == nil)
        #expect(again.settle() == hash)
    }

    private static let interesting: [UInt64] = [
        0, 1, 2, 3, 0x7f, 0x80, 0xff, 4095, 4096, 1 << 31, 1 << 32, 1 << 51, 1 << 62,
        UInt64(Int64.max), 1 << 63, .max,
    ]

    private static func mutate(_ raw: inout RawRecording, _ random: inout TestRandom) {
        let index = random.below(raw.records.count)
        let value = random.oneIn(3) ? random.next() : random.element(of: interesting)
        switch random.below(16) {
        case 0: raw.records[index].kind = UInt8(random.below(14))
        case 1: raw.records[index].flags = UInt8(truncatingIfNeeded: value)
        case 2: raw.records[index].flags ^= 0x80
        case 3: raw.records[index].nameLength = UInt16(truncatingIfNeeded: value)
        case 4: raw.records[index].inode = random.oneIn(2) ? UInt64(random.below(40)) : value
        case 5: raw.records[index].a = random.oneIn(2) ? UInt64(random.below(40)) : value
        case 6: raw.records[index].b = random.oneIn(2) ? UInt64(random.below(40)) : value
        case 7: raw.records[index].c = value
        case 8: raw.records[index].d = UInt32(truncatingIfNeeded: value)
        case 9: raw.records[index].payloadLength = UInt32(truncatingIfNeeded: value)
        case 10: raw.records[index].sequence = UInt64(random.below(raw.records.count + 1))
        case 11: raw.records.remove(at: index)
        case 12: raw.records.insert(raw.records[index], at: random.below(raw.records.count))
        case 13: raw.records.swapAt(index, random.below(raw.records.count))
        case 14: raw.records[index].payload = random.bytes(random.below(30))
        default:
            guard !raw.records[index].payload.isEmpty else { return }
            let place = random.below(raw.records[index].payload.count)
            raw.records[index].payload[place] = UInt8(truncatingIfNeeded: value)
        }
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout TestRandom) {
        let place = random.below(bytes.count)
        switch random.below(6) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes[place] ^= 1 << UInt8(random.below(8))
        case 2: bytes.removeLast(random.below(bytes.count - 1))
        case 3:
            let end = min(bytes.count, place + random.below(200))
            for index in place..<end { bytes[index] = 0 }
        case 4: bytes.insert(contentsOf: random.bytes(random.below(100)), at: place)
        default:
            let source = random.below(bytes.count)
            let count = min(random.below(300), bytes.count - max(place, source))
            bytes.replaceSubrange(
                place..<place + count, with: Array(bytes[source..<source + count]))
        }
    }
}
