import FileTree
import Oracles
import PowerLoss
import Recording

/// The positive control: the trees that lost nothing are observed before anything is cut.
struct Control {
    private(set) var vocabulary = Vocabulary()
    private(set) var inconclusive: String?
    /// Something acknowledged is missing from the complete tree.
    private(set) var violation: Violation?
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
        let cut = log.injectedFaults.first.map { history.quietCut(before: $0.record) }
        var trees = [base, try run.recording.tree(after: run.recording.count)]
        if let cut { trees.append(try run.recording.tree(after: cut)) }
        let hashes = trees.indices.map { trees[$0].settle() }
        _ = observations.observe(
            trees.indices.filter { hashes.firstIndex(of: hashes[$0]) == $0 }
                .map { (hashes[$0], trees[$0]) })
        let entries = hashes.map { observations.entries[observations.index($0)!] }
        if let failure = entries.compactMap(\.failure).first {
            inconclusive = failure
            return
        }
        let complete = entries[1].observation
        let beforeFault = cut.map { BeforeFault(shown: entries[2].observation, cut: $0) }
        let end = run.recording.latestMoment(of: run.recording.count)
        switch positiveControl(
            base: entries[0].observation, complete: complete, history: history,
            promise: promise, recordCount: log.effects.count, now: end, beforeFault: beforeFault)
        {
        case .inconclusive(let reason):
            inconclusive = reason
            let failed = entries.first { !$0.observation.isComplete } ?? entries[1]
            isTimeout = failed.observation.outcome == .timedOut
            observerLog = String(decoding: failed.observation.log, as: UTF8.self)
        case .violation(let found): violation = found
        case nil: break
        }
        vocabulary = Vocabulary(
            complete: complete, history: history, beforeFault: beforeFault)
    }
}
