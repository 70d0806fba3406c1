import CSupport
import Recording
import TestSupport

/// A recording file put together byte by byte, with all hashes right and anything else as wrong as a test wants it.
///
/// It says the format a second time, on purpose: a change of the format that is not meant as one fails here.
struct RawRecording {
    var version: UInt32 = 1
    /// 1: a base tree follows.
    var flags: UInt32 = 0
    var nonce: UInt64 = 0x1234_5678_9abc_def0
    var records: [RawRecord] = []
    var isSealed = false
    var sealTime: UInt64 = 0

    static let headerSize = 64

    /// Takes a sound file apart; what does not look like a record ends it.
    init(parsing bytes: [UInt8]) {
        version = load(bytes, 16)
        flags = load(bytes, 20)
        nonce = load(bytes, 24)
        var offset = Self.headerSize
        while offset + RawRecord.size <= bytes.count {
            let record = RawRecord(parsing: bytes, at: offset)
            if record.kind == RawRecord.seal {
                isSealed = true
                sealTime = record.time
                break
            }
            if record.kind == 0 { break }
            records.append(record)
            offset += record.paddedSize
        }
    }

    init(_ records: [RawRecord]) {
        self.records = records
    }

    var bytes: [UInt8] {
        var all = Array("PERJURYRECORDING".utf8)
        store(version, in: &all)
        store(flags, in: &all)
        store(nonce, in: &all)
        store(hash(all[...], 0), in: &all)
        all += [UInt8](repeating: 0, count: Self.headerSize - all.count)
        var hashes: UInt64 = 0
        for (index, record) in records.enumerated() {
            let payloadHash = isSealed ? hash(record.payload[...], 0) | 1 : 0
            hashes = mix(hashes, payloadHash)
            all += record.bytes(number: index, payloadHash: payloadHash, nonce)
        }
        if isSealed {
            var seal = RawRecord(kind: RawRecord.seal, flags: 0x80)
            seal.a = hashes
            seal.time = sealTime
            all += seal.bytes(number: records.count, payloadHash: 0, nonce)
        }
        return all
    }
}

/// The fields of a record's header, by their names in the format.
struct RawRecord {
    var kind: UInt8
    var flags: UInt8 = 0
    var nameLength: UInt16 = 0
    var time: UInt64 = 0
    var thread: UInt32 = 0
    var d: UInt32 = 0
    var inode: UInt64 = 0
    var a: UInt64 = 0
    var b: UInt64 = 0
    var c: UInt64 = 0
    var payload: [UInt8] = []
    /// Lies, when set.
    var payloadLength: UInt32?
    var sequence: UInt64?

    static let size = 80
    static let seal: UInt8 = 0x7f
    /// Kinds by number, from 1 on.
    static let kinds: [String] = [
        "", "create", "createUnnamed", "link", "remove", "rename", "write", "setSize", "allocate",
        "setAttributes", "setExtendedAttribute", "sync", "mark",
    ]

    init(kind: UInt8, flags: UInt8 = 0) {
        self.kind = kind
        self.flags = flags
    }

    init(_ kind: String, flags: UInt8 = 0, _ change: (inout RawRecord) -> Void = { _ in }) {
        self.init(kind: UInt8(Self.kinds.firstIndex(of: kind)!), flags: flags)
        change(&self)
    }

    init(parsing bytes: [UInt8], at offset: Int) {
        kind = bytes[offset]
        flags = bytes[offset + 1]
        nameLength = load(bytes, offset + 2)
        time = load(bytes, offset + 8)
        thread = load(bytes, offset + 16)
        d = load(bytes, offset + 20)
        inode = load(bytes, offset + 24)
        a = load(bytes, offset + 32)
        b = load(bytes, offset + 40)
        c = load(bytes, offset + 48)
        let length = Int(load(bytes, offset + 4) as UInt32)
        payload = Array(bytes[offset + Self.size..<offset + Self.size + length])
    }

    /// Puts `name` before the rest of the payload.
    mutating func setName(_ name: String, rest: String = "") {
        nameLength = UInt16(name.utf8.count)
        payload = Array((name + rest).utf8)
    }

    var paddedSize: Int { (Self.size + payload.count + 15) / 16 * 16 }

    func bytes(number: Int, payloadHash: UInt64, _ nonce: UInt64) -> [UInt8] {
        var all = [kind, flags]
        store(nameLength, in: &all)
        store(payloadLength ?? UInt32(payload.count), in: &all)
        store(time, in: &all)
        store(thread, in: &all)
        store(d, in: &all)
        for field in [inode, a, b, c, sequence ?? UInt64(number)] { store(field, in: &all) }
        let headerHash = hash(all[...], nonce) | 1
        store(payloadHash, in: &all)
        store(headerHash, in: &all)
        all += payload
        return all + [UInt8](repeating: 0, count: paddedSize - all.count)
    }
}

private func store<T: FixedWidthInteger>(_ value: T, in bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
}

private func load<T: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int) -> T {
    bytes.withUnsafeBytes {
        T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}

private func hash(_ bytes: ArraySlice<UInt8>, _ seed: UInt64) -> UInt64 {
    bytes.withUnsafeBytes { perjury_hash($0.baseAddress, $0.count, seed) }
}

private func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = (a ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: b ^ 0xe703_7ed1_a0b4_28db)
    return product.high ^ product.low
}
