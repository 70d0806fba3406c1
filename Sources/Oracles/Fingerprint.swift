/// The name of a cause, the same over runs, machines and record numbers: `lost-commit-5c1f03aa`.
///
/// The kind of violation, and eight hexadecimal digits of a hash of what caused it. People write it into `known:` and into
/// baselines, so its form is fixed.
package struct Fingerprint: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let kind: ViolationKind
    /// The lower 32 bits of a hash of the cause.
    package let hash: UInt32

    package init(_ kind: ViolationKind, hash: UInt64) {
        self.kind = kind
        self.hash = UInt32(truncatingIfNeeded: hash)
    }

    /// nil where the text is none.
    package init?(_ text: String) {
        guard let dash = text.lastIndex(of: "-"),
            let kind = ViolationKind(rawValue: String(text[..<dash]))
        else { return nil }
        let digits = text[text.index(after: dash)...]
        guard digits.utf8.count == 8, digits.allSatisfy(\.isHexDigit),
            digits == digits.lowercased(),
            let hash = UInt32(digits, radix: 16)
        else { return nil }
        self.kind = kind
        self.hash = hash
    }

    package var description: String {
        let digits = String(hash, radix: 16)
        return kind.rawValue + "-" + String(repeating: "0", count: 8 - digits.count) + digits
    }

    package static func < (left: Fingerprint, right: Fingerprint) -> Bool {
        (left.kind, left.hash) < (right.kind, right.hash)
    }
}
