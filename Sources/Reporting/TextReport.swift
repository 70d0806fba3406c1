import Basics
import Campaign
import Oracles

/// The report that a person reads. A function of the campaign's report and of the style; nothing else.
package struct TextReport {
    let campaign: CampaignReport
    let style: TextStyle

    package init(_ campaign: CampaignReport, style: TextStyle = TextStyle()) {
        self.campaign = campaign
        self.style = style
    }

    /// What is about to be done; printed first.
    package var header: String {
        let models = campaign.models.isEmpty ? "each workload's own" : list(campaign.models)
        let parts = [
            "seed \(campaign.seed)", "models \(models)", "stacks \(list(campaign.stacks))",
            "ending \(campaign.ending)", "budget \(campaign.budget)",
        ]
        return style.wrapped(
            parts.joined(separator: "; "), first: "perjury \(perjuryVersion): ", .bold)
    }

    /// Everything after the header.
    package var body: String {
        var sections: [String] = []
        if !campaign.workloads.isEmpty { sections.append(table) }
        if campaign.stacks.count > 2 { sections.append(matrix) }
        let lists = [
            failedSyncs, unexpected, inconclusive, expected, outcomes, faults, notes, skipped,
        ]
        sections += lists.filter { !$0.isEmpty }
        sections.append(summary)
        return sections.joined(separator: "\n")
    }

    package var text: String { header + "\n" + body }

    func list(_ names: [String]) -> String { names.joined(separator: ", ") }

    // MARK: Table

    private var table: String {
        var table = Table(alignsRight: [false, false, false, true, true, true, true, false, false])
        table.add(
            [
                "workload", "model", "verdict", "crash points", "planned", "distinct", "observed",
                "states", "",
            ].map { Table.Cell($0, .faint) })
        for workload in campaign.workloads {
            if workload.models.isEmpty {
                let empty = Table.Cell("")
                table.add([
                    Table.Cell(Escaped.line(workload.name)), empty,
                    Table.Cell("inconclusive", .yellow), empty, empty, empty, empty, empty,
                    Table.Cell("INCONCLUSIVE, see below", .yellow),
                ])
            }
            for (index, model) in workload.models.enumerated() {
                table.add(row(index == 0 ? workload.name : "", model))
            }
        }
        return table.text(style)
            + style.wrapped(
                "planned: crash states that were judged; distinct: different trees among them; observed: recoveries that were "
                    + "run for them, as equal trees are recovered once for all models.",
                first: "")
    }

    private func row(_ name: String, _ model: ModelReport) -> [Table.Cell] {
        [
            Table.Cell(Escaped.line(name)), Table.Cell(model.target), verdict(model),
            Table.Cell("\(grouped(model.crashPoints))/\(grouped(model.crashPointsInAll))"),
            Table.Cell(grouped(model.statesPlanned)), Table.Cell(grouped(model.statesDistinct)),
            Table.Cell(grouped(model.statesObserved)),
            Table.Cell(model.extent), comparison(model),
        ]
    }

    private func verdict(_ model: ModelReport) -> Table.Cell {
        guard let verdict = model.verdict else { return Table.Cell("counted", .faint) }
        let kinds = model.kinds.map { " " + $0.rawValue }.joined()
        switch (verdict, model.outcome) {
        case (.inconclusive, _): return Table.Cell(verdict.word, .yellow)
        case (.holds, .asExpected): return Table.Cell(holds(model), .green)
        case (_, .asExpected): return Table.Cell(verdict.word + kinds)
        default: return Table.Cell(verdict.word + kinds, .redAndBold)
        }
    }

    /// One word in every table: `holds`, and which promise where it is not the workload's own.
    func holds(_ model: ModelReport) -> String {
        "holds" + (model.judgedAs.map { " \($0)" } ?? "")
    }

    private func comparison(_ model: ModelReport) -> Table.Cell {
        guard model.verdict != nil else {
            return Table.Cell("no promise applies on this stack", .faint)
        }
        switch model.outcome {
        case .asExpected: return Table.Cell("as expected", .faint)
        case .inconclusive: return Table.Cell("INCONCLUSIVE, see below", .yellow)
        case .unexpected:
            return Table.Cell("NOT EXPECTED; expected: \(model.expected)", .redAndBold)
        }
    }

    // MARK: Matrix

    /// What each store keeps on each stack, a line for each workload and model.
    private var matrix: String {
        let models = campaign.workloads.flatMap(\.models)
        let stacks = campaign.stacks.filter { stack in models.contains { $0.stack == stack } }
        var table = Table(alignsRight: [false, false] + stacks.map { _ in false })
        let numbers = stacks.indices.map { Table.Cell("\($0 + 1)", .faint) }
        table.add([Table.Cell("workload", .faint), Table.Cell("model", .faint)] + numbers)
        for workload in campaign.workloads {
            var name = Escaped.line(workload.name)
            var models: [String] = []
            for model in workload.models where !models.contains(model.model) {
                models.append(model.model)
            }
            for model in models {
                let cells = stacks.map { stack in
                    workload.models.first { $0.model == model && $0.stack == stack }
                        .map(cell) ?? Table.Cell("")
                }
                table.add([Table.Cell(name), Table.Cell(model)] + cells)
                name = ""
            }
        }
        let legend = stacks.enumerated().map { "\($0 + 1) \($1)" }
        return style.coloured("On each stack", .bold) + "\n" + table.text(style)
            + style.wrapped(list(legend), first: "  ")
            + style.wrapped(
                "holds: the promise is kept, and by its name, such as `holds prefix`, what the stack permits of it; "
                    + "broken: it is not kept; elsewhere the worst outcome that was counted, "
                    + "by the workload's own promise.",
                first: "  ")
    }

    private func cell(_ model: ModelReport) -> Table.Cell {
        switch model.verdict {
        case .violated: return Table.Cell("broken", model.outcome == .asExpected ? .faint : .red)
        case .inconclusive: return Table.Cell("?", .yellow)
        case .holds:
            return Table.Cell(holds(model), .green)
        case nil:
            let worst = Characterisation.allCases.last { model.outcomes[$0, default: 0] > 0 }
            return Table.Cell(worst?.rawValue ?? "", .faint)
        }
    }

    // MARK: What could not be found out

    private var inconclusive: String {
        var text = ""
        for workload in campaign.workloads {
            if let reason = workload.inconclusive {
                text += line("\(Escaped.line(workload.name))", reason)
            }
            var reasons: [(text: String, targets: [String])] = []
            for model in workload.models {
                guard let reason = model.verdict?.reason else { continue }
                if let index = reasons.firstIndex(where: { $0.text == reason }) {
                    reasons[index].targets.append(model.target)
                } else {
                    reasons.append((reason, [model.target]))
                }
            }
            for reason in reasons {
                text += line(
                    "\(Escaped.line(workload.name)) under \(list(reason.targets))", reason.text)
            }
        }
        return text.isEmpty ? "" : style.coloured("Inconclusive", .yellow) + "\n" + text
    }

    /// A sentence about somebody; output of a program that follows `: ` in it stands on lines of its own.
    func line(_ who: String, _ what: String) -> String {
        guard what.hasSuffix("\n"), let colon = what.firstRange(of: ": ") else {
            return style.wrapped("\(who): \(Escaped.line(what))", first: "  ")
        }
        let output = Escaped.lines(String(what[colon.upperBound...]))
        return style.wrapped(
            "\(who): \(Escaped.line(String(what[..<colon.lowerBound])))", first: "  ")
            + quoted(output)
    }

    private static let quotedLines = 12

    /// The end of what a program printed.
    func quoted(_ lines: [String]) -> String {
        let left = lines.count - Self.quotedLines
        return (left > 0 ? "    | (\(counted(left, "line")) before)\n" : "")
            + lines.suffix(Self.quotedLines).map { "    | \($0)\n" }.joined()
    }

    // MARK: Stacks on which nothing can be promised

    private var outcomes: String {
        var text = ""
        for workload in campaign.workloads {
            for model in workload.models where !model.outcomes.isEmpty {
                let counts = Characterisation.allCases.compactMap { outcome in
                    model.outcomes[outcome].map {
                        // What a weaker promise permits to lose counts as no loss.
                        let permitted = outcome == .none && workload.promise != "durable"
                        return outcome.rawValue
                            + (permitted ? " that \(workload.promise) forbids" : "")
                            + " \(grouped($0))"
                    }
                }
                let judged = model.verdict == .holds ? " (\(holds(model)))" : ""
                text += line(
                    "\(Escaped.line(workload.name)) under \(model.target)\(judged)", list(counts))
                for example in workload.examples
                where (example.model, example.stack) == (model.model, model.stack) {
                    text += self.example(example)
                }
            }
        }
        guard !text.isEmpty else { return "" }
        return style.coloured("Counted: what is lost where no store can be durable", .bold)
            + "\n" + text
    }

    private func example(_ example: Finding) -> String {
        let mounts =
            example.run.mounts.isEmpty ? "" : " on \(example.run.mounts.joined(separator: ", "))"
        let outcome = example.evidence.outcome?.rawValue ?? example.kind.rawValue
        var text = style.wrapped(
            Escaped.line("\(outcome)\(mounts): \(example.summary)"), first: "    ")
        if let command = campaign.replayCommand(example) {
            text += style.coloured("    \(Escaped.line(command))", .faint) + "\n"
        }
        return text
    }

    // MARK: Notes

    private var notes: String {
        var notes: [(text: String, workloads: [String])] = []
        for workload in campaign.workloads {
            for note in workload.notes.map(\.words) {
                if let index = notes.firstIndex(where: { $0.text == note }) {
                    notes[index].workloads.append(workload.name)
                } else {
                    notes.append((note, [workload.name]))
                }
            }
        }
        guard !notes.isEmpty else { return "" }
        var text = style.coloured("Notes", .bold) + "\n"
        for note in notes {
            var names = list(note.workloads.prefix(3).map { Escaped.line($0) })
            if note.workloads.count > 3 { names += " and \(note.workloads.count - 3) more" }
            text += line(names, note.text)
        }
        return text
    }

    // MARK: Summary

    /// Not tried, since something is missing that this machine need not have.
    private var skipped: String {
        campaign.skipped.map {
            let line = "skipped: \(Escaped.line($0.name)): \(Escaped.line($0.reason))"
            return style.wrapped(line, first: "")
        }.joined()
    }

    /// Where a kind of violation is expected and no list names its causes: those beyond the first, which may be new.
    private func beyondTheFirst(_ workload: WorkloadReport) -> String {
        guard !workload.hasList else { return "" }
        let open = Set(workload.models.filter(\.isOpen).map(\.target))
        var causes: [ViolationKind: [String]] = [:]
        for finding in workload.findings where finding.isExpected && finding.cause != nil {
            let isNew = !causes[finding.kind, default: []].contains(finding.name)
            if isNew, !open.contains(target(finding.model, finding.stack)) {
                causes[finding.kind, default: []].append(finding.name)
            }
        }
        let others = causes.sorted { $0.key < $1.key }.flatMap { $0.value.dropFirst() }
        guard !others.isEmpty else { return "" }
        return style.wrapped(
            "\(counted(others.count, "more cause")) than one of what is expected: \(list(others)). "
                + "List under `known:` those that may stay.",
            first: "\(Escaped.line(workload.name)): ")
    }

    /// The workloads that came out so, in one line.
    private func named(_ what: String, _ outcome: ComparedOutcome) -> String {
        let names = campaign.workloads.filter { $0.outcome == outcome }
            .map { Escaped.line($0.name) }
        return names.isEmpty ? "" : style.wrapped(list(names), first: "\(what): ")
    }

    /// The row that holds on the least evidence; where all of them visited each crash point, that.
    private var coverage: String {
        let rows = campaign.workloads.flatMap { workload in
            workload.models.filter { $0.verdict == .holds && $0.crashPointsInAll > 0 }
                .map { (workload: workload, model: $0) }
        }
        func part(_ model: ModelReport) -> Double {
            model.exhaustive ? 1 : Double(model.crashPoints) / Double(model.crashPointsInAll)
        }
        guard let worst = rows.min(by: { part($0.model) < part($1.model) }) else { return "" }
        guard part(worst.model) < 1 else {
            return style.wrapped("What holds was tried at every crash point.", first: "")
        }
        return style.wrapped(
            "The least tried of what holds: \(Escaped.line(worst.workload.name)) under "
                + "\(worst.model.target), at \(grouped(worst.model.crashPoints)) of "
                + "\(counted(worst.model.crashPointsInAll, "crash point")), "
                + "\(grouped(worst.model.shapes)) of \(counted(worst.model.shapesInAll, "shape")).",
            first: "")
    }

    private var summary: String {
        let workloads = campaign.workloads
        let outcomes = workloads.map(\.outcome)
        var parts = ["\(grouped(outcomes.count { $0 == .asExpected })) as expected"]
        let unexpected = outcomes.count { $0 == .unexpected }
        if unexpected > 0 { parts.append("\(grouped(unexpected)) NOT AS EXPECTED") }
        let inconclusive = outcomes.count { $0 == .inconclusive }
        if inconclusive > 0 { parts.append("\(grouped(inconclusive)) inconclusive") }
        if !campaign.skipped.isEmpty { parts.append("\(grouped(campaign.skipped.count)) skipped") }
        let models = workloads.flatMap(\.models)
        let unlisted = workloads.map(beyondTheFirst).joined()
        let planned = models.reduce(0) { $0 + $1.statesPlanned }
        let observed = models.reduce(0) { $0 + $1.statesObserved }
        let time = style.hasTimes ? ", in \(seconds(campaign.seconds))" : ""
        let status = campaign.exitStatus
        let others =
            workloads.count < 2
            ? ""
            : named("not as expected", .unexpected) + named("inconclusive", .inconclusive)
        let interrupted =
            campaign.isInterrupted
            ? "Interrupted: this was found by then.\n" : ""
        return style.coloured(interrupted, .yellow)
            + style.wrapped(
                "\(counted(workloads.count, "workload")): \(list(parts)). "
                    + "\(counted(planned, "state")) judged by \(counted(observed, "observation"))"
                    + "\(time).", first: "")
            + coverage + others + unlisted
            + style.wrapped("Exit status \(status.rawValue): \(status.meaning).", first: "")
    }
}
