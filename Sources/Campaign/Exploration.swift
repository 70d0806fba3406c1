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
    /// Accepts any earlier state of the store; tells loss from corruption.
    let ageing: Judge?
    private(set) var search: PlanSearch
    /// The earliest crash point that is tried.
    let firstPoint: Int
    /// Set where the run is itself a recovery.
    let earlier: EarlierPowerLoss?
    let failed: FailedRun?
    let ending: Ending
    var report: ModelReport
    /// Reasons for which some state told nothing.
    var shortfalls: [String] = []
    /// What a reader should know beside the counts.
    var notes: [String] = []
    /// Violations beyond the findings that are looked for, by kind.
    private(set) var unexplained: [ViolationKind: Int] = [:]
    var isFinished = false
    /// Smaller plans for which there was no time.
    var plansUntried = 0
    /// How many states were planned when the latest finding was added.
    private var plannedAtFinding = 0
    /// How often it had its turn.
    private(set) var turns = 0
    /// Seconds of the clock at which its turn began.
    var turnBegan = 0.0

    /// The budget ended before all that was planned was observed.
    private var isCut = false
    private var visited: Set<Int> = []
    private var visitedShapes: Set<UInt64> = []
    private var distinct: Set<UInt64> = []
    private var hashes: [UInt64: UInt64] = [:]
    private(set) var groups: [Group] = []
    /// What a second power loss showed, in all recoveries that were cut.
    var recoveryGroups: [Group] = []
    /// What was shown after a sync had failed, in all such runs.
    private(set) var failedSyncGroups: [Group] = []
    /// Where outcomes are only counted: the first state of each that loses something, and how often one was looked for.
    private(set) var examples: [Characterisation: Finding] = [:]
    private var examplesTried: [Characterisation: Int] = [:]
    /// Kinds of violation that it met.
    private(set) var kinds: Set<ViolationKind> = []
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
        /// The recovery in which the power went had shown everything.
        let isShown: Bool
    }

    private struct FlakyKey: Hashable {
        let kind: ViolationKind
        let signature: Set<Cause.Part>
    }

    /// Violations that one smallest plan explains.
    struct Group {
        let kind: ViolationKind
        let cause: Set<Cause.Part>
        let treeHash: UInt64?
        /// Crash points at which it shows when nothing is lost.
        var points: Set<Int>
        var finding: Finding

        /// To be recognised in the recording of another recovery.
        var elsewhere: Group {
            Group(kind: kind, cause: cause, treeHash: nil, points: [], finding: finding)
        }
    }

    /// - Parameters:
    ///   - failed: set where a sync failed in the run: it is explored from there on.
    ///   - known: groups that other runs have shown; they come first among `groups`.
    init(
        _ storage: Storage, judge: Judge, isJudged: Bool, counting: Judge?, ageing: Judge? = nil,
        options: CampaignOptions, ending: Ending, after earlier: EarlierPowerLoss? = nil,
        failed: FailedRun? = nil, known: [Group] = []
    ) {
        self.earlier = earlier
        self.failed = failed
        self.ending = ending
        groups = known.map(\.elsewhere)
        self.storage = storage
        self.judge = judge
        self.isJudged = isJudged
        self.counting = counting
        self.ageing = ageing
        let first = failed.map { $0.record + 1 } ?? 0
        firstPoint = first
        search = PlanSearch(
            storage, seed: options.seed, ending: ending, from: first,
            machinesAtOnce: options.machinesAtOnce)
        report = ModelReport(model: storage.model.name, stack: storage.stack.name)
        report.crashPointsInAll = storage.lastCrashPoint + 1 - first
        report.shapesInAll = Set(search.shapes[first...]).count
        report.mappedStores = storage.log.mappedStores
        changes = judge.history.cutsOfChange()
        acknowledgementTimes = judge.history.view(at: .max).acknowledged.map(\.settledTime)
    }

    /// Planned states to take at the next turn: few at first, so that every target has its turn before the time is up.
    func nextBatch(_ options: CampaignOptions) -> Int {
        var size = min(options.batch, 8 << min(turns, 20))
        turns += 1
        if let limit = limitOnceViolated(options) { size = min(size, limit - report.statesPlanned) }
        return max(1, size)
    }

    /// Planned states after which it has shown enough; nil while it is not violated.
    ///
    /// What is violated is seen at once or soon, most often. So where each crash point has been visited, and three times as
    /// many states as the latest finding took have shown no other, few are left to be found.
    func limitOnceViolated(_ options: CampaignOptions) -> Int? {
        guard let most = options.statesOnceViolated, !kinds.isEmpty else { return nil }
        let points = report.crashPointsInAll
        guard visited.count == points else { return most }
        return min(most, max(options.leastOnceViolated, 4 * points, 3 * plannedAtFinding))
    }

    /// It is violated, or one crash point of each shape was visited.
    var hasVerdict: Bool { !kinds.isEmpty || report.shapes == report.shapesInAll }

    /// The next states, and those among them of whose trees nothing is known yet. They count when they are taken.
    func plan(
        _ count: Int, isKnown: (UInt64) -> Bool
    ) -> (states: [CrashState], unknown: [CrashState]) {
        var states: [CrashState] = []
        var unknown: [CrashState] = []
        var queued: Set<UInt64> = []
        while states.count < count && unknown.count < max(1, count / 4) {
            guard let next = search.next() else {
                isFinished = true
                break
            }
            if let known = hashes[next.key] {
                next.hasSameTree(as: known)
            } else {
                hashes[next.key] = next.hash
                if !isKnown(next.hash), queued.insert(next.hash).inserted { unknown.append(next) }
            }
            states.append(next)
        }
        return (states, unknown)
    }

    /// Counts planned states.
    ///
    /// - Parameters:
    ///   - states: of those that were planned together, those of which something is known by now.
    ///   - all: they are all that were planned.
    func take(_ states: [CrashState], all: Bool) {
        report.statesPlanned += states.count
        for state in states {
            visited.insert(state.crashPoint)
            if losesSomething(state) {
                visitedShapes.insert(search.shapes[state.crashPoint])
            }
            distinct.insert(state.hash)
        }
        report.crashPoints = visited.count
        report.shapes = visitedShapes.count
        report.statesDistinct = distinct.count
        isCut = isCut || !all
        let isThrough = search.isExhaustive && !isCut
        if isThrough { report.shapes = report.shapesInAll }
        report.exhaustive = isThrough && report.mappedStores != .untried
    }

    /// Whether it shows what its crash point is about: something is lost, where anything can be.
    private func losesSomething(_ state: CrashState) -> Bool {
        ending == .processKill || state.pending.effects.isEmpty || !state.losesNothing
    }

    /// Tries a plan before all others.
    ///
    /// - Returns: false where it is not possible here.
    func suggest(_ plan: CrashPlan) -> Bool { search.suggest(plan) }

    /// What is wrong with a state whose tree was observed; nil where that found nothing out.
    func violations(
        _ state: CrashState, _ observations: Observations, by other: Judge? = nil
    ) -> [Violation]? {
        guard let index = observations.index(state.hash) else { return nil }
        let entry = observations.entries[index]
        guard entry.failure == nil else { return nil }
        let judge = other ?? judge
        let point = state.crashPoint
        let key = JudgedKey(
            observation: index, epoch: changes.partitioningIndex { $0 > judgedCut(point) },
            overdue: overdueCount(at: point), promise: judge.promise,
            isShown: earlier?.hasShown(before: point) ?? false)
        if let known = judged[key] { return known }
        let found = judge.violations(
            Showing(entry.observation, then: entry.second), circumstances(at: point))
        judged[key] = found
        return found
    }

    /// Kinds that count are those of the promise: a state that is looked into gets the name that a failed sync gives it.
    func circumstances(at point: Int) -> Circumstances {
        Circumstances(
            cut: judgedCut(point), now: time(of: point),
            shownBefore: earlier.flatMap { $0.hasShown(before: point) ? $0.shown : nil })
    }

    /// What was acknowledged before this point of the history counts.
    func judgedCut(_ point: Int) -> Int { earlier?.cut ?? point }

    /// Whether the end of the run that is explored can leave this. An eviction takes what a failed sync left in clean pages, and
    /// nothing else.
    func canEnd(_ state: CrashState) -> Bool {
        guard ending == .pageEviction else { return true }
        let stuck = Set(storage.stuck(state.pending))
        return state.choice.kept.indices.allSatisfy { state.choice.kept[$0] || stuck.contains($0) }
    }

    /// The latest moment until which the power may have been on; nanoseconds of the log's clock.
    func time(of point: Int) -> UInt64 {
        earlier?.time ?? storage.log.recording.latestMoment(of: point)
    }

    /// Says what a power loss of this run took. What a recovery does, it does not do to acknowledge something.
    var explanation: Explanation {
        Explanation(storage, history: earlier == nil ? judge.history : History())
    }

    private func overdueCount(at point: Int) -> Int {
        guard case .boundedLoss(let bound) = judge.promise else { return 0 }
        let now = time(of: point)
        return now > bound ? acknowledgementTimes.partitioningIndex { $0 >= now - bound } : 0
    }

    // MARK: Groups

    /// Counts the violation where what was lost explains it already.
    func count(_ kind: ViolationKind, _ signature: Set<Cause.Part>, at cut: Int) -> Bool {
        count(kind) { $0.points.contains(cut) || $0.cause.isSubset(of: signature) }
    }

    /// Counts the violation where its smallest plan has a known cause, or leaves a tree that shows it already.
    ///
    /// - Parameter points: crash points at which it shows when nothing is lost.
    func count(
        _ kind: ViolationKind, cause: Set<Cause.Part>, _ smallest: CrashState, at points: Set<Int>
    ) -> Bool {
        count(kind, adding: points) { $0.cause == cause || $0.treeHash == smallest.hash }
    }

    private func count(
        _ kind: ViolationKind, adding points: Set<Int> = [], where isIt: (Group) -> Bool
    ) -> Bool {
        let found = groups.firstIndex { $0.kind == kind && isIt($0) }
        guard let found else { return false }
        kinds.insert(kind)
        groups[found].finding.count += 1
        groups[found].points.formUnion(points)
        return true
    }

    func add(
        _ finding: Finding, cause: Set<Cause.Part>, _ smallest: CrashState, at points: Set<Int>
    ) {
        kinds.insert(finding.kind)
        plannedAtFinding = report.statesPlanned
        var finding = finding
        finding.cause = Cause(finding.kind, cause, isInRecovery: earlier != nil)
        groups.append(
            Group(
                kind: finding.kind, cause: cause, treeHash: smallest.hash, points: points,
                finding: finding))
    }

    /// Whether a state is to be looked into as an example of its outcome; each time counts.
    func wantsExample(of outcome: Characterisation) -> Bool {
        guard !isJudged, outcome != .none, earlier == nil, failed == nil, examples[outcome] == nil
        else { return false }
        examplesTried[outcome, default: 0] += 1
        return examplesTried[outcome]! <= 3
    }

    func add(example: Finding, of outcome: Characterisation) {
        examples[outcome] = example
    }

    func addUnexplained(_ kind: ViolationKind) {
        kinds.insert(kind)
        unexplained[kind, default: 0] += 1
    }

    /// What is known for a run in which a sync fails.
    var known: [Group] { groups + failedSyncGroups }

    /// Takes over what such a run has shown, which had begun with `known`.
    func adopt(_ run: Exploration) {
        for index in groups.indices {
            groups[index].finding.count = run.groups[index].finding.count
        }
        failedSyncGroups = Array(run.groups.dropFirst(groups.count))
        for (kind, count) in run.unexplained { unexplained[kind, default: 0] += count }
    }

    /// Counts and remarks of a recovery that was cut, and of those cut in it.
    func addRecovery(_ recovery: Exploration) {
        report.recoveriesCut += 1 + recovery.report.recoveriesCut
        report.statesAfterRecoveries +=
            recovery.report.statesPlanned + recovery.report.statesAfterRecoveries
        report.statesObserved += recovery.report.statesObserved
        shortfalls += recovery.shortfalls
        for note in recovery.notes where !notes.contains(note) { notes.append(note) }
        for (kind, count) in recovery.unexplained { unexplained[kind, default: 0] += count }
    }

    func groupCount(
        _ kind: ViolationKind, where isCounted: (Finding) -> Bool = { _ in true }
    ) -> Int {
        groups.count { $0.kind == kind && isCounted($0.finding) }
    }

    var groupedFindings: [Finding] { groups.map(\.finding) }

    /// With those of a second power loss, and after a sync had failed.
    var allFindings: [Finding] {
        groupedFindings + (recoveryGroups + failedSyncGroups).map(\.finding)
    }

    // MARK: Flakiness

    /// How often violations like this were looked at and did not show again.
    func flakyCount(_ kind: ViolationKind, _ signature: Set<Cause.Part>) -> Int {
        flaky[FlakyKey(kind: kind, signature: signature)] ?? 0
    }

    func noteFlaky(_ kind: ViolationKind, _ signature: Set<Cause.Part>) {
        flaky[FlakyKey(kind: kind, signature: signature), default: 0] += 1
    }
}

/// A run in which a sync failed.
struct FailedRun {
    /// Of the failed sync.
    let record: Int
    let recordingPath: String?
}

/// A power loss of which nothing can be given back without the violation going away.
struct SmallestState {
    let state: CrashState
    /// What is missing was missing when it was acknowledged: it had not left the program.
    let isUnwritten: Bool

    init(_ state: CrashState, isUnwritten: Bool = false) {
        self.state = state
        self.isUnwritten = isUnwritten
    }
}
