import Basics
import FileTree
import Oracles
import PowerLoss
import Recording

/// What an injected fault does by itself: no power is lost, the program meets an error, and something acknowledged is gone.
extension Campaign {
    /// Makes what the complete tree shows a finding whose culprit is the fault that the run had met.
    ///
    /// - Parameter state: loses nothing, at the end of the run.
    /// - Returns: false where no fault is to blame: none was injected, or the same kind showed before.
    func blameFault(
        _ violation: Violation, _ state: CrashState, _ exploration: Exploration,
        _ observations: Observations
    ) -> Bool {
        let storage = exploration.storage
        let faults = storage.log.injectedFaults
        // What a failed sync took back has words of its own.
        guard let first = faults.first, !storage.log.takesBack else { return false }
        let before = CrashState(
            storage,
            losingNothingAt: exploration.judge.history.quietCut(before: first.record))
        guard self.violation(violation.kind, before, exploration, observations) == nil
        else { return false }
        let cause: Set = [
            Cause.Part.fault(effect: first.fault.effect, operation: first.fault.operation)
        ]
        let points: Set = [state.crashPoint]
        if exploration.findings.count(violation.kind, cause: cause, state, at: points) {
            return true
        }
        do {
            guard
                var (finding, _) = try confirm(
                    violation.kind, SmallestState(state), exploration, observations)
            else {
                exploration.shortfalls.append(Self.flaky(violation.kind, state.crashPoint))
                return true
            }
            let (fault, record) = (first.fault, first.record)
            let call = Call(fault.operation + (fault.path.isEmpty ? "" : " \(fault.path)"))
            finding.explanation.lost = [
                .injected(fault.effect, Step(record, call), times: faults.count)
            ]
            finding.evidence.remarks.append(.faultAlone)
            finding.explanation.advice = Self.advice(
                on: violation, record, exploration.judge.history)
            exploration.add(finding, cause: cause, state, at: points)
        } catch {
            exploration.shortfalls.append("\(error)")
        }
        return true
    }

    private static func advice(
        on violation: Violation, _ record: Int, _ history: History
    ) -> Advice {
        let isLater = violation.transactions.contains { name in
            history[name].map { $0.settlement == .acknowledged && $0.settledSequence > record }
                ?? false
        }
        return isLater ? .stepHadFailed : .replaceWhenWhole
    }
}

extension EffectLog {
    /// What was injected into requests and can do harm: all but delays.
    var injectedFaults: [(record: Int, fault: Fault)] {
        faults.filter {
            $0.fault.eviction == nil && DurationText.nanoseconds($0.fault.effect) == nil
        }
    }
}
