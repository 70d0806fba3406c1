/// The header of a file in a ustar archive (POSIX.1-2017, pax, "ustar Interchange Format"), as a pack has it.
///
/// There is one way to write each: no owner, a regular file. A header that would not be written so is none of a pack's, so
/// nothing of it needs to be believed.
struct UstarHeader: Equatable {
    static let size = 512
    /// The octal digits of a size hold no more.
    static let largestFile: UInt64 = 1 << 33 - 1

    /// A path below the pack's folder.
    var name: String
    /// Permission bits.
    var mode: UInt32
    /// In bytes.
    var length: UInt64
    /// Seconds of the Unix clock.
    var modified: UInt64

    /// Offset and length of the fields.
    private enum Field {
        static let name = (0, 100)
        static let mode = (100, 8)
        static let owner = (108, 8)
        static let group = (116, 8)
        static let length = (124, 12)
        static let modified = (136, 12)
        static let checksum = (148, 8)
        static let kind = 156
        static let magic = 257
        static let prefix = (345, 155)
    }

    static let magic = Array("ustar\u{0}00".utf8)

    /// nil where the name does not fit.
    var bytes: [UInt8]? {
        guard let (prefix, name) = parts, length <= Self.largestFile else { return nil }
        var bytes = [UInt8](repeating: 0, count: Self.size)
        func put(_ text: some Collection<UInt8>, at offset: Int) {
            bytes.replaceSubrange(offset..<offset + text.count, with: text)
        }
        func put(_ number: UInt64, _ field: (Int, Int)) {
            let digits = String(number, radix: 8)
            let zeros = String(repeating: "0", count: field.1 - 1 - digits.utf8.count)
            put((zeros + digits).utf8, at: field.0)
        }
        put(name, at: Field.name.0)
        put(UInt64(mode & 0o777), Field.mode)
        put(0, Field.owner)
        put(0, Field.group)
        put(length, Field.length)
        put(min(modified, Self.largestFile), Field.modified)
        bytes[Field.kind] = UInt8(ascii: "0")
        put(Self.magic, at: Field.magic)
        put(prefix, at: Field.prefix.0)
        put([UInt8](repeating: UInt8(ascii: " "), count: 8), at: Field.checksum.0)
        let sum = bytes.reduce(0) { $0 + UInt64($1) }
        let digits = String(sum, radix: 8)
        put(String(repeating: "0", count: 6 - digits.utf8.count).utf8, at: Field.checksum.0)
        put(digits.utf8, at: Field.checksum.0 + 6 - digits.utf8.count)
        bytes[Field.checksum.0 + 6] = 0
        return bytes
    }

    /// The name in its two fields: split at a slash where it is long.
    private var parts: (prefix: [UInt8], name: [UInt8])? {
        let path = Array(name.utf8)
        if path.count <= Field.name.1 { return ([], path) }
        let slash = path.indices.first {
            path[$0] == UInt8(ascii: "/") && path.count - $0 - 1 <= Field.name.1
        }
        guard let slash, slash <= Field.prefix.1, slash > 0 else { return nil }
        return (Array(path[..<slash]), Array(path[(slash + 1)...]))
    }

    init(name: String, mode: UInt32, length: UInt64, modified: UInt64) {
        self.name = name
        self.mode = mode
        self.length = length
        self.modified = modified
    }

    /// - Parameter bytes: `size` of them.
    init(parsing bytes: [UInt8]) throws(PackError) {
        precondition(bytes.count == Self.size, "a header has \(Self.size) bytes")
        guard bytes[Field.magic..<Field.magic + Self.magic.count].elementsEqual(Self.magic) else {
            throw .damaged("where a member's header belongs is something else")
        }
        let prefix = Self.text(bytes, Field.prefix)
        name = (prefix.isEmpty ? "" : prefix + "/") + Self.text(bytes, Field.name)
        let kind = bytes[Field.kind]
        guard kind == UInt8(ascii: "0") else {
            throw PackError(
                "its member `\(name)` is \(Self.words(kind)), and a pack has files only")
        }
        mode = UInt32(truncatingIfNeeded: Self.number(bytes, Field.mode) ?? 0)
        length = Self.number(bytes, Field.length) ?? 0
        modified = Self.number(bytes, Field.modified) ?? 0
        guard self.bytes == bytes else {
            throw .damaged("the header of its member `\(name)` is not as perjury writes it")
        }
    }

    private static func text(_ bytes: [UInt8], _ field: (Int, Int)) -> String {
        String(decoding: bytes[field.0..<field.0 + field.1].prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func number(_ bytes: [UInt8], _ field: (Int, Int)) -> UInt64? {
        UInt64(text(bytes, field), radix: 8)
    }

    private static func words(_ kind: UInt8) -> String {
        switch kind {
        case UInt8(ascii: "1"): "a hard link"
        case UInt8(ascii: "2"): "a symbolic link"
        case UInt8(ascii: "3"), UInt8(ascii: "4"): "a device"
        case UInt8(ascii: "5"): "a folder"
        case UInt8(ascii: "6"): "a fifo"
        default: "of a kind of its own"
        }
    }
}
