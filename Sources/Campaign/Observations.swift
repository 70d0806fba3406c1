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
        /// Of its log only the end.
        let observation: Observation
        /// Observing again showed less or other.
        var instability: Violation?
        /// Nothing was found out, and why: the harness failed, or the observer did not say the same twice.
        var failure: String?
        /// Recovery changed the tree.
        let isChanging: Bool
        /// Recovery changed the tree, and what it left was not observed.
        let awaitsSecond: Bool
    }

    private static let logLimit = 2000

    init(observers: [any Observer]) {
        self.observers = observers
    }

    /// Index of what is known of a tree.
    func index(_ hash: UInt64) -> Int? { known[hash] }

    /// Whether observing the tree would tell nothing new.
    ///
    /// A tree that was only met as what some recovery left has not had its own second observation, unless recovery found
    /// nothing to do there. Trees are not kept for that: each holds an arena.
    func isObserved(_ hash: UInt64) -> Bool {
        known[hash].map { !entries[$0].awaitsSecond } ?? false
    }

    /// Believes what was seen of a tree no longer.
    func distrust(_ hash: UInt64, because reason: String) {
        if let index = known[hash] { entries[index].failure = reason }
    }

    /// Observes each tree, and again what each recovery left, unless trees equal to those are known already.
    ///
    /// - Parameter trees: no two of them equal.
    /// - Returns: how many observations that took.
    func observe(_ trees: [(hash: UInt64, tree: FileTree)]) -> Int {
        var seconds: [(entry: Int, hash: UInt64, tree: FileTree)] = []
        for ((hash, _), result) in zip(trees, run(trees.map(\.tree))) {
            let left = Self.left(by: result, of: hash)
            let entry = add(hash, result, awaitsSecond: false)
            if let left { seconds.append((entry, left.hash, left.tree)) }
        }
        // Not before all of `trees` are known: one recovery may leave what another began with.
        var again: [(hash: UInt64, tree: FileTree)] = []
        var queued: Set<UInt64> = []
        for second in seconds
        where known[second.hash] == nil && queued.insert(second.hash).inserted {
            again.append((second.hash, second.tree))
        }
        for ((hash, _), result) in zip(again, run(again.map(\.tree))) {
            _ = add(hash, result, awaitsSecond: Self.left(by: result, of: hash) != nil)
        }
        for second in seconds {
            let other = entries[known[second.hash]!]
            guard other.failure == nil else { continue }
            entries[second.entry].instability = compare(
                first: entries[second.entry].observation, second: other.observation)
        }
        return trees.count + again.count
    }

    /// The tree that a recovery left when that is another one, and when observing it could tell anything.
    private static func left(
        by result: Result<Recovery, any Error>, of hash: UInt64
    ) -> (hash: UInt64, tree: FileTree)? {
        guard case .success(let recovery) = result, recovery.changed,
            recovery.observation.isComplete
        else { return nil }
        var left = recovery.tree
        let leftHash = left.settle()
        return leftHash == hash ? nil : (leftHash, left)
    }

    /// Observes one tree anew, whatever is known of it.
    func observeAfresh(_ tree: FileTree, patience: Double) throws -> Recovery {
        try observers[0].observe(tree, patience: patience)
    }

    private func add(
        _ hash: UInt64, _ result: Result<Recovery, any Error>, awaitsSecond: Bool
    ) -> Int {
        var observation = Observation(outcome: .timedOut)
        var failure: String?
        var isChanging = false
        switch result {
        case .success(let recovery):
            isChanging = recovery.changed
            observation = recovery.observation
            observation.log = Array(observation.log.suffix(Self.logLimit))
        case .failure(let error): failure = "\(error)"
        }
        entries.append(
            Entry(
                observation: observation, failure: failure, isChanging: isChanging,
                awaitsSecond: awaitsSecond))
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
