import Oracles
import PowerLoss

/// What was found, by cause, and what was not looked into.
struct Findings {
    /// What this run has shown, after what others had.
    private(set) var groups: [Group]
    /// What a second power loss showed, in all recoveries that were cut.
    var ofRecoveries: [Group] = []
    /// What was shown after a sync had failed, in all such runs.
    private(set) var ofFailedSyncs: [Group] = []
    /// Violations beyond the findings that are looked for, by kind.
    private(set) var unexplained: [ViolationKind: Int] = [:]
    /// Kinds of violation that were met.
    private(set) var kinds: Set<ViolationKind> = []
    /// How many states were planned when the latest finding was added.
    private(set) var plannedAtLatest = 0
    private var flaky: [FlakyKey: Int] = [:]
    private let isInRecovery: Bool

    /// Violations that one smallest state explains.
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

    private struct FlakyKey: Hashable {
        let kind: ViolationKind
        let signature: Set<Cause.Part>
    }

    /// - Parameter known: groups that other runs have shown; they come first among `groups`.
    init(known: [Group], isInRecovery: Bool) {
        groups = known.map(\.elsewhere)
        self.isInRecovery = isInRecovery
    }

    /// Of this run, and what it began with.
    var found: [Finding] { groups.map(\.finding) }

    /// With those of a second power loss, and after a sync had failed.
    var all: [Finding] { found + (ofRecoveries + ofFailedSyncs).map(\.finding) }

    /// What is known for a run in which a sync fails.
    var known: [Group] { groups + ofFailedSyncs }

    // MARK: Groups

    /// Counts the violation where what was lost explains it already.
    mutating func count(
        _ kind: ViolationKind, _ signature: Set<Cause.Part>, at cut: Int
    ) -> Bool {
        count(kind) { $0.points.contains(cut) || $0.cause.isSubset(of: signature) }
    }

    /// Counts the violation where its smallest state has a known cause, or leaves a tree that shows it already.
    ///
    /// - Parameter points: crash points at which it shows when nothing is lost.
    mutating func count(
        _ kind: ViolationKind, cause: Set<Cause.Part>, _ smallest: CrashState, at points: Set<Int>
    ) -> Bool {
        count(kind, adding: points) { $0.cause == cause || $0.treeHash == smallest.hash }
    }

    private mutating func count(
        _ kind: ViolationKind, adding points: Set<Int> = [], where isIt: (Group) -> Bool
    ) -> Bool {
        let found = groups.firstIndex { $0.kind == kind && isIt($0) }
        guard let found else { return false }
        kinds.insert(kind)
        groups[found].finding.count += 1
        groups[found].points.formUnion(points)
        return true
    }

    /// - Parameter planned: how many states were planned by now.
    mutating func add(
        _ finding: Finding, cause: Set<Cause.Part>, _ smallest: CrashState, at points: Set<Int>,
        planned: Int
    ) {
        kinds.insert(finding.kind)
        plannedAtLatest = planned
        var finding = finding
        finding.cause = Cause(finding.kind, cause, isInRecovery: isInRecovery)
        groups.append(
            Group(
                kind: finding.kind, cause: cause, treeHash: smallest.hash, points: points,
                finding: finding))
    }

    mutating func addUnexplained(_ kind: ViolationKind) {
        kinds.insert(kind)
        unexplained[kind, default: 0] += 1
    }

    func groupCount(
        _ kind: ViolationKind, where isCounted: (Finding) -> Bool = { _ in true }
    ) -> Int {
        groups.count { $0.kind == kind && isCounted($0.finding) }
    }

    // MARK: Other runs

    /// Takes over what a run in which a sync failed has shown, which had begun with `known`.
    mutating func adopt(_ run: Findings) {
        for index in groups.indices {
            groups[index].finding.count = run.groups[index].finding.count
        }
        ofFailedSyncs = Array(run.groups.dropFirst(groups.count))
        addUnexplained(of: run)
    }

    mutating func addUnexplained(of run: Findings) {
        for (kind, count) in run.unexplained { unexplained[kind, default: 0] += count }
    }

    // MARK: Flakiness

    /// How often violations like this were looked at and did not show again.
    func flakyCount(_ kind: ViolationKind, _ signature: Set<Cause.Part>) -> Int {
        flaky[FlakyKey(kind: kind, signature: signature)] ?? 0
    }

    mutating func noteFlaky(_ kind: ViolationKind, _ signature: Set<Cause.Part>) {
        flaky[FlakyKey(kind: kind, signature: signature), default: 0] += 1
    }
}

/// Where outcomes are only counted: the first state of each that loses something, for a person to see.
struct Examples {
    private(set) var found: [Characterisation: Finding] = [:]
    private var tried: [Characterisation: Int] = [:]

    /// Whether a state is to be looked into as an example of its outcome; each time counts.
    mutating func wants(_ outcome: Characterisation) -> Bool {
        guard outcome != .none, found[outcome] == nil else { return false }
        tried[outcome, default: 0] += 1
        return tried[outcome]! <= 3
    }

    mutating func add(_ example: Finding, of outcome: Characterisation) {
        found[outcome] = example
    }
}
