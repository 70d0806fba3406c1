import Basics

/// What a store swears to hold after a power loss. `Judge` says it exactly.
///
/// Under each of them but `opens` what setup acknowledged stays, until something whole replaces it.
package enum Promise: Hashable, Sendable {
    /// Every acknowledged transaction is there, whole; one in flight wholly or not at all; nothing
    /// aborted, nothing never written.
    case durable
    /// If A was acknowledged before B began and B is there, A is there; each whole.
    case prefix
    /// `prefix`, and whatever was acknowledged more than this before the cut is there.
    case boundedLoss(nanoseconds: UInt64)
    /// Each transaction is whole or absent.
    case atomic
    /// Every acknowledged transaction is there; one in flight may be there in part. What nobody wrote may show only where
    /// one in flight writes.
    case acknowledged
    /// The store opens and its integrity check is content.
    case opens

    /// Reads `durable`, `prefix`, `bounded-loss: 1s`, `atomic`, `acknowledged` or `opens`; `nil` for other words.
    package init?(_ text: String) {
        switch text {
        case "durable": self = .durable
        case "prefix": self = .prefix
        case "atomic": self = .atomic
        case "acknowledged": self = .acknowledged
        case "opens": self = .opens
        default:
            let parts = text.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0] == "bounded-loss",
                let time = DurationText.nanoseconds(parts[1].drop { $0 == " " })
            else { return nil }
            self = .boundedLoss(nanoseconds: time)
        }
    }

    /// The words an author may write.
    package static let words = [
        "durable", "prefix", "bounded-loss: T", "atomic", "acknowledged", "opens",
    ]

    /// Whether a transaction is there wholly or not at all, also one in flight.
    var isAtomic: Bool { self != .acknowledged && self != .opens }
}

extension Promise: CustomStringConvertible {
    package var description: String {
        switch self {
        case .durable: return "durable"
        case .prefix: return "prefix"
        case .atomic: return "atomic"
        case .acknowledged: return "acknowledged"
        case .opens: return "opens"
        case .boundedLoss(let time):
            for (unit, scale) in [("s", UInt64(1_000_000_000)), ("ms", 1_000_000), ("us", 1_000)]
            where time % scale == 0 {
                return "bounded-loss: \(time / scale)\(unit)"
            }
            return "bounded-loss: \(time)ns"
        }
    }
}
