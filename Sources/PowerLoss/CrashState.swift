import FileTree
import Recording

/// What one power loss leaves of one recording, under one model on one stack: those of `storage`.
///
/// Its tree and what else follows from the choice are made when they are first asked for, and kept. One thread at a time has
/// to do with it.
package final class CrashState {
    package let storage: Storage
    package let pending: Storage.Pending
    package let choice: Storage.Choice
    private var knownHash: UInt64?

    package init(_ storage: Storage, _ pending: Storage.Pending, _ choice: Storage.Choice) {
        self.storage = storage
        self.pending = pending
        self.choice = choice
    }

    /// What a process kill leaves.
    package convenience init(_ storage: Storage, losingNothingAt point: Int) {
        let pending = storage.pending(at: point)
        self.init(storage, pending, .losingNothing(of: pending))
    }

    package var crashPoint: Int { pending.crashPoint }

    /// A process kill leaves the same.
    package var losesNothing: Bool { choice.losesNothing }

    /// Equal for choices that give the same tree by construction.
    package private(set) lazy var key = choice.key(pending)

    /// What the storage holds, settled.
    package private(set) lazy var tree: FileTree = {
        var tree = storage.tree(pending, choice)
        knownHash = tree.settle()
        return tree
    }()

    /// Of the tree.
    package var hash: UInt64 {
        if knownHash == nil { _ = tree }
        return knownHash!
    }

    /// Spares building the tree: a choice of the same key has left one with this hash.
    package func hasSameTree(as hash: UInt64) { knownHash = hash }

    /// The same without its tree, for who keeps many.
    package var withoutTree: CrashState { CrashState(storage, pending, choice) }

    /// The record of the first sync that said that it failed and should have covered something that is lost.
    package var missingSync: Int? {
        pending.effects.indices.lazy.filter { !self.choice.kept[$0] }
            .map { self.storage.graph.nodes[self.pending.effects[$0]].missedAt }
            .min().flatMap { $0 < crashPoint ? Int($0) : nil }
    }

    /// The mounts of the machines that lose something; empty where there is one machine.
    package var mounts: [String] {
        let log = storage.log
        let machines = choice.kept.indices.filter { !choice.kept[$0] }
            .map { log.machine(ofEffect: pending.effects[$0]) }
        return log.machines.indices.filter(Set(machines).contains).map { log.machines[$0] }
    }
}
