import Basics
import Campaign
import Oracles

/// What `perjury retest` says, as text and as JSON.
package struct RetestReport {
    /// As it was typed.
    private let path: String
    private let finding: FindingFile
    private let fingerprint: Fingerprint
    private let retest: Retest
    private let campaign: CampaignReport

    /// - Parameter campaign: of the one workload, on the finding's model and stack.
    package init(
        _ retest: Retest, of finding: FindingFile, at path: String, _ fingerprint: Fingerprint,
        _ campaign: CampaignReport
    ) {
        self.path = path
        self.finding = finding
        self.fingerprint = fingerprint
        self.retest = retest
        self.campaign = campaign
    }

    package var exitStatus: ExitStatus {
        if campaign.isInterrupted { return .interrupted }
        return switch retest {
        case .gone: .asExpected
        case .stillThere: .unexpected
        case .inconclusive: .inconclusive
        }
    }

    // MARK: Text

    package var text: String {
        var lines = [
            "\(finding.workload): \(fingerprint) under \(finding.model)/\(finding.stack), in the program as it is now"
        ]
        for workload in campaign.workloads {
            lines += extent(workload).map { "  \($0)" } + workload.notes.map { "  \($0)" }
            let others = Set(workload.findings.compactMap(\.cause?.fingerprint))
                .subtracting([fingerprint]).sorted().map(\.description)
            if !others.isEmpty {
                lines.append("  found besides: \(others.joined(separator: ", "))")
            }
        }
        switch retest {
        case .stillThere(let found):
            lines += ["Still there: \(found.summary)"] + found.lost.map { "  \($0)" }
            if !found.advice.isEmpty { lines.append("  \(found.advice)") }
        case .gone: lines.append("Gone: none of these states shows it.")
        case .inconclusive(let reason): lines.append("Inconclusive: \(reason)")
        }
        return lines.map { Escaped.line($0) + "\n" }.joined()
    }

    private func extent(_ workload: WorkloadReport) -> [String] {
        guard let model = workload.models.first else { return [] }
        return [
            "\(counted(workload.records, "record")), \(grouped(workload.acknowledged)) acknowledged; "
                + "\(counted(model.statesPlanned, "state")) at \(grouped(model.crashPoints)) of "
                + "\(counted(model.crashPointsInAll, "crash point")), \(model.shapes) of "
                + "\(counted(model.shapesInAll, "shape")), \(model.extent)"
        ]
    }

    // MARK: JSON

    /// As of a run, and what came of it.
    package var json: String {
        guard case .object(let members) = JSONReport(campaign).value else {
            preconditionFailure("a report is an object")
        }
        let (word, reason): (String, String?) =
            switch retest {
            case .gone: ("gone", nil)
            case .stillThere: ("still-there", nil)
            case .inconclusive(let reason): ("inconclusive", reason)
            }
        let result: [JSON.Member] = [
            .init("finding", .string(path)), .init("fingerprint", .string(fingerprint.description)),
            .init("outcome", .string(word)), .init("inconclusive", .optional(reason)),
        ]
        return JSON.object(
            members.map {
                $0.name == "exitStatus" ? .init($0.name, .number(exitStatus.rawValue)) : $0
            } + [.init("retest", .object(result))]
        ).text
    }
}
