import FileTree
import Oracles
import PowerLoss
import Recording

/// The positive control: the trees that lost nothing are observed before anything is cut.
struct Control {
    private(set) var vocabulary = Vocabulary()
    private(set) var inconclusive: String?
    /// Something acknowledged is missing from the complete tree.
    private(set) var isViolated = false
    /// What the observer said beside its marks, for a person; empty when it is no help.
    private(set) var observerLog = ""
    /// The observer took too long.
    private(set) var isTimeout = false

    init(
        _ run: RecordedRun, _ log: EffectLog, _ history: History, _ promise: Promise,
        _ observations: Observations
    ) throws {
        var base = run.recording.base
        base.keep(run.recording.arena)
        var complete = try run.recording.tree(after: run.recording.count)
        let baseHash = base.settle()
        let completeHash = complete.settle()
        var trees = [(hash: baseHash, tree: base)]
        if completeHash != baseHash { trees.append((completeHash, complete)) }
        _ = observations.observe(trees)
        let entries = [baseHash, completeHash].map { observations.entries[observations.index($0)!] }
        if let failure = entries.compactMap(\.failure).first {
            inconclusive = failure
            return
        }
        let end = run.recording.latestMoment(of: run.recording.count)
        switch positiveControl(
            base: entries[0].observation, complete: entries[1].observation, history: history,
            promise: promise, recordCount: log.effects.count, now: end)
        {
        case .inconclusive(let reason):
            inconclusive = reason
            let failed = entries.first { !$0.observation.isComplete } ?? entries[1]
            isTimeout = failed.observation.outcome == .timedOut
            observerLog = String(decoding: failed.observation.log, as: UTF8.self)
        case .violation: isViolated = true
        case nil: break
        }
        vocabulary = Vocabulary(complete: entries[1].observation, history: history)
    }
}
