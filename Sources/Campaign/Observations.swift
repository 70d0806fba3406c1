import Dispatch
import FileTree
import Oracles
import PowerLoss
import Synchronization

/// What recovery showed of each tree, kept by the tree's hash: observing is dear, judging is pure.
final class Observations {
    private let observers: [any Observer]
    private let log: (any TrialLog)?
    private let patience: Double
    private var known: [UInt64: Int] = [:]
    private(set) var entries: [Entry] = []

    struct Entry {
        /// Of its log only the end.
        let observation: Observation
        /// What the next start showed, where recovery changed the tree.
        var second: Observation?
        /// Why what it showed is not known.
        var secondShortfall: String?
        /// Nothing was found out, and why: the harness failed, or the observer did not say the same twice.
        var failure: String?
        /// Recovery changed the tree.
        let isChanging: Bool
        /// Recovery changed the tree, and what it left was not observed.
        var awaitsSecond: Bool
    }

    private static let logLimit = 2000

    /// Why a campaign that resumes will have to observe again; nil when it will not.
    var logFailure: String? { log?.failure }

    /// What an earlier campaign had seen: of trees of its own, and of those that recoveries had left.
    private var earlier: [UInt64: Trial] = [:]
    private var earlierSecond: [UInt64: Trial] = [:]

    /// - Parameter patience: how many times the usual time each observation may take.
    init(observers: [any Observer], log: (any TrialLog)? = nil, patience: Double = 1) {
        self.observers = observers
        self.log = log
        self.patience = patience
        for kept in log?.earlier() ?? [] {
            if kept.isSecond { earlierSecond[kept.tree] = kept } else { earlier[kept.tree] = kept }
        }
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

    /// Why nothing was found out about a tree that was observed.
    func failure(_ hash: UInt64) -> String? { index(hash).flatMap { entries[$0].failure } }

    /// Believes what was seen of a tree no longer.
    func distrust(_ hash: UInt64, because reason: String) {
        if let index = known[hash] { entries[index].failure = reason }
    }

    /// Observes each tree, and again what each recovery left, unless trees equal to those are known already.
    ///
    /// - Parameters:
    ///   - states: no two of their trees equal.
    ///   - isOver: asked before each observation, from any thread: whether no more may begin. What was not observed then is
    ///     not known: `isObserved`.
    /// - Returns: how many observations that took.
    func observe(_ states: [CrashState], unless isOver: () -> Bool = { false }) -> Int {
        observe(states.map { ($0.hash, $0.tree) }, unless: isOver)
    }

    /// The same, of trees.
    func observe(
        _ trees: [(hash: UInt64, tree: FileTree)], unless isOver: () -> Bool = { false }
    ) -> Int {
        var seconds: [(entry: Int, hash: UInt64, tree: FileTree?)] = []
        var count = 0
        let firsts = see(trees.map { ($0.hash, $0.tree) }, isSecond: false, unless: isOver)
        for (tree, seen) in zip(trees, firsts) {
            guard let seen else { continue }
            count += 1
            let entry = add(tree.hash, seen)
            if let left = seen.left { seconds.append((entry, left.hash, left.tree)) }
        }
        // Not before all of `trees` are known: one recovery may leave what another began with.
        var again: [(hash: UInt64, tree: FileTree?)] = []
        var queued: Set<UInt64> = []
        for second in seconds
        where known[second.hash] == nil && queued.insert(second.hash).inserted {
            again.append((second.hash, second.tree))
        }
        for (tree, seen) in zip(again, see(again, isSecond: true, unless: isOver)) {
            guard let seen else { continue }
            count += 1
            _ = add(tree.hash, seen)
        }
        for second in seconds {
            guard let known = known[second.hash] else {
                entries[second.entry].awaitsSecond = true
                continue
            }
            let other = entries[known]
            entries[second.entry].secondShortfall =
                (other.failure ?? other.observation.shortfall).map { "at the second start, \($0)" }
            if other.failure == nil { entries[second.entry].second = other.observation }
        }
        return count
    }

    /// What one observation showed, and the tree that recovery left when that is another one and observing it could tell
    /// anything.
    private struct Seen {
        var entry: Entry
        /// The tree is at hand unless an earlier campaign had seen all of it.
        var left: (hash: UInt64, tree: FileTree?)?
    }

    /// Observes what no earlier campaign has; nil for what is left when it is over.
    private func see(
        _ trees: [(hash: UInt64, tree: FileTree?)], isSecond: Bool, unless isOver: () -> Bool
    ) -> [Seen?] {
        let kept = trees.map { earlier(of: $0.hash, isSecond: isSecond) }
        let new = trees.indices.filter { kept[$0] == nil }
        // What an earlier campaign left out has its tree.
        let results = run(new.map { trees[$0].tree! }, unless: isOver)
        var fresh = zip(new, results).makeIterator()
        return trees.indices.map { index in
            if let kept = kept[index] { return Self.seen(kept, isSecond: isSecond) }
            return fresh.next()!.1.map { seen(trees[index].hash, $0, isSecond: isSecond) }
        }
    }

    /// Not of a tree whose recovery left another that the campaign did not come to see.
    private func earlier(of hash: UInt64, isSecond: Bool) -> Trial? {
        if isSecond { return earlierSecond[hash] ?? earlier[hash] }
        guard let kept = earlier[hash] else { return nil }
        guard let left = kept.left else { return kept }
        return earlierSecond[left] == nil && earlier[left] == nil ? nil : kept
    }

    private static func seen(_ kept: Trial, isSecond: Bool) -> Seen {
        Seen(
            entry: Entry(
                observation: kept.observation, failure: nil, isChanging: kept.isChanging,
                awaitsSecond: isSecond && kept.left != nil),
            left: kept.left.map { ($0, nil) })
    }

    private func seen(
        _ hash: UInt64, _ result: Result<Recovery, any Error>, isSecond: Bool
    ) -> Seen {
        switch result {
        case .failure(let error):
            return Seen(
                entry: Entry(
                    observation: Observation(outcome: .timedOut), failure: "\(error)",
                    isChanging: false, awaitsSecond: false))
        case .success(let recovery):
            var observation = recovery.observation
            observation.log = Array(observation.log.suffix(Self.logLimit))
            let left = Self.left(by: recovery, of: hash)
            log?.keep(
                Trial(
                    tree: hash, output: recovery.recording.output, outcome: observation.outcome,
                    log: observation.log, isChanging: recovery.changed, left: left?.hash,
                    isSecond: isSecond))
            return Seen(
                entry: Entry(
                    observation: observation, failure: nil, isChanging: recovery.changed,
                    awaitsSecond: isSecond && left != nil),
                left: left.map { ($0.hash, $0.tree) })
        }
    }

    private static func left(
        by recovery: Recovery, of hash: UInt64
    ) -> (hash: UInt64, tree: FileTree)? {
        guard recovery.changed, recovery.observation.isComplete else { return nil }
        var left = recovery.tree
        let leftHash = left.settle()
        return leftHash == hash ? nil : (leftHash, left)
    }

    /// Observes one tree anew, whatever is known of it.
    func observeAfresh(_ tree: FileTree, patience: Double) throws -> Recovery {
        try observers[0].observe(tree, patience: patience)
    }

    private func add(_ hash: UInt64, _ seen: Seen) -> Int {
        entries.append(seen.entry)
        known[hash] = entries.count - 1
        return entries.count - 1
    }

    /// Results by index, never by arrival.
    private func run(
        _ trees: [FileTree], unless isOver: () -> Bool
    ) -> [Result<Recovery, any Error>?] {
        guard !trees.isEmpty else { return [] }
        let results = Mutex([Result<Recovery, any Error>?](repeating: nil, count: trees.count))
        let next = Atomic(0)
        // Each worker touches its own observer only.
        nonisolated(unsafe) let observers = observers
        let patience = patience
        withoutActuallyEscaping(isOver) { isOver in
            nonisolated(unsafe) let isOver = isOver
            DispatchQueue.concurrentPerform(iterations: min(observers.count, trees.count)) {
                worker in
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < trees.count, !isOver() else { return }
                    let result = Result {
                        try observers[worker].observe(trees[index], patience: patience)
                    }
                    results.withLock { $0[index] = result }
                }
            }
        }
        return results.withLock { $0 }
    }
}
