import Basics
import FileTree
import Oracles

/// Why a promise is broken: what findings of one fault have in common, under all models and in all runs.
///
/// No record number, crash point, model or seed is part of it, and files count by the pattern of their names. Two missing syncs
/// of files of one pattern are one cause.
package struct Cause: Hashable, Sendable {
    package let kind: ViolationKind
    /// What was lost or torn; where nothing was, what else was at fault. Sorted by their words.
    package let parts: [Part]
    /// It is recovery that was cut.
    package let isInRecovery: Bool

    /// One thing that was lost, torn or at fault.
    package enum Part: Hashable, Sendable, CustomStringConvertible {
        /// Data, size or zeros of a file: an fsync of it would have kept them.
        case content(String)
        case attributes(String)
        /// A change of names by such a call, in such a directory.
        case names(by: String, in: String)
        case torn(String)
        /// A sync that failed should have stored it.
        indirect case unsynced(Part)
        /// It had not left the program.
        case notWritten
        /// The end of the program before such a call is enough.
        case order(before: String)
        case recovery
        /// A sync that failed took it back.
        case takenBack
        /// What was injected.
        case fault(effect: String, operation: String)

        /// Fingerprints hold it: it is not to change.
        package var description: String {
            switch self {
            case .content(let file): "content \(file)"
            case .attributes(let file): "attributes \(file)"
            case .names(let call, let directory): "\(call) in \(directory)"
            case .torn(let file): "torn \(file)"
            case .unsynced(let part): "unsynced \(part)"
            case .notWritten: "not written"
            case .order(let call): "order \(call)"
            case .recovery: "recovery"
            case .takenBack: "taken back by a failed sync"
            case .fault(let effect, let operation): "fault \(effect) \(operation)"
            }
        }
    }

    /// Those of causes of the same kind that are a part of this one. None where there are very many.
    var fingerprintsOfParts: [Fingerprint] {
        guard (2...10).contains(parts.count) else { return [] }
        return (1..<(1 << parts.count) - 1).map { chosen in
            let some = parts.indices.filter { chosen & 1 << $0 != 0 }.map { parts[$0] }
            return Cause(kind, Set(some), isInRecovery: isInRecovery).fingerprint
        }
    }

    package init(_ kind: ViolationKind, _ parts: Set<Part>, isInRecovery: Bool) {
        self.kind = kind
        self.parts = parts.sorted { $0.description < $1.description }
        self.isInRecovery = isInRecovery
    }

    /// Files of people hold it.
    package var fingerprint: Fingerprint {
        let words = parts.map(\.description) + (isInRecovery ? ["in recovery"] : [])
        let bytes = words.joined(separator: "\n").utf8
        return Fingerprint(kind, hash: StableHash.of(Array(bytes)))
    }
}
