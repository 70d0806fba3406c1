import Oracles

/// Whether a cause that was found once is found in the program as it is now.
package enum Retest: Sendable {
    case stillThere(Finding)
    case gone
    case inconclusive(String)

    /// What the finding asks of the run that is to show that it is gone.
    package struct Sought: Sendable {
        package var fingerprint: Fingerprint
        /// Transactions acknowledged before its power loss: a run that acknowledges fewer does not come as far.
        package var acknowledged: Int
        /// Whether the power went again while the store recovered.
        package var isInRecovery: Bool
        /// Whether it was found in a run in which a sync failed that was chosen.
        package var isAfterFailedSync: Bool

        package init(
            fingerprint: Fingerprint, acknowledged: Int, isInRecovery: Bool = false,
            isAfterFailedSync: Bool = false
        ) {
            self.fingerprint = fingerprint
            self.acknowledged = acknowledged
            self.isInRecovery = isInRecovery
            self.isAfterFailedSync = isAfterFailedSync
        }
    }

    /// - Parameter report: of one model on one stack.
    package init(_ sought: Sought, _ report: WorkloadReport) {
        if let reason = report.inconclusive {
            self = .inconclusive(reason)
        } else if let found = report.findings.first(where: {
            $0.cause?.fingerprint == sought.fingerprint
        }) {
            self = .stillThere(found)
        } else {
            self = Self.doubt(sought, report).map { .inconclusive($0) } ?? .gone
        }
    }

    /// Why that it was not found does not say that it is gone; nil where it does.
    private static func doubt(_ sought: Sought, _ report: WorkloadReport) -> String? {
        guard let model = report.models.first else { return "nothing was explored" }
        if model.verdict == nil { return "no promise is judged on this stack" }
        if case .inconclusive(let reason) = model.verdict { return reason }
        if let reason = model.leftOpen { return reason }
        if report.acknowledged < sought.acknowledged {
            return
                "this run acknowledged \(report.acknowledged), fewer than the \(sought.acknowledged) "
                + "that were acknowledged before the power loss of the finding"
        }
        let same = report.findings.filter { $0.kind == sought.fingerprint.kind }
        if let hasty = same.first(where: { !$0.isSmallest }) {
            return
                "time ran out while \(hasty.name) was shrunk, which may be it; a larger --budget goes on"
        }
        // Whatever is lost there, too, is laid to this.
        if let hiding = same.first(where: { $0.plan.lost.isEmpty && $0.plan.torn.isEmpty }) {
            return "\(hiding.name) shows although nothing is lost, and may hide it; mend that first"
        }
        if sought.isInRecovery, model.recoveriesCut == 0 {
            return "no recovery changed anything in which the power could go again"
        }
        return sought.isAfterFailedSync ? doubt(aboutFailedSyncs: report.failedSyncs) : nil
    }

    private static func doubt(aboutFailedSyncs failed: FailedSyncs?) -> String? {
        guard let failed, !failed.runs.isEmpty else {
            return "no run was made in which a sync fails"
        }
        if failed.runs.count < failed.runsInAll {
            return
                "the budget ended after \(failed.runs.count) of \(failed.runsInAll) runs in which a sync fails; "
                + "a larger --budget makes more"
        }
        for run in failed.runs {
            if let reason = run.inconclusive { return reason }
            for continuation in run.continuations where !continuation.exhaustive {
                return
                    "not every state after a failed \(run.request) was tried; a larger --budget tries more"
            }
        }
        return nil
    }
}
