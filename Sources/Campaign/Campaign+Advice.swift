import FileTree
import Oracles
import PowerLoss

/// Which syncs mend a finding. None is advised that does not: each is put into the log, and what the storage may then hold
/// around the finding is judged again.
extension Campaign {
    /// - Returns: nil where nothing is known that mends it.
    func advice(
        _ violation: Violation, _ smallest: SmallestState, _ exploration: Exploration,
        _ observations: Observations
    ) -> Advice? {
        let explanation = exploration.explanation
        if let known = explanation.adviceWithoutSync(violation, smallest) { return known }
        let trial = SyncTrial(smallest.state, violation, exploration)
        switch mend(trial, observations) {
        case .unknown: return nil
        case .violates: return explanation.adviceBesideSyncs(smallest.state)
        case .heals:
            dropNeedless(trial, observations)
            return .syncs(missingSyncs(trial, observations))
        }
    }

    /// Adds syncs until nothing around the finding is wrong: what still is shows what is yet to be synced, and how early.
    private func mend(_ trial: SyncTrial, _ observations: Observations) -> SyncTrial.Outcome {
        trial.add(trial.found)
        var outcome = SyncTrial.Outcome.unknown
        for _ in 0..<SyncTrial.rounds {
            let storage = trial.storage(adding: trial.syncs)
            outcome = judge(trial, storage, observations)
            guard case .violates(let state, let kind) = outcome else { return outcome }
            let left = Shrinker(storage, from: trial.exploration.firstPoint).shrink(state) {
                violation(kind, $0, trial.exploration, observations) != nil
            }
            let count = trial.syncs.count
            trial.add(left)
            guard trial.syncs.count > count else { return outcome }
        }
        return outcome
    }

    /// Of several syncs of one file the last that suffices is enough.
    private func dropNeedless(_ trial: SyncTrial, _ observations: Observations) {
        guard trial.syncs.count > 1 else { return }
        for sync in trial.syncs.sorted(by: { $0.record < $1.record }) {
            let fewer = trial.syncs.filter { $0 != sync }
            if !fewer.isEmpty,
                case .heals = judge(trial, trial.storage(adding: fewer), observations)
            {
                trial.syncs = fewer
            }
        }
    }

    /// A sync may be made at any time that the advice allows: where it helps only after the last change of its file, that is
    /// what it says.
    private func missingSyncs(
        _ trial: SyncTrial, _ observations: Observations
    ) -> [MissingSync] {
        let early = trial.syncs.map {
            AddedSync(before: trial.lastFault(beforeSync: $0) + 1, $0.sync)
        }
        var isEarlyEnough = early == trial.syncs
        if !isEarlyEnough,
            case .heals = judge(trial, trial.storage(adding: early), observations)
        {
            isEarlyEnough = true
        }
        let explanation = trial.exploration.explanation
        return trial.syncs.sorted { $0.record < $1.record }.map { sync in
            let fault = trial.fault(of: sync)
            let after =
                isEarlyEnough ? trial.lastFault(beforeSync: sync) : trial.lastChange(before: sync)
            return explanation.missingSync(
                fault, after: after, before: sync.record, trial.violation)
        }
    }

    private func judge(
        _ trial: SyncTrial, _ storage: Storage, _ observations: Observations
    ) -> SyncTrial.Outcome {
        let exploration = trial.exploration
        guard mayObserve(exploration) else { return .unknown }
        let states = trial.states(storage)
        var queued: Set<UInt64> = []
        let unknown = states.filter {
            !observations.isObserved($0.hash) && queued.insert($0.hash).inserted
        }
        guard unknown.count <= SyncTrial.mostObservations else { return .unknown }
        exploration.report.statesObserved += observations.observe(unknown)
        for state in states {
            guard let found = exploration.judging.violations(state, observations) else {
                return .unknown
            }
            guard !found.isEmpty else { continue }
            let atRest = kindsWithoutLoss(at: state.crashPoint, exploration, observations)
            if let violation = found.first(where: { !atRest.contains($0.kind) }) {
                return .violates(state, violation.kind)
            }
        }
        return .heals
    }

    /// What is wrong at a crash point although nothing is lost: no sync is to blame for it.
    private func kindsWithoutLoss(
        at point: Int, _ exploration: Exploration, _ observations: Observations
    ) -> Set<ViolationKind> {
        let state = CrashState(exploration.storage, losingNothingAt: point)
        return Set((violations(state, exploration, observations) ?? []).map(\.kind))
    }
}

/// Syncs on trial for one finding.
final class SyncTrial {
    enum Outcome {
        case heals
        /// A state that is still wrong, and in which way.
        case violates(CrashState, ViolationKind)
        /// There was no time to find out.
        case unknown
    }

    /// How many sets of syncs are tried.
    static let rounds = 4
    static let mostObservations = 64
    private static let mostPoints = 12

    /// The smallest state that shows it.
    let found: CrashState
    let violation: Violation
    let exploration: Exploration
    var syncs: [AddedSync] = []
    /// Effects whose loss was at fault, by what would have synced them; in log order.
    private var faults: [Sync: [Explanation.Loss]] = [:]
    private let log: EffectLog
    private let explanation: Explanation

    init(_ found: CrashState, _ violation: Violation, _ exploration: Exploration) {
        self.found = found
        self.violation = violation
        self.exploration = exploration
        log = exploration.storage.log
        explanation = exploration.explanation
    }

    func storage(adding syncs: [AddedSync]) -> Storage {
        let storage = exploration.storage
        return Storage(log: log, model: storage.model, stack: storage.stack, adding: syncs)
    }

    /// Adds the syncs that are missing in a smallest state: just before its last record, without which nothing is
    /// wrong, or before the file gets another name.
    func add(_ state: CrashState) {
        let last = state.crashPoint - 1
        let history = exploration.judge.history
        for fault in Explanation(state.storage, history: history).faults(state)
        where fault.record < last {
            let sync = explanation.sync(of: fault)
            faults[sync, default: []].append(fault)
            faults[sync]!.sort { $0.effect < $1.effect }
            let added = AddedSync(before: nextName(fault, before: last) ?? last, sync)
            if !syncs.contains(added) { syncs.append(added) }
        }
    }

    /// The first record that gives the file of a lost content a name, which then shows what is missing.
    private func nextName(_ fault: Explanation.Loss, before last: Int) -> Int? {
        if case .name = fault.logged.effect.change { return nil }
        let later = log.effects[log.firstEffect[fault.record + 1]..<log.firstEffect[last]]
        return later.first { logged in
            guard logged.effect.inode == fault.logged.effect.inode,
                case .name(_, present: true) = logged.effect.change
            else { return false }
            return true
        }?.id.record
    }

    /// The fault that a sync is to mend: the last one before it.
    func fault(of sync: AddedSync) -> Explanation.Loss {
        let all = faults[sync.sync]!
        return all.last { $0.record < sync.record } ?? all[0]
    }

    func lastFault(beforeSync sync: AddedSync) -> Int { fault(of: sync).record }

    /// The last record before the sync that changes something that it is of.
    func lastChange(before sync: AddedSync) -> Int {
        let first = log.firstEffect[lastFault(beforeSync: sync)]
        return (first..<log.firstEffect[sync.record]).last { isMended($0, by: [sync.sync]) }
            .map { log.effects[$0].id.record } ?? lastFault(beforeSync: sync)
    }

    private func isMended(_ effect: Int, by syncs: Set<Sync>) -> Bool {
        if case .birth = log.effects[effect].effect.change { return false }
        return syncs.contains(
            explanation.sync(of: Explanation.Loss(effect: effect, logged: log.effects[effect])))
    }

    // MARK: The neighbourhood

    /// Power losses from the first fault on that take what the syncs are to keep: what was found, all changes of the files and
    /// directories at fault, and those of each record alone.
    func states(_ storage: Storage) -> [CrashState] {
        points().flatMap { states(storage, at: $0) }
    }

    /// Crash points after each change of what is at fault, and the last two. Where they are many, the first and the last.
    private func points() -> [Int] {
        let end = found.crashPoint
        let first = faults.values.compactMap(\.first?.record).min() ?? end - 1
        let mine = Set(faults.keys)
        var points = Set([end - 1, end] + syncs.map(\.record))
        for effect in log.firstEffect[first]..<log.firstEffect[end] where isMended(effect, by: mine)
        {
            points.insert(log.effects[effect].id.record + 1)
        }
        for record in first..<end {
            if log.firstEffect[record] < log.firstEffect[record + 1] { points.insert(record + 1) }
        }
        let sorted = points.filter { $0 > first && $0 <= end }.sorted()
        guard sorted.count > Self.mostPoints else { return sorted }
        return Array(sorted.prefix(Self.mostPoints / 2) + sorted.suffix(Self.mostPoints / 2))
    }

    private func states(_ storage: Storage, at point: Int) -> [CrashState] {
        let pending = storage.pending(at: point, losing: found.pending.machines)
        let sets = storage.closedSets(pending)
        let wanted = Set(faults.keys)
        let mine = pending.effects.indices.filter { isMended(pending.effects[$0], by: wanted) }
        guard !mine.isEmpty else { return [] }
        let atFault = Set(faults.values.joined().map(\.effect))
        var losses = [mine, mine.filter { atFault.contains(pending.effects[$0]) }]
        let byRecord = Dictionary(grouping: mine) { log.effects[pending.effects[$0]].id.record }
        losses += byRecord.keys.sorted().suffix(4).map { byRecord[$0]! }
        var states = losses.filter { !$0.isEmpty }.map { loss in
            var choice = Storage.Choice.losingNothing(of: pending)
            for index in loss {
                for lost in sets.dependents(of: index) { choice.kept[lost] = false }
            }
            return CrashState(storage, pending, choice)
        }
        let same = CrashState(storage, found.pending, found.choice)
        if let earlier = same.earlier(at: point), !earlier.losesNothing { states.append(earlier) }
        return states
    }
}
