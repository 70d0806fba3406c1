import Basics
import FileTree
import Oracles
import PowerLoss
import Recording

/// The power loss from which the explored run recovered.
struct EarlierPowerLoss {
    /// Where the history was cut: what was acknowledged until then is what counts.
    let cut: Int
    /// The latest moment until which the power may have been on; nanoseconds of the log's clock.
    let time: UInt64
    /// What the recovery showed.
    let shown: Observation
    /// How many of its records were there when it had shown everything; one more than there are when it has not.
    let shownAt: Int
    /// The power losses in its own recovery's past; none where the power had gone but once.
    let recoveries: [RecoveryCut]
    /// Of the first power loss, and the hash of the tree that it left.
    let plan: CrashPlan
    let treeHash: UInt64
    /// What each of them took, the first one first.
    let lost: [[Culprit]]

    func hasShown(before point: Int) -> Bool { point >= shownAt }
}

/// The power goes again while the store recovers: a recovery is a run, and is cut like one.
extension Campaign {
    /// States that are tried in one recovery.
    private static let statesPerRecovery = 256
    /// Recoveries that are cut ahead of others, of those that do the same to files of the same name pattern.
    private static let recoveriesPerShape = 4
    /// Recoveries that are looked through for one of a new shape; if there is none among them, the last is cut.
    private static let lookedThrough = 16

    /// The recoveries of one target, in the order of its crash states.
    private final class Recoveries {
        let of: Exploration
        var search: PlanSearch
        var trees: Set<UInt64> = []
        var shapes: [UInt64: Int] = [:]
        /// Those whose shape was known well enough: their turn comes when nothing new comes up.
        var later: [CrashState] = []
        private var taken = 0
        var isFinished = false

        init(of exploration: Exploration, _ options: CampaignOptions) {
            of = exploration
            search = PlanSearch(
                exploration.storage, seed: options.seed, ending: options.ending,
                machinesAtOnce: options.machinesAtOnce)
        }

        /// The next of `later`; nil when all had their turn.
        func takeLater() -> CrashState? {
            guard taken < later.count else { return nil }
            taken += 1
            return later[taken - 1]
        }
    }

    /// - Returns: what a reader should know of it.
    func cutRecoveries(
        _ explorations: [Exploration], _ observations: Observations, _ budget: Budget
    ) -> Note {
        let all = explorations.filter(\.isJudged).map { Recoveries(of: $0, options) }
        while true {
            let open = all.filter { !$0.isFinished }
            guard !open.isEmpty, !budget.isSpent else { break }
            for recoveries in open where !budget.isSpent {
                recoveries.of.turn.began = clock()
                cutNext(recoveries, depth: options.nested, budget, observations)
                recoveries.of.report.seconds += clock() - recoveries.of.turn.began
            }
            say(explorations, observations)
        }
        let cut = all.reduce(0) { $0 + $1.of.report.recoveriesCut }
        let states = all.reduce(0) { $0 + $1.of.report.statesAfterRecoveries }
        return cut > 0
            ? .recoveriesCut(cut, states: states, isAll: all.allSatisfy(\.isFinished))
            : .noRecoveryCut(budgetEnded: budget.isSpent)
    }

    private func say(_ explorations: [Exploration], _ observations: Observations) {
        progress(
            Progress(
                workload: subject.name, phase: "cutting recoveries",
                planned: explorations.reduce(0) {
                    $0 + $1.report.statesPlanned + $1.report.statesAfterRecoveries
                }, observed: observations.entries.count,
                findings: explorations.reduce(0) { $0 + $1.findings.all.count }))
    }

    /// Finds one more recovery that changes something and shows what it should, and cuts it.
    private func cutNext(
        _ recoveries: Recoveries, depth: Int, _ budget: Budget, _ observations: Observations
    ) {
        let exploration = recoveries.of
        var passedBy = 0
        while !budget.isSpent {
            let new = recoveries.search.next()
            guard let next = new ?? recoveries.takeLater() else {
                recoveries.isFinished = true
                return
            }
            guard new == nil || recoveries.trees.insert(next.hash).inserted,
                isToBeCut(next, exploration, observations)
            else { continue }
            do {
                let recovery = try observations.observeAfresh(next.tree, patience: 1)
                exploration.report.statesObserved += 1
                guard recovery.changed, recovery.observation.isComplete else { continue }
                let log = try EffectLog(recovery.recording)
                let shape = Self.shape(log)
                if new != nil, recoveries.shapes[shape, default: 0] >= Self.recoveriesPerShape,
                    passedBy < Self.lookedThrough
                {
                    recoveries.later.append(next.withoutTree)
                    passedBy += 1
                    continue
                }
                recoveries.shapes[shape, default: 0] += 1
                let earlier = earlier(exploration, next, recovery)
                cut(log, after: earlier, recoveries, depth: depth, budget, observations)
                return
            } catch {
                exploration.shortfalls.append("\(error)")
            }
        }
    }

    /// Whether what recovery did to a tree was observed, changed something and showed what it should.
    private func isToBeCut(
        _ state: CrashState, _ exploration: Exploration, _ observations: Observations
    ) -> Bool {
        guard let index = observations.index(state.hash) else { return false }
        let entry = observations.entries[index]
        return entry.isChanging && entry.observation.isComplete
            && exploration.judging.violations(state, observations)?.isEmpty ?? false
    }

    /// Equal for recoveries that make the same changes to files of the same name pattern.
    private static func shape(_ log: EffectLog) -> UInt64 {
        (0..<log.recording.count).reduce(0) { hash, record in
            StableHash.mix(hash, StableHash.of(Array(log.call(record).shape.utf8)))
        }
    }

    private func earlier(
        _ exploration: Exploration, _ state: CrashState, _ recovery: Recovery
    ) -> EarlierPowerLoss {
        let point = state.crashPoint
        let plan = state.plan
        var recoveries: [RecoveryCut] = []
        var first = (plan: plan, treeHash: state.hash)
        if let before = exploration.earlier {
            first = (before.plan, before.treeHash)
            recoveries =
                before.recoveries + [
                    RecoveryCut(
                        recording: exploration.storage.log.recording, plan: plan,
                        treeHash: state.hash)
                ]
        }
        return EarlierPowerLoss(
            cut: exploration.judging.judgedCut(point), time: exploration.judging.time(of: point),
            shown: recovery.observation,
            shownAt: recovery.recording.recordsUntilListed(recovery.observation),
            recoveries: recoveries, plan: first.plan, treeHash: first.treeHash,
            lost: (exploration.earlier?.lost ?? []) + [exploration.explanation.culprits(state)])
    }

    private func cut(
        _ log: EffectLog, after earlier: EarlierPowerLoss, _ recoveries: Recoveries, depth: Int,
        _ budget: Budget, _ observations: Observations
    ) {
        let parent = recoveries.of
        let known = parent.findings.ofRecoveries
        let exploration = Exploration(
            Storage(log: log, model: parent.storage.model, stack: parent.storage.stack),
            judge: parent.judge, isJudged: true, counting: nil, options: options,
            ending: options.ending, after: earlier, known: known)
        while !exploration.turn.isFinished, !budget.isSpent {
            let left = Self.statesPerRecovery - exploration.report.statesPlanned
            guard left > 0 else { break }
            explore(
                min(left, options.batch, budget.states ?? .max), exploration, observations, budget)
        }
        parent.findings.ofRecoveries = exploration.findings.groups.enumerated().map {
            index, group in
            // What was known keeps its own recording; its count has grown.
            index < known.count ? group : Self.whole(group, exploration)
        }
        if depth > 1 {
            let deeper = Recoveries(of: exploration, options)
            exploration.findings.ofRecoveries = parent.findings.ofRecoveries
            for _ in 0..<Self.recoveriesPerShape where !deeper.isFinished && !budget.isSpent {
                cutNext(deeper, depth: depth - 1, budget, observations)
            }
            parent.findings.ofRecoveries = exploration.findings.ofRecoveries
        }
        parent.addRecovery(exploration)
    }

    /// A finding of a recovery, told from the first power loss on.
    private static func whole(
        _ group: Findings.Group, _ exploration: Exploration
    ) -> Findings.Group {
        guard let earlier = exploration.earlier, let hash = group.finding.treeHash else {
            return group
        }
        let recording = exploration.storage.log.recording
        var group = group
        group.finding.recoveries =
            earlier.recoveries + [
                RecoveryCut(recording: recording, plan: group.finding.plan, treeHash: hash)
            ]
        group.finding.explanation.lostBefore = earlier.lost
        group.finding.plan = earlier.plan
        group.finding.treeHash = earlier.treeHash
        return group
    }
}

extension Recording {
    /// What the programs printed to their standard output.
    package var output: [UInt8] {
        var bytes: [UInt8] = []
        for sequence in 0..<count {
            if case .mark(let mark) = self[sequence].event { bytes += mark.buffer }
        }
        return bytes
    }

    /// The latest moment until which the power may have been on, for a power loss at this crash point: the next record had
    /// not come. Nothing tells how long it was on after the last one. Nanoseconds of the log's clock.
    package func latestMoment(of crashPoint: Int) -> UInt64 {
        count == 0 ? 0 : self[min(crashPoint, count - 1)].time
    }

    /// How many records there were when the listing of `output` was complete; one more than there are when it never was.
    func recordsUntilListed(_ observation: Observation) -> Int {
        let length = observation.listingLength ?? .max
        var printed = 0
        for sequence in 0..<count {
            guard case .mark(let bytes) = self[sequence].event else { continue }
            printed += bytes.buffer.count
            if printed >= length { return sequence + 1 }
        }
        return count + 1
    }
}
