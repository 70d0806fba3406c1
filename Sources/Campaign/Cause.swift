import Basics
import FileTree
import Oracles

/// Why a promise is broken: what findings of one fault have in common, under all models and in all runs.
///
/// No record number, crash point, model or seed is part of it, and files count by the pattern of their names. Two missing syncs
/// of files of one pattern are one cause.
package struct Cause: Hashable, Sendable {
    package let kind: ViolationKind
    /// What was lost or torn; where nothing was, what else was at fault. Sorted.
    package let parts: [String]
    /// It is recovery that was cut.
    package let isInRecovery: Bool

    /// Those of causes of the same kind that are a part of this one. None where there are very many.
    var fingerprintsOfParts: [Fingerprint] {
        guard (2...10).contains(parts.count) else { return [] }
        return (1..<(1 << parts.count) - 1).map { chosen in
            let some = parts.indices.filter { chosen & 1 << $0 != 0 }.map { parts[$0] }
            return Cause(kind, Set(some), isInRecovery: isInRecovery).fingerprint
        }
    }

    package init(_ kind: ViolationKind, _ parts: Set<String>, isInRecovery: Bool) {
        self.kind = kind
        self.parts = parts.sorted()
        self.isInRecovery = isInRecovery
    }

    /// Files of people hold it: the words of `parts` are not to change.
    package var fingerprint: Fingerprint {
        let bytes = (parts + (isInRecovery ? ["in recovery"] : [])).joined(separator: "\n").utf8
        return Fingerprint(kind, hash: StableHash.of(Array(bytes)))
    }
}
