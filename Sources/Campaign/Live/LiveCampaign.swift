import Basics
import FileTree
import Oracles
import PowerLoss
import Recording

/// A chain of lives: run, cut, recover, judge, go on.
///
/// One life is one power-on: the store recovers (server and observer), what it shows is judged against everything that was
/// acknowledged before, then its clients run until the power goes. The crash state is drawn from what the model allows, and
/// is the next life's base tree. What an observation showed is what the next life begins with: it becomes acknowledged, under
/// names of its own (`found-…`). So one history need not grow without end, and each life is a recording that can be explored
/// like any other: its setup's marks are those.
package final class LiveCampaign {
    let live: any LiveSubject
    let options: Options
    let clock: () -> Double
    var report: LiveReport
    var vocabulary = Vocabulary()
    private var random: RandomSource
    private var profile = LifeProfile()
    private var states: Set<UInt64> = []
    /// Seconds that went into looking at violations; no part of a cycle.
    var investigating = 0.0
    /// Told after each power loss.
    package var progress: (LiveReport) -> Void = { _ in }
    package var isCancelled: () -> Bool = { false }
    /// Where what is seen of the trees of lives that are looked into is kept.
    package var trials: (RecordedRun) -> (any TrialLog)? = { _ in nil }

    package struct Options: Sendable {
        package var cuts: Int
        package var target: CampaignOptions.Target
        /// Source of every choice: moments, and what is lost.
        package var seed: UInt64
        /// Findings that are looked for, per kind of violation.
        package var findingsPerKind = 2
        /// How many machines may lose their power at once, where the workload has several; nil: all.
        package var machinesAtOnce: Int?

        package init(cuts: Int, target: CampaignOptions.Target, seed: UInt64) {
            self.cuts = cuts
            self.target = target
            self.seed = seed
        }
    }

    /// What the next life begins with.
    struct Base {
        var tree: FileTree
        /// Marks of what is there, or was acknowledged, before the life.
        var marks: [UInt8]
        /// The life whose crash state it is; nil after setup.
        var ended: EndedLife?
        /// The lives before that one whose crash states nobody has seen, since the power went before they had recovered. Oldest
        /// first.
        var unseen: [EndedLife] = []
    }

    package init(_ live: any LiveSubject, _ options: Options, clock: @escaping () -> Double) {
        self.live = live
        self.options = options
        self.clock = clock
        random = RandomSource(seed: options.seed)
        report = LiveReport(live, cuts: options.cuts, options.target)
    }

    var subject: any Subject { live.subject }
    var promise: Promise { subject.promiseJudged(on: options.target.stack) }

    private func powerOn(_ tree: FileTree, _ number: Int) throws -> any PowerOn {
        try live.powerOn(tree, life: number, options.target.model.syncFailures[0])
    }

    package func run() -> LiveReport {
        let start = clock()
        do {
            guard subject.promise(on: options.target.stack) != nil else {
                throw Inconclusive(
                    "no store can keep a promise on the stack \(options.target.stack.name), and the workload states none for it"
                )
            }
            let base = try freshBase()
            try control(base)
            try lives(from: base)
        } catch {
            if isCancelled() {
                report.isInterrupted = true
            } else {
                report.inconclusive = "\(error)"
            }
        }
        report.seconds = clock() - start
        return report
    }

    private func freshBase() throws -> Base {
        let (tree, output) = try live.setUp()
        return Base(tree: try tree.compacted(), marks: output, ended: nil)
    }

    // MARK: The control

    /// A life without power loss: what the program does in one, and whether the observer sees it.
    private func control(_ base: Base) throws {
        let first = try powerOn(base.tree, 0)
        let before = try first.recover(patience: 4)
        first.arm(nil)
        let outcome = try first.runToEnd()
        guard outcome == .exited(0) else {
            throw Inconclusive("without any power loss, run \(outcome)")
        }
        profile.steps = first.steps
        profile.seconds = first.runSeconds
        let (tree, recording) = try first.cut()
        let run = RecordedRun(recording: recording, setupOutput: base.marks)
        let second = try powerOn(tree, 0)
        let complete = try second.recover(patience: 4)
        _ = try second.cut()
        switch positiveControl(
            base: before, complete: complete, history: run.history, promise: promise,
            recordCount: recording.count, now: recording.latestMoment(of: recording.count))
        {
        case .inconclusive(let reason): throw Inconclusive(reason)
        case .violation(let violation):
            report.counts.losses += 1
            report.counts.kinds[violation.kind, default: 0] += 1
            report.notes.append(.withoutPowerLoss(violation))
        case nil: break
        }
        vocabulary = Vocabulary(complete: complete, history: run.history)
        // What is carried from life to life is named by keys, not by the transactions that wrote them.
        vocabulary.namesTransactionsWithKeys = false
    }

    // MARK: The chain

    private func lives(from first: Base) throws {
        var base = first
        var number = 1
        var unfruitful = 0
        while report.counts.cuts < options.cuts, !isCancelled() {
            let before = report.counts.acknowledged
            base = try life(on: base, number)
            number += 1
            unfruitful = report.counts.acknowledged > before ? 0 : unfruitful + 1
            guard unfruitful < 50 else {
                throw Inconclusive("nothing was acknowledged in the last \(unfruitful) lives")
            }
            progress(report)
        }
        // The last crash state is to be judged, too.
        if base.ended != nil, !isCancelled() { try judgeLast(base, number) }
        report.isInterrupted = isCancelled()
    }

    /// One life, from power-on to power loss.
    ///
    /// - Returns: what the next one begins with.
    private func life(on base: Base, _ number: Int) throws -> Base {
        let start = clock()
        let investigated = investigating
        let moment = profile.moment(&random)
        let power = try powerOn(base.tree, number)
        if moment.isInRecovery { power.arm(moment) }
        var base = base
        var isRecovered = false
        do {
            let shown = try power.recover(patience: 1)
            try judge(shown, &base)
            isRecovered = true
            profile.recoverySteps = max(1, power.steps.count)
            power.arm(moment.isInRecovery ? nil : moment)
            try power.runUntilPowerGoes(moment)
            report.counts.cutsAtRest += 1
        } catch is PowerGone {
            if !isRecovered { report.counts.cutsInRecovery += 1 }
        } catch let error as StoreLost {
            // What broke is told; the chain begins anew.
            _ = try power.cut()
            try error.check()
            return try freshBase()
        }
        let storeSeconds = power.storeSeconds
        let next = try cut(power, base, number, "\(moment)", isRecovered: isRecovered)
        report.cycles.add(clock() - start - (investigating - investigated), store: storeSeconds)
        return next
    }

    private func cut(
        _ power: any PowerOn, _ base: Base, _ number: Int, _ moment: String, isRecovered: Bool
    ) throws -> Base {
        let recording = try power.cut().recording
        // What nobody has looked at yet is still to be judged by the marks that led to it.
        let marks = isRecovered ? base.marks : base.ended?.run.allMarks ?? base.marks
        let unseen = isRecovered ? [] : base.unseen + (base.ended.map { [$0] } ?? [])
        let faults = power.faults
        for (index, fault) in faults.enumerated() { report.faults[index].add(fault) }
        let run = RecordedRun(
            recording: recording, setupOutput: marks,
            setupIsAtRest: isRecovered || base.ended == nil, end: nil,
            outcome: "lost its power \(moment)", faults: faults.filter { $0.fired > 0 })
        let log = try EffectLog(recording)
        let isReported = log.reportsSyncs && (isRecovered || base.ended?.isReported ?? true)
        let state = draw(log)
        report.counts.acknowledged += run.history.view(at: .max).acknowledged
            .count { $0.settledSequence >= 0 }
        var tree = state.tree
        tree.dropUnreachable()
        return Base(
            tree: tree.owners.count > 8 ? try tree.compacted() : tree, marks: marks,
            ended: EndedLife(
                number: number, run: run, plan: state.plan, moment: moment,
                isReported: isReported),
            unseen: unseen)
    }

    /// What the storage holds after the power loss that a life ended with.
    private func draw(_ log: EffectLog) -> CrashState {
        let storage = Storage(
            log: log, model: options.target.model, stack: options.target.stack)
        let losers = MachineSet.losing(options.machinesAtOnce, of: max(1, log.machines.count))
            .randomElement(using: &random)!
        let pending = storage.pending(at: storage.lastCrashPoint, losing: losers)
        let state = storage.drawnState(pending, seed: random.next())
        states.insert(state.hash)
        report.counts.cuts += 1
        report.counts.states = states.count
        report.counts.machinesLost += log.machines.isEmpty ? 0 : losers.count
        report.counts.effectsAtRisk += pending.effects.count
        report.counts.effectsLost += state.choice.kept.count { !$0 }
        return state
    }

    private func judgeLast(_ base: Base, _ number: Int) throws {
        var base = base
        let power = try powerOn(base.tree, number)
        do {
            let shown = try power.recover(patience: 1)
            _ = try power.cut()
            try judge(shown, &base)
        } catch let error as StoreLost {
            try error.check()
        }
    }
}
