/// The identity of a file, directory or other object within one run; never reused within it.
package struct InodeNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The root directory. It is 1 because that is what FUSE calls a mount's root.
    package static let root = InodeNumber(1)

    package static func < (a: InodeNumber, b: InodeNumber) -> Bool {
        a.rawValue < b.rawValue
    }

    package var description: String { "i\(rawValue)" }
}
