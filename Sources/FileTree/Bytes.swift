import Glibc

/// Immutable bytes that an arena owns.
///
/// A `Bytes` does not keep its arena alive: whoever holds it also holds the owner (a `FileTree` keeps the owners of
/// all bytes it refers to). Copying one copies an address and a length.
package struct Bytes: Equatable, @unchecked Sendable {
    package let start: UnsafeRawPointer
    package let count: Int

    package init(start: UnsafeRawPointer, count: Int) {
        self.start = start
        self.count = count
    }

    /// The part of these bytes in `range`, which counts from their first byte.
    package func slice(_ range: Range<Int>) -> Bytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "slice outside its bytes")
        return Bytes(start: start + range.lowerBound, count: range.count)
    }

    package var buffer: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: start, count: count)
    }

    package var array: [UInt8] { Array(buffer) }

    package static func == (a: Bytes, b: Bytes) -> Bool {
        a.count == b.count && (a.start == b.start || memcmp(a.start, b.start, a.count) == 0)
    }
}

/// Bytes with an owner of their own, for trees that are built without a recording.
package final class OwnedBytes: Sendable {
    package let bytes: Bytes

    package init(_ array: [UInt8]) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(array.count, 1), alignment: 16)
        array.withUnsafeBytes {
            memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count)
        }
        bytes = Bytes(start: memory, count: array.count)
    }

    deinit {
        bytes.start.deallocate()
    }
}
