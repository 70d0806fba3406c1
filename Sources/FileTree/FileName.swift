/// One component of a path: any bytes but `/` and NUL. It need not be UTF-8.
package struct FileName: Hashable, Comparable, Sendable, CustomStringConvertible,
    ExpressibleByStringLiteral
{
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(_ text: String) {
        bytes = Array(text.utf8)
    }

    package init(stringLiteral text: String) {
        self.init(text)
    }

    /// The longest name that Linux filesystems take, in bytes.
    package static let maximumLength = 255

    /// Whether a directory can hold it, its length aside: not empty, not `.` or `..`, no `/`, no NUL.
    package var canBeEntry: Bool {
        switch bytes.count {
        case 0: return false
        case 1 where bytes[0] == UInt8(ascii: "."): return false
        case 2 where bytes[0] == UInt8(ascii: ".") && bytes[1] == UInt8(ascii: "."): return false
        default: return !bytes.contains { $0 == 0 || $0 == UInt8(ascii: "/") }
        }
    }

    package static func < (a: FileName, b: FileName) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }

    package var description: String { String(decoding: bytes, as: UTF8.self) }
}

/// A place for a name: one directory, one name in it.
package struct DirectoryEntry: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let directory: InodeNumber
    package let name: FileName

    package init(_ directory: InodeNumber, _ name: FileName) {
        self.directory = directory
        self.name = name
    }

    package static func < (a: DirectoryEntry, b: DirectoryEntry) -> Bool {
        (a.directory, a.name) < (b.directory, b.name)
    }

    package var description: String { "\(directory)/\(name)" }
}
