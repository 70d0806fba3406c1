import FileTree
import Glibc

/// A request, received where the next record goes.
///
/// The record's header will take the place of the request's first 80 bytes, and what lies behind them stays: so a write is
/// recorded without a copy. The bytes die with the next record, whatever it is of. So this value cannot be copied: whoever
/// makes a record of the request uses it up (`RecordingWriter.append(_:as:thread:)`), whoever records something else in its
/// stead lets it go before, and what is to be noted of it while it is needed is recorded behind it
/// (`RecordingWriter.append(_:behind:thread:)`).
package struct ReceivedRequest: ~Copyable {
    /// Where its first byte is.
    package let start: UnsafeMutableRawPointer
    private let space: Int

    /// - Parameter space: bytes that may be touched from `start` on.
    package init(at start: UnsafeMutableRawPointer, space: Int) {
        self.start = start
        self.space = space
    }

    /// Where bytes must lie to be recorded as they are.
    package var payload: UnsafeMutableRawPointer { start + RecordHeader.size }

    /// Moves bytes to where they must lie, unless they are there already.
    package borrowing func place(_ bytes: UnsafeRawBufferPointer) -> Bytes {
        precondition(RecordHeader.size + bytes.count <= space, "more bytes than were made room for")
        if let source = bytes.baseAddress, source != UnsafeRawPointer(payload) {
            memmove(payload, source, bytes.count)
        }
        return Bytes(start: UnsafeRawPointer(payload), count: bytes.count)
    }
}
