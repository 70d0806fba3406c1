import Basics
import Campaign
import Oracles

/// A live campaign told to a person.
package struct LiveText {
    private let report: LiveReport
    private let paths: [String]

    package init(_ report: LiveReport, _ paths: [String]) {
        self.report = report
        self.paths = paths
    }

    package var text: String {
        var lines = ["", "\(Escaped.line(report.name)): \(verdict)"]
        lines += fields.map { name, value in
            "  \(name)\(String(repeating: " ", count: max(1, 17 - name.count)))\(value)"
        }
        for (index, found) in report.findings.enumerated() {
            lines += ["", "  \(found.finding.kind.rawValue), life \(found.life)"]
            lines += finding(found, index < paths.count ? paths[index] : nil)
        }
        for note in report.notes { lines.append("  note: \(Escaped.line(note.words))") }
        return lines.joined(separator: "\n") + "\n"
    }

    private var verdict: String {
        let expected = report.isExpected ? "as expected" : "NOT EXPECTED"
        switch report.verdict {
        case .holds: return "holds, \(expected)"
        case .violated:
            let kinds = report.counts.kinds.sorted { $0.key < $1.key }.map(\.key.rawValue)
            return "violated \(kinds.joined(separator: " ")), \(expected)"
        case .inconclusive(let reason): return "inconclusive: \(Escaped.line(reason))"
        }
    }

    private var fields: [(String, String)] {
        let interrupted =
            report.isInterrupted ? " of \(grouped(report.cutsWanted)), interrupted" : ""
        var fields = [
            (
                "power losses",
                "\(grouped(report.counts.cuts))\(interrupted): \(grouped(report.counts.cutsInRecovery)) during "
                    + "recovery, \(grouped(report.counts.cutsAtRest)) at rest"
            ),
            (
                "crash states",
                "\(grouped(report.counts.states)) distinct, \(grouped(report.counts.judged)) judged\(unjudged); "
                    + "\(grouped(report.counts.effectsLost)) of \(grouped(report.counts.effectsAtRisk)) effects at risk lost"
            ),
            ("acknowledged", "\(grouped(report.counts.acknowledged)) transactions"),
            (
                "losses",
                "\(grouped(report.counts.losses)) states broke the promise (\(report.promise))"
            ),
        ]
        if report.counts.machinesLost > 0 {
            fields.append(
                (
                    "mounts",
                    "\(grouped(report.counts.machinesLost)) lost their power in all of these"
                ))
        }
        fields += report.faults.map {
            ("fault", "\(Escaped.line($0.text)): \($0.outcome)")
        }
        if !report.cycles.isEmpty {
            fields.append(
                (
                    "time per cycle",
                    "median \(tenths(report.cycles.median)) ms, \(tenths(report.cycles.medianOverhead)) ms of it not "
                        + "the store's own; \(tenths(report.seconds)) s in all"
                ))
        }
        return fields
    }

    private var unjudged: String {
        report.counts.unjudged == 0
            ? ""
            : ", \(grouped(report.counts.unjudged)) not, for a sync had been answered and not done"
    }

    /// - Parameter path: of its file; nil where it could not be written.
    private func finding(_ found: LiveFinding, _ path: String?) -> [String] {
        let finding = found.finding
        var fields = [
            ("power lost", "\(found.moment)\(Self.mounts(finding))"),
            ("what happened", finding.summary),
            (
                "acknowledged",
                "\(finding.evidence.acknowledged) by then; \(finding.evidence.seen) of them seen after recovery"
            ),
        ]
        if let fault = finding.fault { fields.append(("fault", fault)) }
        for (index, line) in finding.lost.enumerated() {
            fields.append((index == 0 ? "culprits" : "", line))
        }
        if let kept = finding.kept { fields.append(("kept", kept)) }
        if !finding.advice.isEmpty { fields.append(("what is missing", finding.advice)) }
        if let path { fields.append(("replay", "perjury replay \(Escaped.shell(path))")) }
        fields.append(("explore", "perjury explore \(Escaped.shell(found.recordingPath))"))
        return fields.map { name, value in
            "    \(name)\(String(repeating: " ", count: 17 - name.count))\(Escaped.line(value))"
        }
    }

    private static func mounts(_ finding: Finding) -> String {
        finding.run.mounts.isEmpty ? "" : ", on " + finding.run.mounts.joined(separator: ", ")
    }

    private func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}

/// A live campaign as JSON; see `docs/formats.md`.
package struct LiveJSON {
    private let reports: [LiveReport]
    private let seed: UInt64

    package init(_ reports: [LiveReport], seed: UInt64) {
        self.reports = reports
        self.seed = seed
    }

    package var text: String {
        JSON.object([
            .init("perjuryLive", .number(1)), .init("perjury", .string(perjuryVersion)),
            .init("seed", .number(seed)), .init("workloads", .array(reports.map(Self.json))),
        ]).text
    }

    private static func json(_ report: LiveReport) -> JSON {
        let verdict: String
        var reason = report.inconclusive
        switch report.verdict {
        case .holds: verdict = "holds"
        case .violated: verdict = "violated"
        case .inconclusive(let why):
            verdict = "inconclusive"
            reason = why
        }
        return .object([
            .init("name", .string(report.name)), .init("model", .string(report.model)),
            .init("stack", .string(report.stack)), .init("verdict", .string(verdict)),
            .init("expected", .bool(report.isExpected)),
            .init("inconclusive", .optional(reason)),
            .init("interrupted", .bool(report.isInterrupted)),
            .init("powerLosses", .number(report.counts.cuts)),
            .init("duringRecovery", .number(report.counts.cutsInRecovery)),
            .init("atRest", .number(report.counts.cutsAtRest)),
            .init("statesDistinct", .number(report.counts.states)),
            .init("statesJudged", .number(report.counts.judged)),
            .init("statesNotJudged", .number(report.counts.unjudged)),
            .init("faults", .array(report.faults.map(\.json))),
            .init("effectsAtRisk", .number(report.counts.effectsAtRisk)),
            .init("effectsLost", .number(report.counts.effectsLost)),
            .init("mountsLost", .number(report.counts.machinesLost)),
            .init("acknowledged", .number(report.counts.acknowledged)),
            .init("losses", .number(report.counts.losses)),
            .init(
                "kinds",
                .object(
                    report.counts.kinds.sorted { $0.key < $1.key }.map {
                        .init($0.key.rawValue, .number($0.value))
                    })),
            .init(
                "findings",
                .array(
                    report.findings.map { found in
                        .object([
                            .init("violation", .string(found.finding.kind.rawValue)),
                            .init("life", .number(found.life)),
                            .init("moment", .string(found.moment)),
                            .init("fault", .optional(found.finding.fault)),
                            .init("summary", .string(found.finding.summary)),
                            .init("lost", .strings(found.finding.lost)),
                            .init("advice", .string(found.finding.advice)),
                            .init("recording", .string(found.recordingPath)),
                        ])
                    })),
            .init("notes", .strings(report.notes.map(\.words))),
            .init(
                "medianCycle", .object([.init("seconds", .seconds(report.cycles.median / 1000))])),
            .init(
                "medianOverhead",
                .object([.init("seconds", .seconds(report.cycles.medianOverhead / 1000))])),
            .init("seconds", .seconds(report.seconds)),
        ])
    }
}
