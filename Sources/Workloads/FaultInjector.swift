import Campaign
import FuseMount

/// Answers requests as a plan says, while a workload's `run` runs: recovery meets no faults.
///
/// `answer` is called on the serving thread, everything else while the server's lock is held, or when the server has ended.
final class FaultInjector: @unchecked Sendable {
    private var plan: FaultPlan
    /// Nanoseconds from when the mount began until the programs were started; nil before.
    private var beganAt: UInt64?

    /// - Parameter life: its number in a chain of lives: another one draws other requests by chance.
    init(_ plan: FaultPlan, life: Int = 0) {
        self.plan = FaultPlan()
        for rule in plan.rules {
            var occurrence = rule.occurrence
            if case .chance(let part, let whole, let seed) = occurrence {
                occurrence = .chance(part, of: whole, seed: seed &+ UInt64(life))
            }
            _ = self.plan.add(rule.effect, rule.operations, rule.glob, occurrence)
        }
    }

    /// What came of each fault so far.
    var counts: [FaultCount] {
        plan.rules.map { FaultCount(text: "\($0)", matched: $0.matched, fired: $0.fired) }
    }

    /// From now on requests may fail.
    func begin(at time: UInt64) {
        beganAt = time
    }

    func answer(_ request: Interception) -> InterceptionVerdict {
        guard let beganAt, request.moment == .before,
            let rule = plan.verdict(
                request.kind, request.paths, time: request.time - beganAt, used: request.usedBytes)
        else { return .proceed }
        return .fault(rule.effect)
    }
}
