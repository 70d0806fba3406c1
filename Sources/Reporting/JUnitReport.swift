import Basics
import Campaign
import Oracles

/// JUnit's XML: a suite for each workload, a case for each model and stack. A case fails when it did not come out as
/// expected, and is an error when it could not be found out; an expected violation passes and is told in its output.
package struct JUnitReport {
    private let campaign: CampaignReport
    private let hasTimes: Bool

    package init(_ campaign: CampaignReport, hasTimes: Bool = true) {
        self.campaign = campaign
        self.hasTimes = hasTimes
    }

    package var text: String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        let all = campaign.workloads.flatMap(cases)
        text +=
            "<testsuites name=\"perjury \(perjuryVersion)\"\(counts(all))"
            + "\(time(campaign.seconds))>\n"
        for workload in campaign.workloads {
            let cases = cases(workload)
            text +=
                "  <testsuite name=\"\(Escaped.xml(workload.name))\"\(counts(cases))"
                + "\(time(workload.seconds))>\n"
            for item in cases { text += testcase(item, workload) }
            text += "  </testsuite>\n"
        }
        for one in campaign.skipped {
            text +=
                "  <testsuite name=\"\(Escaped.xml(one.name))\" tests=\"1\" failures=\"0\" errors=\"0\" "
                + "skipped=\"1\">\n    <testcase classname=\"perjury.\(Escaped.xml(one.name))\" "
                + "name=\"recording\"><skipped message=\"\(Escaped.xml(one.reason))\"/></testcase>\n"
                + "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    private struct Case {
        let name: String
        let outcome: ComparedOutcome
        let message: String
        let details: String
        let seconds: Double
    }

    private func counts(_ cases: [Case]) -> String {
        let failures = cases.count { $0.outcome == .unexpected }
        let errors = cases.count { $0.outcome == .inconclusive }
        return " tests=\"\(cases.count)\" failures=\"\(failures)\" errors=\"\(errors)\""
    }

    private func time(_ seconds: Double) -> String {
        guard hasTimes else { return "" }
        let thousandths = Int((max(0, min(seconds, 1e9)) * 1000).rounded())
        let fraction = String(1000 + thousandths % 1000).dropFirst()
        return " time=\"\(thousandths / 1000).\(fraction)\""
    }

    private func cases(_ workload: WorkloadReport) -> [Case] {
        var cases: [Case] = []
        if workload.inconclusive != nil || workload.models.isEmpty {
            cases.append(
                Case(
                    name: "recording", outcome: .inconclusive,
                    message: workload.inconclusive ?? "nothing was explored", details: "",
                    seconds: 0))
        }
        for model in workload.models {
            cases.append(
                Case(
                    name: model.target, outcome: model.outcome, message: message(model),
                    details: details(model, workload), seconds: model.seconds))
        }
        return cases
    }

    private func message(_ model: ModelReport) -> String {
        guard let verdict = model.verdict else { return "outcomes counted" }
        if let reason = verdict.reason { return reason }
        let kinds = model.kinds.map { " " + $0.rawValue }.joined()
        return "\(verdict.word)\(kinds); expected: \(model.expected)"
    }

    private func details(_ model: ModelReport, _ workload: WorkloadReport) -> String {
        var lines = [
            "\(counted(model.statesPlanned, "state")) at \(grouped(model.crashPoints)) of "
                + "\(counted(model.crashPointsInAll, "crash point")), "
                + model.extent
        ]
        for finding in workload.findings
        where finding.model == model.model && finding.stack == model.stack {
            lines.append("\(finding.kind.rawValue): \(finding.summary)")
            lines += finding.lost.map { "  \($0)" }
            if let kept = finding.kept { lines.append("  kept: \(kept)") }
            if !finding.advice.isEmpty { lines.append("  missing: \(finding.advice)") }
            if let command = campaign.replayCommand(finding) { lines.append("  \(command)") }
        }
        return lines.map { Escaped.xml(Escaped.line($0)) }.joined(separator: "\n")
    }

    private func testcase(_ item: Case, _ workload: WorkloadReport) -> String {
        let start =
            "    <testcase classname=\"perjury.\(Escaped.xml(workload.name))\" "
            + "name=\"\(Escaped.xml(item.name))\"\(time(item.seconds))>\n"
        let message = "message=\"\(Escaped.xml(item.message))\""
        let content =
            switch item.outcome {
            case .asExpected:
                "      <system-out>\(item.details)</system-out>\n"
            case .unexpected:
                "      <failure type=\"unexpected\" \(message)>\(item.details)</failure>\n"
            case .inconclusive:
                "      <error type=\"inconclusive\" \(message)>\(item.details)</error>\n"
            }
        return start + content + "    </testcase>\n"
    }
}
