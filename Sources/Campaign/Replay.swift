import FileTree
import Oracles
import PowerLoss
import Recording

/// One crash plan applied to a recorded run again.
package struct Replay {
    package let storage: Storage
    package let history: History
    package let plan: CrashPlan
    /// What the plan leaves.
    package let state: CrashState
    package var crashPoint: Int { state.crashPoint }
    /// The tree before the last recovery: the state's own, where the power went but once.
    package private(set) var tree: FileTree
    /// Lost and torn effects in words; those are left out whose loss another one forces.
    package private(set) var lost: [String]
    private let run: RecordedRun
    /// What the last recovery in which the power went had shown, when it had shown everything.
    private var shown: Observation?

    /// - Throws: `RecordingError` when a plan does not fit its recording, the model and the stack.
    package init(
        _ run: RecordedRun, plan: CrashPlan, model: PersistenceModel, stack: Stack,
        recoveries: [RecoveryCut] = []
    ) throws {
        self.run = run
        self.plan = plan
        storage = Storage(log: try EffectLog(run.recording), model: model, stack: stack)
        history = run.history
        state = try storage.state(plan)
        tree = state.tree
        lost = Explanation(storage, history: history).culprits(state)
        for recovery in recoveries { try apply(recovery) }
    }

    private mutating func apply(_ recovery: RecoveryCut) throws {
        var left = tree
        var base = recovery.recording.base
        base.keep(recovery.recording.arena)
        guard base.settle() == left.settle() else {
            throw RecordingError(
                "a recovery does not begin with what the power loss before it left")
        }
        let storage = Storage(
            log: try EffectLog(recovery.recording), model: storage.model, stack: storage.stack)
        let state = try storage.state(recovery.plan)
        tree = state.tree
        guard state.hash == recovery.treeHash else {
            throw RecordingError(
                "the plan of a recovery leaves another tree than when it was found")
        }
        let point = state.crashPoint
        lost.append(
            "the power goes again after record \(point) of \(recovery.recording.count) of the recovery"
        )
        lost += Explanation(storage, history: History()).culprits(state)
        let observation = Observation(output: recovery.recording.output, outcome: .exited(0))
        shown =
            point >= recovery.recording.recordsUntilListed(observation) ? observation : nil
    }

    /// What was seen of the crash state, and what is wrong with it.
    package struct Outcome: Sendable {
        package let observation: Observation
        package let violations: [Violation]
        package let acknowledged: Int
        package let seen: Int
    }

    /// The sync that had failed, in words; nil where none had.
    package var failedSync: String? {
        Explanation(storage, history: history).failedSync(at: crashPoint)
    }

    /// Observes the crash state and judges it; the complete tree is observed, too, to learn what the store lists.
    package func judge(_ subject: any Subject) throws -> Outcome {
        let observer = try subject.observers(1, of: run.recording)[0]
        var complete = try run.recording.tree(after: run.recording.count)
        _ = complete.settle()
        let whole = try observer.observe(complete, patience: 4).observation
        let beforeFault = try storage.log.injectedFaults.first.map { first in
            let cut = history.quietCut(before: first.record)
            var before = try run.recording.tree(after: cut)
            _ = before.settle()
            return BeforeFault(
                shown: try observer.observe(before, patience: 4).observation, cut: cut)
        }
        let recovery = try observer.observe(tree, patience: 4)
        let judge = Judge(
            history, promise: subject.promiseJudged(on: storage.stack),
            vocabulary: Vocabulary(
                complete: whole, history: history, beforeFault: beforeFault))
        var second: Observation?
        if recovery.changed {
            var left = recovery.tree
            _ = left.settle()
            second = try observer.observe(left, patience: 4).observation
        }
        var violations = judge.violations(
            Showing(recovery.observation, then: second),
            Circumstances(
                cut: crashPoint, now: run.recording.latestMoment(of: crashPoint),
                shownBefore: shown, failedSync: state.failedSync))
        if violations.isEmpty, plan.lost.isEmpty, plan.torn.isEmpty,
            crashPoint == storage.lastCrashPoint
        {
            violations = try controlViolation(observer, whole, beforeFault, subject.promise)
                .map { $0.named(asFailed: state.failedSync, history) }
        }
        return Outcome(
            observation: recovery.observation, violations: violations,
            acknowledged: history.acknowledgedCount(at: crashPoint),
            seen: judge.seenCount(judge.resolve(recovery.observation), cut: crashPoint))
    }

    /// What the positive control finds, where nothing was lost.
    private func controlViolation(
        _ observer: any Observer, _ complete: Observation, _ beforeFault: BeforeFault?,
        _ promise: Promise
    ) throws -> [Violation] {
        var base = run.recording.base
        base.keep(run.recording.arena)
        _ = base.settle()
        let control = positiveControl(
            base: try observer.observe(base, patience: 4).observation, complete: complete,
            history: history, promise: promise, recordCount: storage.log.effects.count,
            now: run.recording.latestMoment(of: run.recording.count), beforeFault: beforeFault)
        if case .violation(let found) = control { return [found] }
        return []
    }
}
