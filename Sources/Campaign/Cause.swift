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
