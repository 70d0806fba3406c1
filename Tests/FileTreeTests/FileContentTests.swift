import FileTree
import Glibc
import TestSupport
import Testing

/// A file as an array of bytes that are never forgotten: those beyond the size stay until the size is set, as in the
/// last block of a page cache.
private struct NaiveContent {
    var size = 0
    var data: [UInt8] = []
    /// Blocks that were written and not given back.
    var allocated: Set<Int> = []

    mutating func write(_ start: Int, _ bytes: [UInt8]) {
        if data.count < start + bytes.count {
            data += [UInt8](repeating: 0, count: start + bytes.count - data.count)
        }
        data.replaceSubrange(start..<start + bytes.count, with: bytes)
        allocated.insert(start / Block.size)
    }

    mutating func zero(_ range: Range<Int>) {
        for index in range where index < data.count { data[index] = 0 }
        for block in range.lowerBound / Block.size..<range.upperBound / Block.size
        where block * Block.size >= range.lowerBound {
            allocated.remove(block)
        }
    }

    mutating func setSize(_ newSize: Int) {
        let end = (newSize + Block.size - 1) / Block.size
        data = Array(data.prefix(end * Block.size))
        allocated = allocated.filter { $0 < end }
        size = newSize
    }

    mutating func trim() {
        setSize(size)
        data = Array(data.prefix(size))
    }

    var visible: [UInt8] {
        Array((data + [UInt8](repeating: 0, count: max(0, size - data.count))).prefix(size))
    }

    func seek(data wantsData: Bool, from offset: Int) -> Int? {
        for place in offset..<max(offset, size)
        where allocated.contains(place / Block.size) == wantsData {
            return place
        }
        return wantsData ? nil : size
    }
}

@Suite("File content")
struct FileContentTests {
    // The effects are applied as in a crash state: data without growth, growth over old bytes, sizes without the zeros
    // that go with them.
    @Test("holds what an array holds; forks do not see each other", arguments: Seed.first(200))
    func agreesWithArray(seed: Seed) {
        var random = TestRandom(seed: seed)
        let pool = BytePool()
        var sides = [(content: FileContent(), model: NaiveContent())]

        for step in 0..<150 {
            let side = random.below(sides.count)
            let block = random.below(5)
            let cuts = [0, 1, 100, 511, 512, 4095, 4096, random.below(4097)]
            let (a, b) = (random.element(of: cuts), random.element(of: cuts))
            let part = min(a, b)..<max(a, b)
            let range = block * Block.size + part.lowerBound..<block * Block.size + part.upperBound
            switch random.below(14) {
            case 0:
                if sides.count < 4 { sides.append(sides[side]) }
            case 1:
                let size = range.lowerBound
                sides[side].content.setSize(UInt64(size))
                sides[side].model.setSize(size)
            case 2..<5:
                sides[side].content.grow(to: UInt64(range.upperBound))
                sides[side].model.size = max(sides[side].model.size, range.upperBound)
            case 5 where !part.isEmpty:
                sides[side].content.zero(block: UInt64(block), range: part)
                sides[side].model.zero(range)
            case 6:
                let end = block + random.below(3)
                sides[side].content.punch(blocks: UInt64(block)..<UInt64(end))
                sides[side].model.zero(block * Block.size..<end * Block.size)
            case 7:
                sides[side].content.trim()
                sides[side].model.trim()
            case 8:
                _ = sides[side].content.hash()
            default:
                guard !part.isEmpty else { continue }
                let bytes = (0..<part.count).map { UInt8(truncatingIfNeeded: step + $0 / 7) }
                sides[side].content.write(
                    block: UInt64(block), range: part, bytes: pool.add(bytes).start)
                sides[side].model.write(range.lowerBound, bytes)
            }
            Self.compare(sides[side].content, sides[side].model, &random)
        }
        for (content, model) in sides { Self.compare(content, model, &random) }
    }

    private static func compare(
        _ content: FileContent, _ model: NaiveContent, _ random: inout TestRandom
    ) {
        #expect(content.size == UInt64(model.size))
        #expect(content.allBytes == model.visible)
        #expect(content.allocatedBlocks == UInt64(model.allocated.count))
        let start = random.below(model.size + 1)
        let end = start + random.below(model.size + 1 - start)
        #expect(content.bytes(UInt64(start)..<UInt64(end)) == Array(model.visible[start..<end]))
        for wantsData in [true, false] {
            let found = content.seek(data: wantsData, from: UInt64(start))
            #expect(found == model.seek(data: wantsData, from: start).map { UInt64($0) })
        }
    }

    @Test("many small overlapping writes in one block", arguments: Seed.first(50))
    func folds(seed: Seed) {
        var random = TestRandom(seed: seed)
        var content = FileContent()
        var expected = [UInt8](repeating: 0, count: Block.size)
        content.grow(to: UInt64(Block.size))
        var forks: [(FileContent, [UInt8])] = []
        // The bytes go as soon as they are folded into a block of the content's own, save the last dozen.
        var kept: [OwnedBytes] = []

        for step in 0..<200 {
            let start = random.below(Block.size - 64)
            let owned = OwnedBytes([UInt8](repeating: UInt8(step), count: 1 + random.below(64)))
            kept.append(owned)
            let range = start..<start + owned.bytes.count
            content.write(block: 0, range: range, bytes: owned.bytes.start)
            expected.replaceSubrange(range, with: owned.bytes.array)
            if step % 40 == 20 { forks.append((content, expected)) }
        }

        #expect(content.allBytes == expected)
        for (fork, bytes) in forks { #expect(fork.allBytes == bytes) }
        withExtendedLifetime(kept) {}
    }

    @Test("the last bytes that 63 bits can address")
    func farEnd() {
        let bytes = OwnedBytes([1, 2, 3])
        var content = FileContent()
        let last = FileTree.maximumFileSize
        let block = Block.index(of: last - 1)

        content.write(block: block, range: 4000..<4003, bytes: bytes.bytes.start)
        content.grow(to: last)

        let start = block * UInt64(Block.size)
        #expect(content.bytes(start + 4000..<start + 4003) == [1, 2, 3])
        #expect(content.seek(data: true, from: 0) == start)
        #expect(content.seek(data: false, from: 0) == 0)
        #expect(content.seek(data: false, from: start) == last)
        #expect(content.seek(data: true, from: last) == nil)
        #expect(content.allocatedBlocks == 1)
        content.trim()
        #expect(content.bytes(start + 4000..<start + 4003) == [1, 2, 3])
        withExtendedLifetime(bytes) {}
    }

    @Test("the content's hash knows size and visible bytes only")
    func hash() {
        let ones = OwnedBytes([UInt8](repeating: 1, count: 100))
        let zeros = OwnedBytes([UInt8](repeating: 0, count: Block.size))
        func content(_ body: (inout FileContent) -> Void) -> UInt64 {
            var content = FileContent()
            body(&content)
            content.trim()
            return content.hash()
        }
        func written(_ content: inout FileContent) {
            content.write(block: 1, range: 50..<150, bytes: ones.bytes.start)
            content.grow(to: 10_000)
        }

        let plain = content(written)
        #expect(
            plain
                == content {
                    written(&$0)
                    _ = $0.hash()
                    written(&$0)
                })
        #expect(
            plain
                == content {
                    $0.write(block: 0, range: 0..<4096, bytes: zeros.bytes.start)
                    $0.write(block: 2, range: 0..<4000, bytes: zeros.bytes.start)
                    written(&$0)
                })
        #expect(
            plain
                == content {
                    written(&$0)
                    $0.write(block: 5, range: 0..<9, bytes: ones.bytes.start)
                })
        #expect(
            plain
                == content {
                    written(&$0)
                    $0.write(block: 2, range: 1808..<1900, bytes: ones.bytes.start)
                })
        #expect(
            plain
                != content {
                    written(&$0)
                    $0.write(block: 2, range: 1807..<1900, bytes: ones.bytes.start)
                })
        #expect(
            plain
                != content {
                    written(&$0)
                    $0.grow(to: 10_001)
                })
        #expect(
            plain
                != content {
                    $0.write(block: 0, range: 50..<150, bytes: ones.bytes.start)
                    $0.grow(to: 10_000)
                })
        withExtendedLifetime((ones, zeros)) {}
    }
}
