/// A record that can tell whether it is whole: length, CRC-32 of the payload (both 32 bits,
/// little-endian), payload. An empty payload is no record, so that zeros end a scan.
enum Framing {
    static let headerSize = 8

    static func frame(_ payload: [UInt8]) -> [UInt8] {
        precondition(!payload.isEmpty, "an empty payload cannot be told from zeros")
        return bytes(UInt32(payload.count)) + bytes(checksum(payload[...])) + payload
    }

    /// The payloads of the whole records at the start of `file`, and where the last of them ends.
    ///
    /// - Parameter verifying: whether a payload must match its checksum.
    static func records(
        in file: [UInt8], verifying: Bool = true
    ) -> (payloads: [[UInt8]], end: Int) {
        var payloads: [[UInt8]] = []
        var end = 0
        while file.count - end > headerSize {
            let length = Int(number(in: file, at: end))
            let start = end + headerSize
            guard length > 0, length <= file.count - start else { break }
            let payload = file[start..<start + length]
            if verifying && checksum(payload) != number(in: file, at: end + 4) { break }
            payloads.append(Array(payload))
            end = start + length
        }
        return (payloads, end)
    }

    /// The payload of a file that is one record; nil when it is anything else.
    static func onlyRecord(in file: [UInt8]) -> [UInt8]? {
        let (payloads, end) = records(in: file)
        return payloads.count == 1 && end == file.count ? payloads[0] : nil
    }

    static func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * UInt32($0))) }
    }

    static func number(in bytes: [UInt8], at offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }

    /// CRC-32 as in zlib and Ethernet (reflected polynomial 0xEDB88320).
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { $0 >> 8 ^ remainders[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
    }

    /// By byte: what eight steps of the division leave of it.
    private static let remainders: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in
            value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0)
        }
    }
}

/// An append-only file of framed records.
struct RecordLog {
    let file: File
    /// Where the next record goes.
    private(set) var end: Int

    static func create(_ path: String) throws { try File(creating: path).close() }

    /// Opens the log and hands each whole record to `body`, oldest first.
    ///
    /// What follows the last whole record was in flight when the power went: it is cut off. What was
    /// read is synced before it counts, because after a mere process crash it may still be in memory.
    ///
    /// - Parameter verifying: whether a record must match its checksum to be whole.
    init(path: String, verifying: Bool = true, each body: ([UInt8]) throws -> Void) throws {
        file = try File(path: path)
        let (payloads, end) = Framing.records(in: try file.contents(), verifying: verifying)
        self.end = end
        if try file.size() > end { try file.truncate(to: end) }
        try file.sync()
        for payload in payloads { try body(payload) }
    }

    var isEmpty: Bool { end == 0 }

    /// Appends; not durable before `file.sync()`.
    mutating func append(_ payload: [UInt8]) throws {
        let record = Framing.frame(payload)
        try file.write(record, at: end)
        end += record.count
    }

    /// Drops all records; not durable before `file.sync()`.
    mutating func removeAll() throws {
        try file.truncate(to: 0)
        end = 0
    }
}
