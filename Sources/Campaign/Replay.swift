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
    /// Lost and torn effects; those are left out whose loss another one forces.
    package let lost: [Culprit]
    /// Where the power went again, one after the other.
    package private(set) var again: [LaterLoss] = []
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
        again.append(
            LaterLoss(
                crashPoint: point, records: recovery.recording.count,
                lost: Explanation(storage, history: History()).culprits(state)))
        let observation = Observation(output: recovery.recording.output, outcome: .exited(0))
        shown =
            point >= recovery.recording.recordsUntilListed(observation) ? observation : nil
    }

    /// A power loss of a recovery of so many records.
    package struct LaterLoss: Sendable {
        package let crashPoint: Int
        package let records: Int
        package let lost: [Culprit]
    }

    /// What was seen of the crash state, and what is wrong with it.
    package struct Outcome: Sendable {
        package let observation: Observation
        package let violations: [Violation]
        package let acknowledged: Int
        package let seen: Int

        package func shows(_ kind: ViolationKind) -> Bool {
            violations.contains { $0.kind == kind }
        }
    }

    /// The sync that had failed; nil where none had.
    package var failedSync: FailedSync? {
        Explanation(storage, history: history).failedSync(at: crashPoint)
    }

    /// Observes the crash state and judges it, beside the control, which tells what the store lists.
    ///
    /// - Throws: when the harness itself failed.
    package func judge(_ subject: any Subject) throws -> Outcome {
        let observations = Observations(
            observers: try subject.observers(1, of: run.recording), patience: 4)
        let control = try Control(run, storage.log, history, subject.promise, observations)
        var tree = tree
        let hash = tree.settle()
        if !observations.isObserved(hash) { _ = observations.observe([(hash, tree)]) }
        if let failure = observations.entries.compactMap(\.failure).first {
            throw Inconclusive(failure)
        }
        let seen = observations.entries[observations.index(hash)!]
        let judge = Judge(
            history, promise: subject.promiseJudged(on: storage.stack),
            vocabulary: control.vocabulary)
        var violations = judge.violations(
            Showing(seen.observation, then: seen.second),
            Circumstances(
                cut: crashPoint, now: run.recording.latestMoment(of: crashPoint),
                shownBefore: shown, failedSync: state.failedSync))
        if violations.isEmpty, plan.lost.isEmpty, plan.torn.isEmpty,
            crashPoint == storage.lastCrashPoint, let found = control.violation
        {
            violations = [found.named(asFailed: state.failedSync, history)]
        }
        return Outcome(
            observation: seen.observation, violations: violations,
            acknowledged: history.acknowledgedCount(at: crashPoint),
            seen: judge.seenCount(judge.resolve(seen.observation), cut: crashPoint))
    }
}
