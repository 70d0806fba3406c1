import FileTree
import Recording

/// What binds the effects of one recording under one model on one stack, and when syncs covered them.
///
/// An effect that is kept needs everything it requires kept or covered. Edges are
/// - *chain*: the effect needs what an earlier one wrote in the same atomic units (U1): a sector never holds a later version
///   without the earlier one;
/// - *hard*: it needs an earlier effect whole, whatever was synced;
/// - *soft*: the order of metadata (R1), which a sync closes over only where the model says so.
///
/// `docs/models.md` lists the rules by number; `EffectGraphBuilder` applies them.
package struct EffectGraph: Sendable {
    package internal(set) var nodes: [Node] = []
    /// Records after which the covered set had changed, with the effects that they newly covered.
    package internal(set) var coverings: [Covering] = []

    package struct Node: Sendable {
        /// Atomic units of its block that the effect touches, bit 0 for the lowest; 0 where nothing can tear.
        package internal(set) var units: UInt8 = 0
        /// Whether it arrives whole or not at all although it touches several units (R7).
        package internal(set) var isWhole = false
        /// Whether nothing of its block had a place on the storage before, nor was written there by a sync since.
        package internal(set) var isInNewBlock = false
        /// Whether the device writes it in one piece, together with the rest of its call.
        package internal(set) var isOneCommand = false
        package internal(set) var chain: [ChainEdge] = []
        package internal(set) var hard: [Int32] = []
        package internal(set) var soft: [Int32] = []
        /// Whether it stands in the order of metadata (R1).
        package internal(set) var isOrdered = false
        /// Whether it needs what stands before it in that order, without standing in it: growth, which may be delayed.
        package internal(set) var followsOrder = false
        /// The sequence of the record that covered it; `Int32.max` while nothing has.
        package internal(set) var coveredAt = Int32.max
        /// The sequence of the latest sync that should have covered it and said that it failed; `Int32.max` where none has.
        package internal(set) var missedAt = Int32.max
        /// The sequence of the failed sync that left its page clean with bytes that the storage does not have; `Int32.max`
        /// where none has. Until its page is dirty again no sync covers it.
        package internal(set) var stuckAt = Int32.max
        /// The sequence of the record that made its page dirty again.
        package internal(set) var dirtyAgainAt = Int32.max
        /// The sequence of the failed sync that took it back, or of what changed the dirty page that it was seen in: it is
        /// nowhere from then on.
        package internal(set) var droppedAt = Int32.max

        /// Whether a failed sync has left it in the page cache alone, when so many records are complete.
        package func isStuck(at crashPoint: Int) -> Bool {
            stuckAt < crashPoint && crashPoint <= dirtyAgainAt
        }

        /// How many separate atomic units the effect has.
        package var unitCount: Int { isWhole || isOneCommand ? 1 : units.nonzeroBitCount }
    }

    package struct ChainEdge: Sendable {
        package let effect: Int32
        /// The units that this edge is about.
        package let units: UInt8
    }

    package struct Covering: Sendable {
        package let record: Int
        /// In log order.
        package let effects: [Int32]
    }
}

extension EffectGraph {
    /// The graph of several machines: nothing binds what one of them stored to what another did.
    ///
    /// - Parameter graphs: one for each machine, with nodes for the effects of all.
    init(merging graphs: [EffectGraph], of log: EffectLog) {
        nodes = log.effects.indices.map { graphs[log.machine(ofEffect: $0)].nodes[$0] }
        var covered: [Int: [Int32]] = [:]
        for covering in graphs.flatMap(\.coverings) {
            covered[covering.record, default: []] += covering.effects
        }
        coverings = covered.sorted { $0.key < $1.key }
            .map { Covering(record: $0.key, effects: $0.value.sorted()) }
    }
}
