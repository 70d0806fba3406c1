import Oracles
import PowerLoss

/// From what was explored to what is reported of it.
extension Campaign {
    /// What the report says of the run itself; inconclusive where the fault that was asked for never came.
    func describe(
        _ run: RecordedRun, _ log: EffectLog, _ history: History, _ report: inout WorkloadReport
    ) {
        report.records = run.recording.count
        report.effects = log.effects.count
        report.acknowledged = history.acknowledgedCount(at: .max)
        report.faults = run.faults
        report.mounts = log.machines
        report.mountsAtOnce = min(options.machinesAtOnce ?? .max, log.machines.count)
        if !log.machines.isEmpty {
            report.notes.append(
                .machines(report.mounts, atOnce: report.mountsAtOnce, options.ending))
        }
        if let idle = run.faults.idle {
            report.inconclusive =
                idle.whyIdle + (idle.matched == 0 ? "; \(log.requestsInWords)" : "")
        }
    }

    /// The control says that nothing can be judged.
    func giveUp(
        _ run: RecordedRun, _ control: Control, because reason: String,
        _ report: inout WorkloadReport
    ) {
        // What a store that went into the background has not done is not what is wrong with it.
        report.inconclusive =
            [
                run.endedNormally
                    ? nil
                    : "run \(run.outcome)" + (run.end == .timedOut ? subject.timeoutInWords : ""),
                reason + (control.isTimeout ? subject.timeoutInWords : ""),
                run.outlived.isEmpty ? nil : run.unfinished(accepting: subject.acceptedExit),
            ].compactMap(\.self).joined(separator: "; ")
        if !control.observerLog.isEmpty {
            report.notes.append(.observerSaid(control.observerLog))
        }
    }

    /// What the run left open.
    func notes(onEndOf run: RecordedRun, _ history: History) -> [Note] {
        if !run.endedNormally {
            return subject.acceptedExit.accepts(run.end) ? [] : [.endedEarly(run.outcome)]
        }
        let open = history.transactions.filter { $0.settlement == nil }.map(\.name)
        return open.isEmpty ? [] : [.neverEnded(open)]
    }

    /// - Parameter unfinished: why the recorded run is not all that the program does.
    func finish(
        _ explorations: [Exploration], _ report: inout WorkloadReport, unfinished: String?
    ) {
        for exploration in explorations {
            var model = exploration.report
            let findings = exploration.findings.all
            model.kinds = Set(findings.map(\.kind)).sorted()
            model.expectation = subject.expectation.outcome(model: model.model, stack: model.stack)
            if exploration.isJudged {
                if exploration.judge.promise != subject.promise {
                    model.judgedAs = exploration.judge.promise.description
                }
                model.leftOpen = leftOpen(exploration) ?? unfinished
                model.verdict = verdict(exploration, model.leftOpen)
                model.isOpen = subject.expectation.isOpen(model: model.model, stack: model.stack)
            }
            report.examples += Characterisation.allCases.compactMap {
                exploration.examples.found[$0]
            }
            report.models.append(model)
            report.findings += findings
            report.notes += notes(exploration, model).map {
                .under(model: model.model, stack: model.stack, $0)
            }
        }
        report.compare(with: subject.expectation)
    }

    private func verdict(_ exploration: Exploration, _ leftOpen: String?) -> Verdict {
        guard !exploration.findings.all.isEmpty else {
            return leftOpen.map { .inconclusive($0) } ?? .holds
        }
        if options.ending == .processKill, let path = exploration.storage.log.mappedPaths.first {
            return .inconclusive(
                "\(path) was written through a shared mapping, whose pages the kernel still holds at a process kill are in no record"
            )
        }
        return .violated
    }

    /// Why a promise cannot be said to hold although nothing breaks it; nil where it can.
    private func leftOpen(_ exploration: Exploration) -> String? {
        if let shortfall = shortfall(exploration) { return shortfall }
        let unexplained = exploration.findings.unexplained.values.reduce(0, +)
        if unexplained > 0 {
            return "\(unexplained) states that show a violation were not looked into"
        }
        if exploration.report.statesPlanned == 0 {
            return options.ending == .pageEviction
                ? "nothing was in the page cache alone: no sync failed in this run"
                : "the budget ended before anything was observed"
        }
        return gap(in: exploration.report)
    }

    /// What was left out that could not be; nil where enough was visited to say that a promise holds.
    private func gap(in report: ModelReport) -> String? {
        // An eviction takes what a failed sync left, and most crash points have nothing of that.
        guard options.ending != .pageEviction else { return nil }
        let visited = Double(report.crashPoints) / Double(max(1, report.crashPointsInAll))
        let isTooLittle = !report.exhaustive && visited < options.leastCoverage
        guard report.shapes < report.shapesInAll || isTooLittle else { return nil }
        let percent = options.leastCoverage * 100
        let asked =
            (percent == percent.rounded() ? "\(Int(percent))" : "\(percent)")
            + " % of them were asked for"
        return (isCancelled() ? "it was interrupted" : "the budget ended")
            + " after \(report.crashPoints) of \(report.crashPointsInAll) crash points "
            + "(\(report.shapes) of \(report.shapesInAll) shapes)"
            + (isTooLittle ? ", and \(asked)" : "")
            + (isCancelled() ? "" : "; a larger --budget visits more")
    }

    private func shortfall(_ exploration: Exploration) -> String? {
        let more = exploration.shortfalls.count - 1
        return exploration.shortfalls.first.map { $0 + (more > 0 ? " (and \(more) more)" : "") }
    }

    /// What the verdict does not say.
    private func notes(_ exploration: Exploration, _ model: ModelReport) -> [Note] {
        var notes = exploration.notes
        if model.verdict == .violated || model.verdict == nil,
            let first = exploration.shortfalls.first
        {
            notes.append(.notJudged(first, more: exploration.shortfalls.count - 1))
        }
        for (kind, count) in exploration.findings.unexplained.sorted(by: { $0.key < $1.key }) {
            notes.append(.others(kind, count, than: exploration.findings.groupCount(kind)))
        }
        return notes
    }
}
