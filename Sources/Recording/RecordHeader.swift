import Basics
import FileTree
import Glibc

/// The 80 bytes before each record's payload.
///
/// 80 is what FUSE puts before the bytes of a write (40 of request header, 40 of write header): a write's record takes
/// the place of the request's own header, and the payload stays where the kernel put it.
///
///     offset  size  field
///          0     1  kind            1 (RecordKind)
///          1     1  flags           by kind
///          2     2  nameLength      bytes of the payload that are the first name
///          4     4  payloadLength   bytes after the header; the next header is at the next multiple of 16
///          8     8  time            nanoseconds
///         16     4  thread
///         20     4  d               by kind
///         24     8  inode          by kind; so are a, b, c
///         32     8  a
///         40     8  b
///         48     8  c
///         56     8  sequence        counts all records of the file, base included, from 0
///         64     8  payloadHash     0 until the recording is sealed
///         72     8  headerHash      of the 64 bytes before payloadHash, seeded by the file's nonce
///
/// All numbers are little-endian.
struct RecordHeader {
    var kind: RecordKind
    var flags: UInt8 = 0
    var nameLength: UInt16 = 0
    var payloadLength: UInt32 = 0
    var time: UInt64 = 0
    var thread: UInt32 = 0
    var d: UInt32 = 0
    var inode: UInt64 = 0
    var a: UInt64 = 0
    var b: UInt64 = 0
    var c: UInt64 = 0
    var sequence: UInt64 = 0

    static let size = 80
    static let payloadHashOffset = 64
    static let headerHashOffset = 72

    /// Set on the records that build the base tree.
    static let baseFlag: UInt8 = 0x80

    init(_ kind: RecordKind) {
        self.kind = kind
    }

    /// Where the record after one at `offset` with this payload begins.
    static func next(after offset: Int, payloadLength: Int) -> Int {
        (offset + size + payloadLength + 15) & ~15
    }

    func store(at address: UnsafeMutableRawPointer, nonce: UInt64) {
        address.storeBytes(of: kind.rawValue, toByteOffset: 0, as: UInt8.self)
        address.storeBytes(of: flags, toByteOffset: 1, as: UInt8.self)
        address.storeBytes(of: nameLength.littleEndian, toByteOffset: 2, as: UInt16.self)
        address.storeBytes(of: payloadLength.littleEndian, toByteOffset: 4, as: UInt32.self)
        address.storeBytes(of: time.littleEndian, toByteOffset: 8, as: UInt64.self)
        address.storeBytes(of: thread.littleEndian, toByteOffset: 16, as: UInt32.self)
        address.storeBytes(of: d.littleEndian, toByteOffset: 20, as: UInt32.self)
        address.storeBytes(of: inode.littleEndian, toByteOffset: 24, as: UInt64.self)
        address.storeBytes(of: a.littleEndian, toByteOffset: 32, as: UInt64.self)
        address.storeBytes(of: b.littleEndian, toByteOffset: 40, as: UInt64.self)
        address.storeBytes(of: c.littleEndian, toByteOffset: 48, as: UInt64.self)
        address.storeBytes(of: sequence.littleEndian, toByteOffset: 56, as: UInt64.self)
        address.storeBytes(of: UInt64(0), toByteOffset: Self.payloadHashOffset, as: UInt64.self)
        address.storeBytes(
            of: Self.hash(at: UnsafeRawPointer(address), nonce: nonce).littleEndian,
            toByteOffset: Self.headerHashOffset, as: UInt64.self)
    }

    /// Whether the bytes are a header of this recording, of whatever kind.
    static func isSigned(at address: UnsafeRawPointer, nonce: UInt64) -> Bool {
        let stored = address.loadUnaligned(fromByteOffset: headerHashOffset, as: UInt64.self)
        return UInt64(littleEndian: stored) == hash(at: address, nonce: nonce)
    }

    /// - Returns: nil when the bytes are no header of this recording, or one of an unknown kind.
    init?(at address: UnsafeRawPointer, nonce: UInt64) {
        func load<T: FixedWidthInteger>(_ offset: Int, _: T.Type) -> T {
            T(littleEndian: address.loadUnaligned(fromByteOffset: offset, as: T.self))
        }
        guard Self.isSigned(at: address, nonce: nonce),
            let kind = RecordKind(rawValue: load(0, UInt8.self))
        else { return nil }
        self.kind = kind
        flags = load(1, UInt8.self)
        nameLength = load(2, UInt16.self)
        payloadLength = load(4, UInt32.self)
        time = load(8, UInt64.self)
        thread = load(16, UInt32.self)
        d = load(20, UInt32.self)
        inode = load(24, UInt64.self)
        a = load(32, UInt64.self)
        b = load(40, UInt64.self)
        c = load(48, UInt64.self)
        sequence = load(56, UInt64.self)
    }

    private static func hash(at address: UnsafeRawPointer, nonce: UInt64) -> UInt64 {
        // Never 0, so that zeroed space is no header.
        StableHash.of(UnsafeRawBufferPointer(start: address, count: payloadHashOffset), seed: nonce)
            | 1
    }
}

enum RecordKind: UInt8 {
    case create = 1
    case createUnnamed
    case link
    case remove
    case rename
    case write
    case setSize
    case allocate
    case setAttributes
    case setExtendedAttribute
    case sync
    case mark
    /// Something about the recording: the payload is a key and its value. No record of the run, wherever it stands.
    case note
    /// Something that the harness did to a request.
    case fault
    /// The last record of a recording that was ended in order; `a` is the hash of all payload hashes before it.
    case seal = 0x7f
}
