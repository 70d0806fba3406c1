import Basics
import CSupport
import Glibc

/// One block of a file: a base of 4096 bytes (or none: zeros) and slices written over it since.
///
/// Slices keep a 24-byte write from costing a 4 KiB copy; past `sliceLimit` they are folded into a base of the chunk's
/// own, so that reading stays cheap.
struct Chunk: Sendable {
    private nonisolated(unsafe) var base: UnsafeRawPointer?
    /// Keeps a base that is not in an arena alive.
    private var fold: FoldedBlock?
    private var slices: ContiguousArray<Slice> = []
    /// Meaningful only when `isHashed`. 0 stands for all zeros.
    private var hash: UInt64 = 0
    var isHashed = false

    private static let sliceLimit = 12

    private struct Slice: @unchecked Sendable {
        let start: Int32
        let count: Int32
        let bytes: UnsafeRawPointer
    }

    /// 4096 zero bytes.
    nonisolated(unsafe) static let zeros: UnsafeRawPointer = {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: Block.size, alignment: 16)
        memset(memory, 0, Block.size)
        return UnsafeRawPointer(memory)
    }()

    private static let hashOfZeros = perjury_hash(zeros, Block.size, 0)

    /// Whether nothing was ever written here, or all of it was taken away again.
    var isEmpty: Bool { base == nil && slices.isEmpty }

    mutating func clear() {
        base = nil
        fold = nil
        slices = []
    }

    mutating func write(_ range: Range<Int>, _ bytes: UnsafeRawPointer) {
        if range.count == Block.size {
            base = bytes
            fold = nil
            slices = []
            return
        }
        if let last = slices.last, last.start == range.lowerBound, last.count == range.count {
            slices.removeLast()
        }
        slices.append(
            Slice(start: Int32(range.lowerBound), count: Int32(range.count), bytes: bytes))
        if slices.count > Self.sliceLimit { foldSlices() }
    }

    private mutating func foldSlices() {
        let block = FoldedBlock()
        copy(0..<Block.size, to: block.memory)
        base = UnsafeRawPointer(block.memory)
        fold = block
        slices = []
    }

    func copy(_ range: Range<Int>, to destination: UnsafeMutableRawPointer) {
        if let base {
            memcpy(destination, base + range.lowerBound, range.count)
        } else {
            memset(destination, 0, range.count)
        }
        for slice in slices {
            let low = max(Int(slice.start), range.lowerBound)
            let high = min(Int(slice.start + slice.count), range.upperBound)
            if low < high {
                memcpy(
                    destination + (low - range.lowerBound), slice.bytes + (low - Int(slice.start)),
                    high - low)
            }
        }
    }

    func isZero(_ range: Range<Int>) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: range.count, alignment: 16) { buffer in
            copy(range, to: buffer.baseAddress!)
            return memcmp(buffer.baseAddress!, Self.zeros, range.count) == 0
        }
    }

    mutating func computeHash() {
        if slices.isEmpty {
            hash = base.map { perjury_hash($0, Block.size, 0) } ?? 0
        } else {
            hash = withUnsafeTemporaryAllocation(byteCount: Block.size, alignment: 16) { buffer in
                copy(0..<Block.size, to: buffer.baseAddress!)
                return perjury_hash(buffer.baseAddress!, Block.size, 0)
            }
        }
        if hash == Self.hashOfZeros { hash = 0 }
        isHashed = true
    }

    /// What this chunk adds to the hash of its file: nothing when it holds only zeros.
    func contribution(at block: UInt64) -> UInt64 {
        hash == 0 ? 0 : StableHash.mix(hash, block &+ 1)
    }
}

private final class FoldedBlock: @unchecked Sendable {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: Block.size, alignment: 16)

    deinit {
        memory.deallocate()
    }
}
