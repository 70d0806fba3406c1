import Basics
import Campaign
import Oracles
import PowerLoss
import Recording

/// What came of faults that programs see.
extension TextReport {
    var faults: String {
        var text = ""
        for workload in campaign.workloads {
            for fault in workload.faults {
                text += line("\(Escaped.line(workload.name)): \(fault.text)", fault.outcome)
            }
        }
        return text.isEmpty ? "" : style.coloured("Faults", .bold) + "\n" + text
    }

    /// One line for the syncs of one kind and path, and what the filesystem does with their pages.
    private struct Row {
        let pattern: String
        let failure: SyncFailure
        var runs: [FailedSyncs.Run] = []
    }

    private static let endings: [Ending] = [.processKill, .pageEviction, .powerLoss]

    var failedSyncs: String {
        var table = Table(
            alignsRight: [false, false, false, true, true, true, false, false, false])
        table.add(
            [
                "workload", "sync", "its pages", "failed", "stopped", "went on", "restarted",
                "pages evicted", "power lost",
            ].map { Table.Cell($0, .faint) })
        var sentences = ""
        var isEmpty = true
        for workload in campaign.workloads {
            guard let failed = workload.failedSyncs else { continue }
            isEmpty = false
            var name = Escaped.line(workload.name)
            for row in Self.rows(failed) {
                table.add(cells(name, row))
                name = ""
            }
            sentences += line(Escaped.line(workload.name), Self.sentence(failed))
        }
        guard !isEmpty else { return "" }
        return style.coloured("When a sync failed", .bold) + "\n" + table.text(style) + sentences
    }

    private static func sentence(_ failed: FailedSyncs) -> String {
        guard failed.syncs > 0 else { return "the run makes no sync that could fail" }
        var text =
            "\(counted(Set(failed.runs.map(\.sync.number)).count, "sync")) of \(grouped(failed.syncs)) "
            + "failed with \(failed.error), in \(grouped(failed.runs.count)) of "
            + "\(counted(failed.runsInAll, "run"))"
        let absent = failed.runs.filter { $0.record == nil && $0.inconclusive == nil }.count
        if absent > 0 {
            text += "; in \(grouped(absent)) the program ended before the sync came"
        }
        let untried = failed.runs.count { run in
            !run.continuations.isEmpty && run.continuations.allSatisfy { $0.statesPlanned == 0 }
        }
        if untried > 0 { text += "; the budget left nothing for \(counted(untried, "run"))" }
        let troubles = failed.runs.compactMap(\.inconclusive)
        if let trouble = troubles.first {
            text += "; \(counted(troubles.count, "run")) told nothing: \(trouble)"
        }
        return text
    }

    private static func rows(_ failed: FailedSyncs) -> [Row] {
        var rows: [Row] = []
        for run in failed.runs where run.record != nil {
            let index = rows.firstIndex {
                $0.pattern == run.shape && $0.failure == run.sync.failure
            }
            if let index {
                rows[index].runs.append(run)
            } else {
                rows.append(Row(pattern: run.shape, failure: run.sync.failure, runs: [run]))
            }
        }
        return rows
    }

    private func cells(_ name: String, _ row: Row) -> [Table.Cell] {
        let wentOn = row.runs.count(where: \.wentOn)
        return [
            Table.Cell(name), Table.Cell(Escaped.line(row.pattern)), Table.Cell(row.failure.name),
            Table.Cell(grouped(row.runs.count)), Table.Cell(grouped(row.runs.count - wentOn)),
            Table.Cell(grouped(wentOn)),
        ] + Self.endings.map { cell(row, $0) }
    }

    private func cell(_ row: Row, _ ending: Ending) -> Table.Cell {
        let all = row.runs.flatMap(\.continuations).filter { $0.ending == ending }
        let tried = all.filter { $0.statesPlanned > 0 }
        guard !tried.isEmpty else {
            return all.contains { $0.verdict?.reason != nil }
                ? Table.Cell("not tried", .yellow) : Table.Cell("")
        }
        let violated = row.runs.count { run in
            run.continuations.contains { $0.ending == ending && $0.verdict == .violated }
        }
        if violated > 0 {
            let kinds = Set(tried.flatMap(\.kinds)).sorted().map(\.rawValue)
            return Table.Cell("\(grouped(violated)) violated \(list(kinds))", .red)
        }
        if tried.contains(where: { $0.verdict?.reason != nil }) { return Table.Cell("?", .yellow) }
        if tried.contains(where: { $0.verdict == nil }) {
            let worst = Characterisation.allCases.last { outcome in
                tried.contains { $0.outcomes[outcome, default: 0] > 0 }
            }
            return Table.Cell("counted: \(worst?.rawValue ?? "")", .faint)
        }
        return Table.Cell("holds", .green)
    }
}
