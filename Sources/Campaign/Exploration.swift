import FileTree
import Oracles
import PowerLoss
import Recording

/// One model on one stack being explored: its search, who judges, what was tried and what was found.
final class Exploration {
    let storage: Storage
    let judging: StateJudge
    let failed: FailedRun?
    let ending: Ending
    /// The earliest crash point that is tried.
    let firstPoint: Int
    private(set) var search: PlanSearch
    private var tally = Tally()
    var findings: Findings
    var examples = Examples()
    var report: ModelReport
    /// Reasons for which some state told nothing.
    var shortfalls: [String] = []
    /// What a reader should know beside the counts.
    var notes: [Note] = []
    var turn = Turn()
    /// Smaller plans for which there was no time.
    var plansUntried = 0
    /// Of the trees, by the keys of the choices.
    private var hashes: [UInt64: UInt64] = [:]

    /// Whose turn it is, and whether it has any more.
    struct Turn {
        var isFinished = false
        fileprivate(set) var count = 0
        /// Seconds of the clock.
        var began = 0.0
    }

    /// - Parameters:
    ///   - failed: set where a sync failed in the run: it is explored from there on.
    ///   - known: groups that other runs have shown; they come first among those of the findings.
    init(
        _ storage: Storage, judge: Judge, isJudged: Bool, counting: Judge?, ageing: Judge? = nil,
        options: CampaignOptions, ending: Ending, after earlier: EarlierPowerLoss? = nil,
        failed: FailedRun? = nil, known: [Findings.Group] = []
    ) {
        self.failed = failed
        self.ending = ending
        self.storage = storage
        judging = StateJudge(
            storage.log.recording, judge, isJudged: isJudged, counting: counting, ageing: ageing,
            after: earlier)
        findings = Findings(known: known, isInRecovery: earlier != nil)
        let first = failed.map { $0.record + 1 } ?? 0
        firstPoint = first
        search = PlanSearch(
            storage, seed: options.seed, ending: ending, from: first,
            machinesAtOnce: options.machinesAtOnce)
        report = ModelReport(model: storage.model.name, stack: storage.stack.name)
        report.crashPointsInAll = storage.lastCrashPoint + 1 - first
        report.shapesInAll = Set(search.shapes[first...]).count
        report.mappedStores = storage.log.mappedStores
    }

    var judge: Judge { judging.judge }
    var isJudged: Bool { judging.isJudged }
    var earlier: EarlierPowerLoss? { judging.earlier }

    // MARK: Turns

    /// Planned states to take at the next turn: few at first, so that every target has its turn before the time is up.
    func nextBatch(_ options: CampaignOptions) -> Int {
        var size = min(options.batch, 8 << min(turn.count, 20))
        turn.count += 1
        if let limit = limitOnceViolated(options) { size = min(size, limit - report.statesPlanned) }
        return max(1, size)
    }

    /// Planned states after which it has shown enough; nil while it is not violated.
    ///
    /// What is violated is seen at once or soon, most often. So where each crash point has been visited, and three times as
    /// many states as the latest finding took have shown no other, few are left to be found.
    func limitOnceViolated(_ options: CampaignOptions) -> Int? {
        guard let most = options.statesOnceViolated, !findings.kinds.isEmpty else { return nil }
        let points = report.crashPointsInAll
        guard tally.visited.count == points else { return most }
        return min(
            most, max(options.leastOnceViolated, 4 * points, 3 * findings.plannedAtLatest))
    }

    /// It is violated, or one crash point of each shape was visited.
    var hasVerdict: Bool { !findings.kinds.isEmpty || report.shapes == report.shapesInAll }

    // MARK: States

    /// The next states, and those among them of whose trees nothing is known yet. They count when they are taken.
    func plan(
        _ count: Int, isKnown: (UInt64) -> Bool
    ) -> (states: [CrashState], unknown: [CrashState]) {
        var states: [CrashState] = []
        var unknown: [CrashState] = []
        var queued: Set<UInt64> = []
        while states.count < count && unknown.count < max(1, count / 4) {
            guard let next = search.next() else {
                turn.isFinished = true
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

    /// Counts planned states; see `Tally`.
    func take(_ states: [CrashState], all: Bool) {
        tally.take(states, all: all, of: search, ending, &report)
    }

    /// Tries a plan before all others.
    ///
    /// - Returns: false where it is not possible here.
    func suggest(_ plan: CrashPlan) -> Bool { search.suggest(plan) }

    /// Whether the end of the run that is explored can leave this. An eviction takes what a failed sync left in clean pages, and
    /// nothing else.
    func canEnd(_ state: CrashState) -> Bool {
        guard ending == .pageEviction else { return true }
        let stuck = Set(storage.stuck(state.pending))
        return state.choice.kept.indices.allSatisfy { state.choice.kept[$0] || stuck.contains($0) }
    }

    /// Says what a power loss of this run took. What a recovery does, it does not do to acknowledge something.
    var explanation: Explanation {
        Explanation(storage, history: earlier == nil ? judge.history : History())
    }

    // MARK: What was found

    func add(
        _ finding: Finding, cause: Set<Cause.Part>, _ smallest: CrashState, at points: Set<Int>
    ) {
        findings.add(
            finding, cause: cause, smallest, at: points, planned: report.statesPlanned)
    }

    /// Whether a state is to be looked into as an example of its outcome; each time counts.
    func wantsExample(of outcome: Characterisation) -> Bool {
        !isJudged && earlier == nil && failed == nil && examples.wants(outcome)
    }

    /// Counts and remarks of a recovery that was cut, and of those cut in it.
    func addRecovery(_ recovery: Exploration) {
        report.recoveriesCut += 1 + recovery.report.recoveriesCut
        report.statesAfterRecoveries +=
            recovery.report.statesPlanned + recovery.report.statesAfterRecoveries
        report.statesObserved += recovery.report.statesObserved
        shortfalls += recovery.shortfalls
        for note in recovery.notes where !notes.contains(note) { notes.append(note) }
        findings.addUnexplained(of: recovery.findings)
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
