import Oracles
import PowerLoss

/// A life that ended with a power loss.
struct EndedLife {
    let number: Int
    let run: RecordedRun
    let plan: CrashPlan
    /// When the power went, in words.
    let moment: String
    /// Whether programs could know of each sync that was not done, in this life and in those whose marks it carries on.
    /// Promises are judged only then.
    let isReported: Bool

    /// The violation by the name it has where a sync had failed before.
    func named(_ violation: Violation, _ target: CampaignOptions.Target) throws -> Violation {
        guard run.faults.contains(where: { $0.fired > 0 }) else { return violation }
        let storage = Storage(
            log: try EffectLog(run.recording), model: target.model, stack: target.stack)
        let state = try storage.state(plan)
        let history = run.history
        let named = violation.named(asFailed: state.failedSync, history)
        guard named.kind == violation.kind, storage.log.takesBack else { return named }
        // What a failed sync took back is gone, whatever else is lost.
        let nothing = CrashState(storage, state.pending, .losingNothing(of: state.pending))
        return violation.named(asFailed: nothing.failedSync, history)
    }
}

extension EffectLog {
    /// Whether a program could know of each sync that was not done: sync(2) has no result.
    var reportsSyncs: Bool { !lies && !faults.contains { $0.fault.sync == .everything } }
}
