import FileTree
import Oracles
import PowerLoss
import Recording

/// One model on one stack being explored: its search, its counts, and what it found.
final class Exploration {
    let storage: Storage
    let judge: Judge
    /// Whether outcomes are judged against a promise.
    let isJudged: Bool
    /// By what outcomes are counted, where the stack permits less than the promise.
    let counting: Judge?
    private(set) var search: PlanSearch
    var report: ModelReport
    /// Reasons for which some state told nothing.
    var shortfalls: [String] = []
    /// What a reader should know beside the counts.
    var notes: [String] = []
    /// Violations beyond the findings that are looked for, by kind.
    var unexplained: [ViolationKind: Int] = [:]
    var isFinished = false
    /// How often it had its turn.
    private(set) var turns = 0
    /// Seconds of the clock at which its turn began.
    var turnBegan = 0.0

    private var visited: Set<Int> = []
    private var distinct: Set<UInt64> = []
    private var hashes: [UInt64: UInt64] = [:]
    private var groups: [Group] = []
    private var judged: [JudgedKey: [Violation]] = [:]
    private var flaky: [FlakyKey: Int] = [:]
    private let changes: [Int]
    /// When the acknowledgements were made, in nanoseconds; ascending.
    private let acknowledgementTimes: [UInt64]

    /// Under one of these all judgements are equal.
    private struct JudgedKey: Hashable {
        let observation: Int
        let epoch: Int
        /// Acknowledgements that are older than the promise allows to lose.
        let overdue: Int
        let promise: Promise
    }

    private struct FlakyKey: Hashable {
        let kind: ViolationKind
        let signature: Set<String>
    }

    /// Violations that one smallest plan explains.
    struct Group {
        let kind: ViolationKind
        let cause: Set<String>
        let treeHash: UInt64
        /// Crash points at which it shows when nothing is lost.
        var points: Set<Int>
        var finding: Finding
    }

    /// A state that was planned; its tree is at hand until it has been observed.
    struct Planned {
        let pending: Storage.Pending
        let choice: Storage.Choice
        let hash: UInt64
    }

    init(
        _ storage: Storage, judge: Judge, isJudged: Bool, counting: Judge?, seed: UInt64,
        ending: Ending
    ) {
        self.storage = storage
        self.judge = judge
        self.isJudged = isJudged
        self.counting = counting
        search = PlanSearch(storage, seed: seed, ending: ending)
        report = ModelReport(model: storage.model.name, stack: storage.stack.name)
        report.crashPointsInAll = storage.lastCrashPoint + 1
        changes = judge.history.cutsOfChange()
        acknowledgementTimes = judge.history.view(at: .max).acknowledged.map(\.settledTime)
    }

    /// Planned states to take at the next turn: few at first, so that every target has its turn before the time is up.
    func nextBatch(_ options: CampaignOptions) -> Int {
        var size = min(options.batch, 8 << min(turns, 20))
        turns += 1
        if let limit = options.statesOnceViolated, !groups.isEmpty {
            size = min(size, limit - report.statesPlanned)
        }
        return max(1, size)
    }

    /// The next states, and the trees among them of which nothing is known yet.
    func plan(
        _ count: Int, isKnown: (UInt64) -> Bool
    ) -> (states: [Planned], unknown: [(hash: UInt64, tree: FileTree)]) {
        var states: [Planned] = []
        var unknown: [(hash: UInt64, tree: FileTree)] = []
        var queued: Set<UInt64> = []
        while states.count < count && unknown.count < max(1, count / 4) {
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
    func violations(
        _ index: Int, _ entry: Observations.Entry, at cut: Int, by other: Judge? = nil
    ) -> [Violation] {
        let judge = other ?? judge
        let key = JudgedKey(
            observation: index, epoch: changes.partitioningIndex { $0 > cut },
            overdue: overdueCount(at: cut), promise: judge.promise)
        if let known = judged[key] { return known }
        var found = judge.violations(
            judge.resolve(entry.observation), cut: cut, now: time(of: cut))
        if let instability = entry.instability { found.append(instability) }
        judged[key] = found
        return found
    }

    /// The latest moment of which it is known that the power was still on; nanoseconds of the log's clock.
    func time(of cut: Int) -> UInt64 {
        cut > 0 ? storage.log.recording[cut - 1].time : 0
    }

    private func overdueCount(at cut: Int) -> Int {
        guard case .boundedLoss(let bound) = judge.promise else { return 0 }
        let now = time(of: cut)
        return now > bound ? acknowledgementTimes.partitioningIndex { $0 >= now - bound } : 0
    }

    // MARK: Groups

    /// Counts the violation where what was lost explains it already.
    func count(_ kind: ViolationKind, _ signature: Set<String>, at cut: Int) -> Bool {
        count {
            $0.kind == kind && ($0.points.contains(cut) || $0.cause.isSubset(of: signature))
        }
    }

    /// Counts the violation where its smallest plan has a known cause, or leaves a tree that shows it already.
    func count(_ kind: ViolationKind, cause: Set<String>, _ smallest: SmallestPlan) -> Bool {
        count(addingPoint: smallest.losesNothing ? smallest.pending.crashPoint : nil) {
            $0.kind == kind && ($0.cause == cause || $0.treeHash == smallest.treeHash)
        }
    }

    private func count(addingPoint point: Int? = nil, where isIt: (Group) -> Bool) -> Bool {
        guard let index = groups.firstIndex(where: isIt) else { return false }
        groups[index].finding.count += 1
        if let point { groups[index].points.insert(point) }
        return true
    }

    func add(_ finding: Finding, cause: Set<String>, _ smallest: SmallestPlan) {
        groups.append(
            Group(
                kind: finding.kind, cause: cause, treeHash: smallest.treeHash,
                points: smallest.losesNothing ? [smallest.pending.crashPoint] : [],
                finding: finding))
    }

    func groupCount(_ kind: ViolationKind) -> Int {
        groups.count { $0.kind == kind }
    }

    var groupedFindings: [Finding] { groups.map(\.finding) }

    // MARK: Flakiness

    /// How often violations like this were looked at and did not show again.
    func flakyCount(_ kind: ViolationKind, _ signature: Set<String>) -> Int {
        flaky[FlakyKey(kind: kind, signature: signature)] ?? 0
    }

    func noteFlaky(_ kind: ViolationKind, _ signature: Set<String>) {
        flaky[FlakyKey(kind: kind, signature: signature), default: 0] += 1
    }
}

/// A power loss of which nothing can be given back without the violation going away.
struct SmallestPlan {
    let pending: Storage.Pending
    let choice: Storage.Choice
    let tree: FileTree
    let treeHash: UInt64
    /// What is missing was missing when it was acknowledged: it had not left the program.
    let isUnwritten: Bool

    init(
        _ storage: Storage, _ pending: Storage.Pending, _ choice: Storage.Choice,
        isUnwritten: Bool = false
    ) {
        self.pending = pending
        self.choice = choice
        self.isUnwritten = isUnwritten
        var tree = storage.tree(pending, choice)
        treeHash = tree.settle()
        self.tree = tree
    }

    /// What a process kill leaves.
    init(_ storage: Storage, losingNothingAt point: Int, isUnwritten: Bool = false) {
        let pending = storage.pending(at: point)
        self.init(
            storage, pending,
            Storage.Choice(kept: [Bool](repeating: true, count: pending.effects.count)),
            isUnwritten: isUnwritten)
    }

    /// A process kill leaves the same.
    var losesNothing: Bool { choice.kept.allSatisfy { $0 } }
}
