import Oracles
import PowerLoss

extension Campaign {
    /// Looks into what one plan of a recorded run did, under the only target: shrinks, confirms, explains.
    ///
    /// No positive control is made: whoever knows the vocabulary has made one.
    ///
    /// - Returns: the findings; and why there are fewer than kinds, where there are.
    func findings(
        of run: RecordedRun, plan: CrashPlan, kinds: [ViolationKind], vocabulary: Vocabulary
    ) throws -> (findings: [Finding], shortfalls: [String]) {
        let observations = Observations(
            observers: try subject.observers(1, of: run.recording), log: trials(run))
        let exploration = exploration(
            try EffectLog(run.recording), run.history, vocabulary, options.targets[0],
            ending: options.ending, isReported: true)
        exploration.turn.began = clock()
        let state = try exploration.storage.state(plan)
        guard let violations = violations(state, exploration, observations) else {
            return ([], [observations.failure(state.hash) ?? "nothing was observed"])
        }
        for violation in violations where kinds.contains(violation.kind) {
            investigate(violation, state, exploration, observations)
        }
        return (exploration.findings.found, exploration.shortfalls)
    }
}
