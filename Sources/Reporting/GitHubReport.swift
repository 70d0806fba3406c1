import Basics
import Campaign
import Oracles

/// What GitHub shows of a campaign: annotations, by workflow commands on standard output, and a summary of the job.
///
/// Source: "Workflow commands for GitHub Actions", `error`, `warning`, `notice`, and `GITHUB_STEP_SUMMARY`.
package struct GitHubReport {
    private let campaign: CampaignReport

    package init(_ campaign: CampaignReport) { self.campaign = campaign }

    /// An error for each cause that was not expected, and for each expected violation that was not found; a warning for what
    /// could not be found out. Expected violations are no annotations.
    package var annotations: String {
        var lines: [String] = []
        for workload in campaign.workloads {
            if let reason = workload.inconclusive {
                lines.append(command("warning", "\(workload.name): inconclusive", [reason]))
            }
            for group in FindingGroup.groups(of: workload) where !group.isExpected {
                lines.append(annotation(group, workload))
            }
            for model in workload.models {
                if let line = annotation(model, workload) { lines.append(line) }
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func annotation(_ group: FindingGroup, _ workload: WorkloadReport) -> String {
        let finding = group.finding
        let targets = group.targets.joined(separator: ", ")
        var text = [finding.summary] + finding.lost
        if !finding.advice.isEmpty { text.append("missing: \(finding.advice)") }
        if let replay = campaign.replayCommand(finding) { text.append(replay) }
        return command("error", "\(workload.name): \(finding.name) under \(targets)", text)
    }

    private func annotation(_ model: ModelReport, _ workload: WorkloadReport) -> String? {
        let title = "\(workload.name) under \(model.target)"
        if let reason = model.verdict?.reason {
            return command("warning", "\(title): inconclusive", [reason])
        }
        guard model.verdict == .holds, model.outcome == .unexpected else { return nil }
        return command("error", title, ["expected: \(model.expected); nothing was found"])
    }

    /// Percent signs and ends of lines are escaped in the text, and what ends a property in the title.
    private func command(_ name: String, _ title: String, _ lines: [String]) -> String {
        let text = lines.map(Escaped.line).joined(separator: "\n")
        let title = Self.escaped(Escaped.line("perjury: \(title)"), [":": "%3A", ",": "%2C"])
        return "::\(name) title=\(title)::\(Self.escaped(text, [:]))"
    }

    /// By scalars: a comma with an accent on it is one character, and ends a property all the same.
    private static func escaped(_ text: String, _ others: [Unicode.Scalar: String]) -> String {
        let always: [Unicode.Scalar: String] = ["%": "%25", "\r": "%0D", "\n": "%0A"]
        return text.unicodeScalars.map { always[$0] ?? others[$0] ?? String($0) }.joined()
    }

    /// Markdown: the report as text, which nothing in it can end.
    package var summary: String {
        let text = TextReport(campaign).text
        var fence = "```"
        while text.contains(fence) { fence += "`" }
        return "### perjury\n\n\(fence)\n\(text)\(fence)\n"
    }
}
