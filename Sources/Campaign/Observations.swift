import Dispatch
import FileTree
import Oracles
import PowerLoss
import Synchronization

/// What recovery showed of each tree, kept by the tree's hash: observing is dear, judging is pure.
final class Observations {
    private let observers: [any Observer]
    private var known: [UInt64: Int] = [:]
    private(set) var entries: [Entry] = []

    struct Entry {
        let observation: Observation
        /// Observing again showed less or other.
        var instability: Violation?
        /// The harness failed: nothing was found out.
        let failure: String?
    }

    init(observers: [any Observer]) {
        self.observers = observers
    }

    /// Index of what is known of a tree.
    func index(_ hash: UInt64) -> Int? { known[hash] }

    /// Observes each tree, and again what each recovery left, unless trees equal to those are known already.
    ///
    /// - Returns: how many observations that took.
    func observe(_ trees: [(hash: UInt64, tree: FileTree)]) -> Int {
        let recoveries = run(trees.map(\.tree))
        var again: [(hash: UInt64, tree: FileTree)] = []
        var pairs: [(entry: Int, hash: UInt64)] = []
        for ((hash, _), recovery) in zip(trees, recoveries) {
            let entry = add(hash, recovery)
            guard case .success(let recovery) = recovery, recovery.changed else { continue }
            var left = recovery.tree
            let leftHash = left.settle()
            guard leftHash != hash else { continue }
            pairs.append((entry, leftHash))
            if known[leftHash] == nil, !again.contains(where: { $0.hash == leftHash }) {
                again.append((leftHash, left))
            }
        }
        for ((hash, _), recovery) in zip(again, run(again.map(\.tree))) { _ = add(hash, recovery) }
        for (entry, hash) in pairs {
            let second = entries[known[hash]!]
            guard second.failure == nil else { continue }
            entries[entry].instability = compare(
                first: entries[entry].observation, second: second.observation)
        }
        return trees.count + again.count
    }

    /// Observes one tree anew, whatever is known of it.
    func observeAfresh(_ tree: FileTree, patience: Double) throws -> Recovery {
        try observers[0].observe(tree, patience: patience)
    }

    private func add(_ hash: UInt64, _ result: Result<Recovery, any Error>) -> Int {
        switch result {
        case .success(let recovery):
            entries.append(Entry(observation: recovery.observation, failure: nil))
        case .failure(let error):
            entries.append(
                Entry(observation: Observation(output: [], outcome: .timedOut), failure: "\(error)")
            )
        }
        known[hash] = entries.count - 1
        return entries.count - 1
    }

    /// Results by index, never by arrival.
    private func run(_ trees: [FileTree]) -> [Result<Recovery, any Error>] {
        guard !trees.isEmpty else { return [] }
        let results = Mutex([Result<Recovery, any Error>?](repeating: nil, count: trees.count))
        let next = Atomic(0)
        // Each worker touches its own observer only.
        nonisolated(unsafe) let observers = observers
        DispatchQueue.concurrentPerform(iterations: min(observers.count, trees.count)) { worker in
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < trees.count else { return }
                let result = Result { try observers[worker].observe(trees[index], patience: 1) }
                results.withLock { $0[index] = result }
            }
        }
        return results.withLock { $0.map { $0! } }
    }
}
