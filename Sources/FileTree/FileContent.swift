import Basics
import Glibc

/// The bytes of one file: an index into immutable bytes, O(1) to copy.
///
/// Bytes may stand beyond `size` within the last block; they are invisible until the file grows over them
/// (`trimmed` removes them).
package struct FileContent: Sendable {
    /// In bytes.
    package private(set) var size: UInt64 = 0
    private var chunks = SparseArray<Chunk>()
    /// Sum of what the hashed chunks give to the content's hash.
    private var sum: UInt64 = 0
    /// Chunks that changed since their hash was last taken.
    private var unhashed: ContiguousArray<UInt64> = []
    /// Blocks that hold data, for `st_blocks`.
    package private(set) var allocatedBlocks: UInt64 = 0

    package init() {}

    // MARK: Changing

    package mutating func write(block: UInt64, range: Range<Int>, bytes: UnsafeRawPointer) {
        change(block) { chunk in chunk.write(range, bytes) }
    }

    package mutating func zero(block: UInt64, range: Range<Int>) {
        guard let chunk = chunks[block], !chunk.isEmpty else { return }
        if range.count == Block.size {
            change(block) { chunk in chunk.clear() }
        } else {
            change(block) { chunk in chunk.write(range, Chunk.zeros) }
        }
    }

    package mutating func punch(blocks: Range<UInt64>) {
        var present: [UInt64] = []
        chunks.visit(from: blocks.lowerBound) { block, chunk in
            guard block < blocks.upperBound else { return false }
            if !chunk.isEmpty { present.append(block) }
            return true
        }
        for block in present { change(block) { chunk in chunk.clear() } }
    }

    package mutating func grow(to newSize: UInt64) {
        size = max(size, newSize)
    }

    package mutating func setSize(_ newSize: UInt64) {
        dropBlocks(from: Block.indexRoundedUp(newSize))
        size = newSize
    }

    private mutating func dropBlocks(from first: UInt64) {
        var found = false
        chunks.visit(from: first) { block, chunk in
            if chunk.isHashed { sum &-= chunk.contribution(at: block) }
            if !chunk.isEmpty { allocatedBlocks -= 1 }
            found = true
            return true
        }
        guard found else { return }
        if !unhashed.isEmpty { unhashed.removeAll { $0 >= first } }
        chunks.removeAll(from: first)
    }

    /// Drops the bytes beyond the size.
    package mutating func trim() {
        let first = Block.indexRoundedUp(size)
        dropBlocks(from: first)
        let tail = Int(size % UInt64(Block.size))
        if tail > 0, let last = chunks[Block.index(of: size)], !last.isZero(tail..<Block.size) {
            zero(block: Block.index(of: size), range: tail..<Block.size)
        }
    }

    private mutating func change(_ block: UInt64, _ body: (inout Chunk) -> Void) {
        var removed: UInt64 = 0
        var wasHashed = false
        var wasEmpty = true
        var isEmpty = true
        chunks.update(block) { chunk in
            wasEmpty = chunk?.isEmpty ?? true
            if chunk == nil {
                chunk = Chunk()
                wasHashed = true
            } else if chunk!.isHashed {
                wasHashed = true
                removed = chunk!.contribution(at: block)
                chunk!.isHashed = false
            }
            body(&chunk!)
            isEmpty = chunk!.isEmpty
        }
        sum &-= removed
        if wasEmpty != isEmpty {
            allocatedBlocks = isEmpty ? allocatedBlocks - 1 : allocatedBlocks + 1
        }
        if wasHashed { unhashed.append(block) }
    }

    // MARK: Reading

    /// Copies the bytes of `range`, which must lie within the size, to `destination`.
    package func copy(_ range: Range<UInt64>, to destination: UnsafeMutableRawPointer) {
        precondition(range.upperBound <= size, "read beyond the end")
        var cursor = destination
        Block.forEach(in: range) { block, part in
            if let chunk = chunks[block] {
                chunk.copy(part, to: cursor)
            } else {
                memset(cursor, 0, part.count)
            }
            cursor += part.count
        }
    }

    package func bytes(_ range: Range<UInt64>) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            if !range.isEmpty { copy(range, to: UnsafeMutableRawPointer(buffer.baseAddress!)) }
            count = range.count
        }
    }

    package var allBytes: [UInt8] { bytes(0..<size) }

    /// Where data is: the next offset at or after `offset` with data (or without), as SEEK_DATA and SEEK_HOLE want it;
    /// nil when there is no data any more. The end of the file counts as a hole.
    package func seek(data: Bool, from offset: UInt64) -> UInt64? {
        var block = Block.index(of: offset)
        if data {
            var found: UInt64?
            chunks.visit(from: block) { index, chunk in
                if chunk.isEmpty { return true }
                found = index
                return false
            }
            guard let found else { return nil }
            let start = max(offset, found * UInt64(Block.size))
            return start < size ? start : nil
        }
        while let chunk = chunks[block], !chunk.isEmpty, block * UInt64(Block.size) < size {
            block += 1
        }
        return min(size, max(offset, block * UInt64(Block.size)))
    }

    /// Calls `body` with every block that holds data, by rising index.
    package func forEachBlock(_ body: (UInt64) -> Void) {
        chunks.visit { block, chunk in
            if !chunk.isEmpty { body(block) }
            return true
        }
    }

    // MARK: Hash

    /// The hash of size and visible bytes, holes counting as zeros. `trim` first.
    package mutating func hash() -> UInt64 {
        for block in unhashed {
            chunks.update(block) { chunk in
                guard chunk != nil, !chunk!.isHashed else { return }
                chunk!.computeHash()
                sum &+= chunk!.contribution(at: block)
            }
        }
        unhashed.removeAll(keepingCapacity: false)
        return StableHash.mix(sum, size)
    }
}
