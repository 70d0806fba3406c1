import Oracles
import PowerLoss
import Recording

/// Judges the crash states of one run, and remembers what it said of each observation.
final class StateJudge {
    let judge: Judge
    /// Whether outcomes are judged against a promise.
    let isJudged: Bool
    /// By what outcomes are counted, where the stack permits less than the promise.
    let counting: Judge?
    /// Accepts any earlier state of the store; tells loss from corruption.
    let ageing: Judge?
    /// Set where the run is itself a recovery.
    let earlier: EarlierPowerLoss?
    private let recording: Recording
    private var judged: [Key: [Violation]] = [:]
    private let changes: [Int]
    /// When the acknowledgements were made, in nanoseconds; ascending.
    private let acknowledgementTimes: [UInt64]

    /// Under one of these all judgements are equal.
    private struct Key: Hashable {
        let observation: Int
        let epoch: Int
        /// Acknowledgements that are older than the promise allows to lose.
        let overdue: Int
        let promise: Promise
        /// The recovery in which the power went had shown everything.
        let isShown: Bool
    }

    init(
        _ recording: Recording, _ judge: Judge, isJudged: Bool, counting: Judge?, ageing: Judge?,
        after earlier: EarlierPowerLoss?
    ) {
        self.recording = recording
        self.judge = judge
        self.isJudged = isJudged
        self.counting = counting
        self.ageing = ageing
        self.earlier = earlier
        changes = judge.history.cutsOfChange()
        acknowledgementTimes = judge.history.view(at: .max).acknowledged.map(\.settledTime)
    }

    /// What is wrong with a state whose tree was observed; nil where that found nothing out.
    func violations(
        _ state: CrashState, _ observations: Observations, by other: Judge? = nil
    ) -> [Violation]? {
        guard let index = observations.index(state.hash) else { return nil }
        let entry = observations.entries[index]
        guard entry.failure == nil else { return nil }
        let judge = other ?? judge
        let point = state.crashPoint
        let key = Key(
            observation: index, epoch: changes.partitioningIndex { $0 > judgedCut(point) },
            overdue: overdueCount(at: point), promise: judge.promise,
            isShown: earlier?.hasShown(before: point) ?? false)
        if let known = judged[key] { return known }
        let found = judge.violations(
            Showing(entry.observation, then: entry.second), circumstances(at: point))
        judged[key] = found
        return found
    }

    /// Kinds that count are those of the promise: a state that is looked into gets the name that a failed sync gives it.
    func circumstances(at point: Int) -> Circumstances {
        Circumstances(
            cut: judgedCut(point), now: time(of: point),
            shownBefore: earlier.flatMap { $0.hasShown(before: point) ? $0.shown : nil })
    }

    /// What was acknowledged before this point of the history counts.
    func judgedCut(_ point: Int) -> Int { earlier?.cut ?? point }

    /// The latest moment until which the power may have been on; nanoseconds of the log's clock.
    func time(of point: Int) -> UInt64 { earlier?.time ?? recording.latestMoment(of: point) }

    private func overdueCount(at point: Int) -> Int {
        guard case .boundedLoss(let bound) = judge.promise else { return 0 }
        let now = time(of: point)
        return now > bound ? acknowledgementTimes.partitioningIndex { $0 >= now - bound } : 0
    }
}
