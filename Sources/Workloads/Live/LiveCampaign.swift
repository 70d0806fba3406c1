import Basics
import Campaign
import FileTree
import FuseMount
import Glibc
import Oracles
import PowerLoss
import Recording
import Stage

/// A chain of lives: run, cut, recover, judge, go on.
///
/// One life is one power-on: the store recovers (server and observer), what it shows is judged against everything that was
/// acknowledged before, then its clients run until the power goes. The crash state is drawn from what the model allows, and
/// is the next life's base tree. What an observation showed is what the next life begins with: it becomes acknowledged, under
/// names of its own (`found-…`). So one history need not grow without end, and each life is a recording that can be explored
/// like any other: its setup's marks are those.
package final class LiveCampaign {
    private let subject: WorkloadSubject
    private let options: Options
    private let stage: any Stage
    private var report: LiveReport
    private var random: RandomSource
    private var profile = LifeProfile()
    private var vocabulary = Vocabulary()
    private var states: Set<UInt64> = []
    /// Seconds that went into looking at violations; no part of a cycle.
    private var investigating = 0.0
    /// Told after each power loss.
    package var progress: (LiveReport) -> Void = { _ in }
    package var isCancelled: () -> Bool = { false }

    /// What the next life begins with.
    private struct Base {
        var tree: FileTree
        /// Marks of what is there, or was acknowledged, before the life.
        var marks: [UInt8]
        /// The life whose crash state it is; nil after setup.
        var ended: EndedLife?
        /// The lives before that one whose crash states nobody has seen, since the power went before they had recovered. Oldest
        /// first.
        var unseen: [EndedLife] = []
    }

    package init(_ subject: WorkloadSubject, _ options: Options) throws {
        self.subject = subject
        self.options = options
        random = RandomSource(seed: options.seed)
        stage = try subject.stage()
        report = LiveReport(
            name: subject.name, about: subject.about, promise: subject.promise.description,
            model: options.target.model.name, stack: options.target.stack.name, seed: options.seed,
            cutsWanted: options.cuts)
        report.faults = subject.faults.plan.rules.map {
            FaultCount(text: "\($0)", matched: 0, fired: 0)
        }
        if subject.faults.syncError != nil {
            report.notes.append(
                "`sync` among its faults works with `perjury run` only: here none was made to"
            )
        }
        report.expectation = subject.expectation.outcome(
            model: options.target.model.name, stack: options.target.stack.name)
    }

    deinit {
        stage.close()
    }

    private var promise: Promise {
        subject.promiseJudged(on: options.target.stack)
    }

    private func power(_ tree: FileTree, _ number: Int) throws -> Power {
        try Power(subject, stage, tree, number, options.target.model.syncFailures[0])
    }

    // MARK: The chain

    package func run() -> LiveReport {
        let start = MonotonicClock.seconds
        do {
            if let missing = subject.workload.missingRequirement { throw HarnessError(missing) }
            guard subject.promise(on: options.target.stack) != nil else {
                throw HarnessError(
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
        report.seconds = MonotonicClock.seconds - start
        return report
    }

    private func freshBase() throws -> Base {
        let (tree, output) = try subject.setUp(stage)
        return Base(tree: try tree.compacted(), marks: output, ended: nil)
    }

    private func lives(from first: Base) throws {
        var base = first
        var number = 1
        var unfruitful = 0
        while report.cuts < options.cuts, !isCancelled() {
            let before = report.acknowledged
            base = try live(base, number)
            number += 1
            unfruitful = report.acknowledged > before ? 0 : unfruitful + 1
            guard unfruitful < 50 else {
                throw HarnessError("nothing was acknowledged in the last \(unfruitful) lives")
            }
            progress(report)
        }
        // The last crash state is to be judged, too.
        if base.ended != nil, !isCancelled() { try judgeLast(base, number) }
        report.isInterrupted = isCancelled()
    }

    /// One life, from power-on to power loss.
    private func live(_ base: Base, _ number: Int) throws -> Base {
        let start = MonotonicClock.seconds
        let investigated = investigating
        let moment = profile.moment(&random)
        let chain = try power(base.tree, number)
        if moment.isInRecovery { chain.arm(moment) }
        var base = base
        var isRecovered = false
        do {
            let shown = try chain.recover(patience: 1)
            try judge(shown, &base, chain)
            isRecovered = true
            profile.recoverySteps = max(1, chain.stepCount)
            chain.arm(moment.isInRecovery ? nil : moment)
            try chain.runUntilPowerGoes(moment)
            report.cutsAtRest += 1
        } catch is Life.PowerGone {
            if !isRecovered { report.cutsInRecovery += 1 }
        } catch let error as StoreLost {
            // What broke is told; the chain begins anew.
            _ = try chain.cut()
            if !error.isExplained {
                throw HarnessError("recovery told nothing: \(error.reason)")
            }
            return try freshBase()
        }
        let storeSeconds = chain.storeSeconds
        let next = try cut(chain, base, number, "\(moment)", isRecovered: isRecovered)
        report.cycleSeconds.append(
            MonotonicClock.seconds - start - (investigating - investigated))
        report.storeSeconds.append(storeSeconds)
        return next
    }

    private func cut(
        _ chain: Power, _ base: Base, _ number: Int, _ moment: String, isRecovered: Bool
    ) throws -> Base {
        let recording = try chain.cut().recording
        // What nobody has looked at yet is still to be judged by the marks that led to it.
        let marks = isRecovered ? base.marks : base.ended?.run.allMarks ?? base.marks
        let unseen = isRecovered ? [] : base.unseen + (base.ended.map { [$0] } ?? [])
        var faults = report.faults.map { FaultCount(text: $0.text, matched: 0, fired: 0) }
        faults.add(chain.faultRules)
        report.faults.add(chain.faultRules)
        let run = RecordedRun(
            recording: recording, setupOutput: marks,
            setupIsAtRest: isRecovered || base.ended == nil, end: nil,
            outcome: "lost its power \(moment)", faults: faults.fired)
        let log = try EffectLog(recording)
        let isReported = log.reportsSyncs && (isRecovered || base.ended?.isReported ?? true)
        let storage = Storage(
            log: log, model: options.target.model, stack: options.target.stack)
        let machines = powerLosses.randomElement(using: &random)!
        report.machinesLost += log.machines.isEmpty ? 0 : machines.count
        let pending = storage.pending(at: storage.lastCrashPoint, losing: machines)
        let state = storage.drawnState(pending, seed: random.next())
        var tree = state.tree
        states.insert(state.hash)
        tree.dropUnreachable()
        report.cuts += 1
        report.states = states.count
        report.effectsAtRisk += pending.effects.count
        report.effectsLost += state.choice.kept.count { !$0 }
        report.acknowledged += run.history.view(at: .max).acknowledged
            .count { $0.settledSequence >= 0 }
        return Base(
            tree: tree.owners.count > 8 ? try tree.compacted() : tree, marks: marks,
            ended: EndedLife(
                number: number, run: run, plan: state.plan, moment: moment,
                isReported: isReported),
            unseen: unseen)
    }

    /// Which machines may lose their power together.
    private var powerLosses: [MachineSet] {
        let file = subject.workload.file
        return MachineSet.losing(
            options.mountsAtOnce ?? file.mountsAtOnce, of: max(1, file.mounts.count))
    }

    // MARK: Judging

    /// Why a chain of lives cannot go on from its latest state.
    private struct StoreLost: Error {
        let reason: String
        /// By a violation that was told, or by syncs that were not done: the chain begins anew.
        let isExplained: Bool
    }

    /// Judges what the store shows of a base against all that was acknowledged, and makes it what the life begins with.
    private func judge(_ shown: Observation, _ base: inout Base, _ chain: Power?) throws {
        defer {
            base.ended = nil
            base.unseen = []
        }
        guard let ended = base.ended else {
            if let shortfall = shown.shortfall { throw HarnessError(shortfall) }
            return
        }
        if let objection = ended.run.history.objection {
            throw HarnessError(
                "\(objection) (each life must use names of its own: PERJURY_LIFE counts them)")
        }
        guard ended.isReported else {
            report.unjudged += 1
            try takeOver(shown, &base, isExplained: true)
            return
        }
        report.judged += 1
        let judge = Judge(ended.run.history, promise: promise, vocabulary: vocabulary)
        let count = ended.run.recording.count
        // The life goes on with what it saw: there is no second start to compare, and each life is asked for its failed sync.
        let violations = judge.violations(
            Showing(shown),
            Circumstances(cut: count, now: ended.run.recording.latestMoment(of: count)))
        if !violations.isEmpty {
            report.losses += 1
            let lives = base.unseen + [ended]
            let kinds = try violations.map { violation in
                try lives.reduce(violation) { try $1.named($0, options.target) }.kind
            }
            let new = zip(violations, kinds).filter {
                report.kinds[$1, default: 0] < options.findingsPerKind
            }
            for kind in kinds { report.kinds[kind, default: 0] += 1 }
            if !new.isEmpty { investigate(lives, new.map(\.0)) }
        }
        try takeOver(shown, &base, isExplained: !violations.isEmpty)
    }

    /// Makes what is seen what the life begins with.
    private func takeOver(_ shown: Observation, _ base: inout Base, isExplained: Bool) throws {
        guard shown.isComplete else {
            throw StoreLost(
                reason: shown.shortfall ?? "the observer \(shown.outcome)",
                isExplained: isExplained)
        }
        // Whatever a damaged store does next, this is the cause.
        guard shown.corruptions.isEmpty else {
            throw StoreLost(reason: "the store is damaged", isExplained: isExplained)
        }
        base.marks = shown.asMarks
    }

    /// Writes the life that ended with it, and finds the smallest plan that shows it.
    ///
    /// - Parameter lives: the last is the one that was judged. What a power loss during its recovery shows may have come about
    ///   in an earlier one, whose crash state nobody had seen: the first that shows it by itself is where it did.
    private func investigate(_ lives: [EndedLife], _ violations: [Violation]) {
        let start = MonotonicClock.seconds
        defer { investigating += MonotonicClock.seconds - start }
        for life in lives
        where investigate(life, violations, isLast: life.number == lives.last?.number) {
            return
        }
    }

    /// - Returns: whether it shows.
    private func investigate(_ ended: EndedLife, _ violations: [Violation], isLast: Bool) -> Bool {
        do {
            let path = try save(ended)
            let run = try RecordedRun(path: path)
            let campaign = Campaign(
                subject, options: CampaignOptions(targets: [options.target]),
                clock: { MonotonicClock.seconds })
            let (findings, shortfalls) = try campaign.findings(
                of: run, plan: ended.plan, options.target, kinds: violations.map(\.kind),
                vocabulary: vocabulary)
            for finding in findings {
                report.findings.append(
                    LiveFinding(
                        finding: finding, life: ended.number, recordingPath: path,
                        moment: ended.moment))
            }
            if findings.isEmpty && !isLast {
                unlink(path)
            } else if findings.isEmpty {
                report.notes.append(
                    "life \(ended.number), cut \(ended.moment): \(violations[0].summary); not shown again: "
                        + (shortfalls.first ?? "the observer alone sees nothing wrong")
                        + "; \(path)"
                )
            }
            return !findings.isEmpty
        } catch {
            report.notes.append(
                "life \(ended.number): \(violations[0].summary); not looked into: \(error)")
            return true
        }
    }

    private func save(_ ended: EndedLife) throws -> String {
        let folder = "\(options.out)/recordings"
        for path in [options.out, folder] { mkdir(path, 0o700) }
        let path = "\(folder)/\(subject.name)-life-\(ended.number).perjury"
        unlink(path)
        do {
            var notes = [
                "workload": Array(subject.workload.folder.utf8),
                "setup": ended.run.setupOutput,
                "outcome": Array(ended.run.outcome.utf8),
                RecordedRun.faultsNote: RecordedRun.bytes(of: ended.run.faults),
            ]
            if !ended.run.setupIsAtRest { notes[RecordedRun.setupNotAtRestNote] = [] }
            try ended.run.recording.save(to: path, notes: notes)
        } catch {
            throw HarnessError("writing \(path): \(error); name another folder with --out")
        }
        return path
    }

    private func judgeLast(_ base: Base, _ number: Int) throws {
        var base = base
        let chain = try power(base.tree, number)
        do {
            let shown = try chain.recover(patience: 1)
            _ = try chain.cut()
            try judge(shown, &base, nil)
        } catch let error as StoreLost {
            if !error.isExplained {
                throw HarnessError("recovery told nothing: \(error.reason)")
            }
        }
    }

    // MARK: The control

    /// A life without power loss: what the program does in one, and whether the observer sees it.
    private func control(_ base: Base) throws {
        let first = try power(base.tree, 0)
        let before = try first.recover(patience: 4)
        first.arm(nil)
        let ended = try first.runToEnd()
        guard ended.isSuccess else {
            throw HarnessError("without any power loss, run \(ended.outcome)")
        }
        profile.steps = first.steps
        profile.seconds = first.runSeconds
        let (tree, recording) = try first.cut()
        let run = RecordedRun(recording: recording, setupOutput: base.marks)
        let second = try power(tree, 0)
        let complete = try second.recover(patience: 4)
        _ = try second.cut()
        switch positiveControl(
            base: before, complete: complete, history: run.history, promise: promise,
            recordCount: recording.count, now: recording.latestMoment(of: recording.count))
        {
        case .inconclusive(let reason): throw HarnessError(reason)
        case .violation(let violation):
            report.losses += 1
            report.kinds[violation.kind, default: 0] += 1
            report.notes.append("without any power loss: \(violation.summary)")
        case nil: break
        }
        vocabulary = Vocabulary(complete: complete, history: run.history)
        // What is carried from life to life is named by keys, not by the transactions that wrote them.
        vocabulary.namesTransactionsWithKeys = false
    }
}
