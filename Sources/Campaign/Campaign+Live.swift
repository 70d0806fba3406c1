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
                history, promise: subject.promise(on: target.stack) ?? subject.promise,
                vocabulary: vocabulary),
            isJudged: true, counting: nil, options: options, ending: options.ending)
        exploration.turnBegan = clock()
        let state = try storage.state(plan)
        if !observations.isObserved(state.hash) { _ = observations.observe([state]) }
        let index = observations.index(state.hash)!
        let entry = observations.entries[index]
        if let failure = entry.failure { return ([], [failure]) }
        for violation in exploration.violations(index, entry, at: state.crashPoint)
        where kinds.contains(violation.kind) {
            investigate(violation, state, exploration, observations)
        }
        return (exploration.groupedFindings, exploration.shortfalls)
    }
}
