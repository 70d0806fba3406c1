import Campaign
import Oracles

/// What reports, finding files and replays say of a finding.
extension Finding {
    /// What was promised, what was seen.
    package var summary: String {
        evidence.remarks.reduce(evidence.violation.summary) { $0 + $1.words }
            + (powerWentAgain.map { "; \($0)" } ?? "")
    }

    /// The culprits, a line for each.
    package var lost: [String] {
        let lost = explanation.lost.map(\.words)
        guard !recoveries.isEmpty else { return lost }
        return explanation.lostBefore.enumerated().flatMap { index, lost in
            let place = index == 0 ? "the first power loss" : "recovery"
            return lost.map { "in \(place) (not shrunk) \($0.words)" }
        } + lost.map { "in recovery \($0)" }
    }

    /// What makes the loss hurt; nil where nothing was lost, and where an acknowledgement is what counts.
    package var kept: String? {
        explanation.kept.map { (recoveries.isEmpty ? "" : "in recovery ") + $0.words }
    }

    /// What would mend it; empty where that is not known.
    package var advice: String {
        explanation.advice.map { (recoveries.isEmpty ? "" : "in recovery: ") + $0.words } ?? ""
    }

    /// The sync that had failed in the run; nil where none had.
    package var fault: String? { run.failedSync?.words }

    /// Where the last power loss was, where there were several.
    private var powerWentAgain: String? {
        recoveries.last.map { last in
            "the power went again after record \(last.plan.crashPoint) of \(last.recording.count) of "
                + (recoveries.count == 1 ? "the recovery" : "the next recovery")
        }
    }
}

extension Finding.Remark {
    /// Follows the violation's own sentence.
    fileprivate var words: String {
        switch self {
        case .timeout(let seconds): timeLimit(seconds)
        case .said(let reason): ": \(reason)"
        case .unwritten(let mapped?):
            "; it was acknowledged from the store's own buffer, or while it was in a shared mapping of \(mapped) that had not been synced"
        case .unwritten(nil):
            "; no power was lost, the process had ended: it was acknowledged from the store's own buffer"
        case .faultAlone:
            "; no power was lost, the run had ended: the fault alone is enough"
        }
    }
}

/// What follows the news that something took too long.
func timeLimit(_ seconds: Double) -> String {
    let isWhole = seconds == seconds.rounded() && seconds < 1e9
    return "; it has \(isWhole ? "\(Int(seconds))" : "\(seconds)") s, as `timeout:` says"
}

extension FaultCount {
    /// `fired once, of 3 matching requests`
    var outcome: String {
        "fired \(fired == 1 ? "once" : "\(grouped(fired)) times"), of \(counted(matched, "matching request"))"
    }
}

extension ModelReport {
    /// How much of what is possible was tried.
    package var extent: String {
        if mappedStores == .untried { return "mapped stores: order not tried" }
        return exhaustive ? "exhaustive" : "not exhaustive"
    }
}
