import Basics
import Campaign
import Oracles

extension TextReport {
    /// A finding is told in so many lines.
    private static let mostLines = 15
    private static let mostCulprits = 3

    // MARK: Not expected

    var unexpected: String {
        var blocks: [String] = []
        for workload in campaign.workloads {
            for group in FindingGroup.groups(of: workload) where !group.isExpected {
                blocks.append(full(group, workload))
            }
            blocks += workload.models.compactMap { missing($0, workload) }
        }
        return blocks.joined(separator: "\n")
    }

    private func full(_ group: FindingGroup, _ workload: WorkloadReport) -> String {
        let finding = group.finding
        var text = style.coloured(
            "NOT EXPECTED: \(Escaped.line(workload.name)): \(finding.name) under "
                + "\(list(group.targets))", .redAndBold)
        text += "\n"
        text += field("promise", workload.promise)
        if let fault = finding.fault { text += field("sync failed", fault) }
        text += field("power lost", powerLost(finding, workload))
        text += field(
            "acknowledged",
            "\(counted(finding.evidence.acknowledged, "transaction")) by then; "
                + "\(grouped(finding.evidence.seen)) of them seen after recovery")
        text += field("what happened", finding.summary)
        var end = finding.kept.map { field("kept", $0) } ?? ""
        if !finding.advice.isEmpty { end += field("what is missing", finding.advice) }
        end += field("shown by", counted(group.count, "state"))
        if let command = campaign.replayCommand(finding) { end += raw("replay", command) }
        text += culprits(finding, lines: Self.mostLines - Self.lines(text + end)) + end
        return text + log(finding, lines: Self.mostLines - Self.lines(text))
    }

    private static func lines(_ text: String) -> Int { text.utf8.count { $0 == 0x0A } }

    /// The first ones, as many as fit, and how many more there are.
    private func culprits(_ finding: Finding, lines: Int) -> String {
        guard !finding.lost.isEmpty else { return field("culprits", "none: nothing was lost") }
        var text = field("culprits", finding.lost[0])
        var shown = 1
        for culprit in finding.lost.dropFirst().prefix(Self.mostCulprits - 1) {
            let next = text + field("", culprit)
            let isLast = shown + 1 == finding.lost.count
            guard Self.lines(next) + (isLast ? 0 : 1) <= lines else { break }
            text = next
            shown += 1
        }
        let more = finding.lost.count - shown
        return text + (more > 0 ? field("", "and \(more) more") : "")
    }

    /// As much of the end of what the observer said as fits.
    private func log(_ finding: Finding, lines: Int) -> String {
        let log = Escaped.lines(finding.evidence.log)
        guard !log.isEmpty, lines > 1 else { return "" }
        let shown = log.suffix(lines - 1)
        let what =
            shown.count == log.count
            ? "the observer's log"
            : "the last \(counted(shown.count, "line")) of the observer's log"
        return "  \(what)\n" + shown.map { "    | \($0)\n" }.joined()
    }

    private func powerLost(_ finding: Finding, _ workload: WorkloadReport) -> String {
        let point = finding.plan.crashPoint
        // In a run in which a sync failed there were others.
        let records = finding.run.recordingPath == nil ? " of \(grouped(workload.records))" : ""
        let place =
            point == 0
            ? "before the first record"
            : "after record \(grouped(point))\(records)"
        let loses = ([finding.plan] + finding.recoveries.map(\.plan)).contains {
            !$0.lost.isEmpty || !$0.torn.isEmpty
        }
        if finding.run.ending == .pageEviction {
            return "no: the process ended " + place + ", and clean pages left the cache"
        }
        let mounts =
            finding.run.mounts.isEmpty ? "" : ", on " + finding.run.mounts.joined(separator: ", ")
        // What was stored through a mapping and not yet written stays in the page cache when a process dies.
        let isMapped = workload.models.contains { $0.mappedStores != .none }
        return loses || isMapped ? place + mounts : place + " (a process kill shows it, too)"
    }

    /// A violation that the workload says is there, and that was not found.
    private func missing(_ model: ModelReport, _ workload: WorkloadReport) -> String? {
        guard model.outcome == .unexpected, model.verdict == .holds else { return nil }
        return style.coloured(
            "NOT EXPECTED: \(Escaped.line(workload.name)): no violation under \(model.target)",
            .redAndBold) + "\n"
            + field("expected", "\(model.expected)")
            + field(
                "tried",
                "\(counted(model.statesPlanned, "state")) at \(grouped(model.crashPoints)) of "
                    + "\(counted(model.crashPointsInAll, "crash point")): "
                    + model.extent
                    + (model.extent == "not exhaustive" ? ", a larger budget may find it" : ""))
    }

    private func field(_ name: String, _ text: String) -> String {
        style.wrapped(Escaped.line(text), first: label(name))
    }

    /// Not broken into lines, so that it can be copied.
    private func raw(_ name: String, _ text: String) -> String {
        label(name) + Escaped.line(text) + "\n"
    }

    private func label(_ name: String) -> String {
        "  " + name + String(repeating: " ", count: max(1, 17 - name.count))
    }

    // MARK: Expected

    var expected: String {
        var text = ""
        for workload in campaign.workloads {
            let groups = FindingGroup.groups(of: workload).filter(\.isExpected)
            let (shown, left) = FindingGroup.telling(groups)
            for (index, group) in shown.enumerated() {
                text += short(group, workload)
                if index == shown.count - 1 && left > 0 {
                    text += "    \(left) more with other culprits, in the JSON report\n"
                }
            }
        }
        guard !text.isEmpty else { return "" }
        return style.coloured("Violations, all as expected", .bold) + "\n" + text
    }

    private func short(_ group: FindingGroup, _ workload: WorkloadReport) -> String {
        let finding = group.finding
        var text = style.wrapped(
            "\(Escaped.line(workload.name)): \(finding.name) under "
                + "\(list(group.targets)), \(counted(group.count, "state"))", first: "  ")
        if let reason = finding.knownReason {
            text += style.wrapped(Escaped.line(reason), first: "    known: ")
        }
        text += style.wrapped(Escaped.line(finding.summary), first: "    ")
        if let fault = finding.fault {
            text += style.wrapped(Escaped.line(fault), first: "    after ")
        }
        for lost in finding.lost.prefix(Self.mostCulprits) {
            text += style.wrapped(Escaped.line(lost), first: "    ")
        }
        if finding.lost.count > Self.mostCulprits {
            text += "    and \(finding.lost.count - Self.mostCulprits) more\n"
        }
        if let kept = finding.kept {
            text += style.wrapped(Escaped.line(kept), first: "    kept: ")
        }
        if !finding.advice.isEmpty {
            text += style.wrapped(Escaped.line(finding.advice), first: "    missing: ")
        }
        if let command = campaign.replayCommand(finding) {
            text += style.coloured("    \(Escaped.line(command))", .faint) + "\n"
        }
        return text
    }
}
