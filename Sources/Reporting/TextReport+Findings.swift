import Campaign
import Oracles

extension TextReport {
    private static let logLines = 12

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
            "\(counted(finding.acknowledged, "transaction")) until then, seen of them: "
                + grouped(finding.seen))
        text += field("what happened", finding.summary)
        for (index, lost) in finding.lost.enumerated() {
            text += field(index == 0 ? "culprits" : "", lost)
        }
        if finding.lost.isEmpty { text += field("culprits", "none: nothing was lost") }
        if !finding.advice.isEmpty { text += field("what is missing", finding.advice) }
        text += field("shown by", counted(group.count, "state"))
        if let command = campaign.replayCommand(finding) { text += raw("replay", command) }
        let log = Escaped.lines(finding.log)
        if !log.isEmpty {
            text += "  the observer's log"
            text += log.count > Self.logLines ? ", its last \(Self.logLines) lines\n" : "\n"
            for line in log.suffix(Self.logLines) { text += "    | \(line)\n" }
        }
        return text
    }

    private func powerLost(_ finding: Finding, _ workload: WorkloadReport) -> String {
        let point = finding.plan.crashPoint
        // In a run in which a sync failed there were others.
        let records = finding.recordingPath == nil ? " of \(grouped(workload.records))" : ""
        let place =
            point == 0
            ? "before the first record"
            : "when \(grouped(point))\(records) records were complete"
        let loses = !finding.plan.lost.isEmpty || !finding.plan.torn.isEmpty
        if finding.ending == .pageEviction {
            return "no: the process ended " + place + ", and clean pages left the cache"
        }
        let mounts = finding.mounts.isEmpty ? "" : ", on " + finding.mounts.joined(separator: ", ")
        return loses ? place + mounts : place + " (a process kill shows it, too)"
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
                    + (model.exhaustive
                        ? "exhaustive" : "not exhaustive, a larger budget may find it"))
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
        for lost in finding.lost.prefix(3) {
            text += style.wrapped(Escaped.line(lost), first: "    ")
        }
        if finding.lost.count > 3 {
            text += "    and \(finding.lost.count - 3) more\n"
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
