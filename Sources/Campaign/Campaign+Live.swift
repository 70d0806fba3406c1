import FileTree
import Oracles
import PowerLoss

extension Campaign {
    /// Looks into what one plan of a recorded run did: shrinks, confirms, explains.
    ///
    /// No positive control is made: whoever knows the vocabulary has made one.
    ///
    /// - Returns: the findings; and why there are fewer than kinds, where there are.
    package func findings(
        of run: RecordedRun, plan: CrashPlan, _ target: CampaignOptions.Target,
        kinds: [ViolationKind], vocabulary: Vocabulary
    ) throws -> (findings: [Finding], shortfalls: [String]) {
        let log = try EffectLog(run.recording)
        let history = run.history
        let observations = Observations(
            observers: try subject.observers(1, of: run.recording))
        let storage = Storage(log: log, model: target.model, stack: target.stack)
        let exploration = Exploration(
            storage,
            judge: Judge(
                history, promise: subject.promiseJudged(on: target.stack),
                vocabulary: vocabulary),
            isJudged: true, counting: nil, options: options, ending: options.ending)
        exploration.turn.began = clock()
        let state = try storage.state(plan)
        guard let violations = violations(state, exploration, observations) else {
            return ([], [observations.failure(state.hash) ?? "nothing was observed"])
        }
        for violation in violations where kinds.contains(violation.kind) {
            investigate(violation, state, exploration, observations)
        }
        return (exploration.findings.found, exploration.shortfalls)
    }
}
