import FileTree
import Oracles
import PowerLoss
import Recording

/// One model on one stack being explored: its search, its counts, and what it found.
final class Exploration {
    let storage: Storage
    let judge: Judge
    /// Whether outcomes are judged against a promise; else they are only counted.
    let isJudged: Bool
    private(set) var search: PlanSearch
    var report: ModelReport
    /// Reasons for which some state told nothing.
    var shortfalls: [String] = []
    var isFinished = false

    private var visited: Set<Int> = []
    private var distinct: Set<UInt64> = []
    private var hashes: [UInt64: UInt64] = [:]
    private var groups: [Group] = []
    private var judged: [JudgedKey: [Violation]] = [:]
    private let changes: [Int]

    private struct JudgedKey: Hashable {
        let observation: Int
        let epoch: Int
    }

    /// Violations that one smallest plan explains.
    struct Group {
        let kind: ViolationKind
        let signature: Set<String>
        var finding: Finding
    }

    /// A state that was planned; its tree is at hand until it has been observed.
    struct Planned {
        let pending: Storage.Pending
        let choice: Storage.Choice
        let hash: UInt64
    }

    init(_ storage: Storage, judge: Judge, isJudged: Bool, seed: UInt64, ending: Ending) {
        self.storage = storage
        self.judge = judge
        self.isJudged = isJudged
        search = PlanSearch(storage, seed: seed, ending: ending)
        report = ModelReport(model: storage.model.name, stack: storage.stack.name)
        report.crashPointsInAll = storage.lastCrashPoint + 1
        changes = judge.history.cutsOfChange()
    }

    /// The next states, and the trees among them of which nothing is known yet.
    func plan(
        _ count: Int, isKnown: (UInt64) -> Bool
    ) -> (states: [Planned], unknown: [(hash: UInt64, tree: FileTree)]) {
        var states: [Planned] = []
        var unknown: [(hash: UInt64, tree: FileTree)] = []
        var queued: Set<UInt64> = []
        while states.count < count && unknown.count < count / 4 {
            guard let next = search.next() else {
                isFinished = true
                break
            }
            report.statesPlanned += 1
            visited.insert(next.pending.crashPoint)
            let hash: UInt64
            if let known = hashes[next.key] {
                hash = known
            } else {
                var tree = storage.tree(next.pending, next.choice)
                hash = tree.settle()
                hashes[next.key] = hash
                if !isKnown(hash), queued.insert(hash).inserted { unknown.append((hash, tree)) }
            }
            distinct.insert(hash)
            states.append(Planned(pending: next.pending, choice: next.choice, hash: hash))
        }
        report.crashPoints = visited.count
        report.statesDistinct = distinct.count
        report.exhaustive = search.isExhaustive
        return (states, unknown)
    }

    /// What is wrong with an observation at a crash point.
    func violations(_ index: Int, _ entry: Observations.Entry, at cut: Int) -> [Violation] {
        let epoch = changes.partitioningIndex { $0 > cut }
        if case .boundedLoss = judge.promise {
            return evaluate(entry, at: cut)
        }
        let key = JudgedKey(observation: index, epoch: epoch)
        if let known = judged[key] { return known }
        let found = evaluate(entry, at: cut)
        judged[key] = found
        return found
    }

    private func evaluate(_ entry: Observations.Entry, at cut: Int) -> [Violation] {
        let now = cut > 0 ? storage.log.recording[cut - 1].time : 0
        var found = judge.violations(judge.resolve(entry.observation), cut: cut, now: now)
        if let instability = entry.instability { found.append(instability) }
        return found
    }

    // MARK: Groups

    /// Counts the violation where its cause is known already.
    func count(_ kind: ViolationKind, _ signature: Set<String>) -> Bool {
        guard
            let index = groups.firstIndex(where: {
                $0.kind == kind && $0.signature.isSubset(of: signature)
            })
        else { return false }
        groups[index].finding.count += 1
        return true
    }

    func add(_ finding: Finding, _ signature: Set<String>) {
        if let index = groups.firstIndex(where: {
            $0.kind == finding.kind && $0.signature == signature
        }) {
            groups[index].finding.count += 1
        } else {
            groups.append(Group(kind: finding.kind, signature: signature, finding: finding))
        }
    }

    func groupCount(_ kind: ViolationKind) -> Int {
        groups.count { $0.kind == kind }
    }

    var groupedFindings: [Finding] { groups.map(\.finding) }
}
