import FileTree
import Oracles
import PowerLoss
import Recording

/// Each sync of the run is made to fail, in a run of its own, which then goes on in each way in which it can: the program
/// starts again with the page cache kept, or after the cache has dropped its clean pages, or after a power loss.
extension Campaign {
    /// - Parameters:
    ///   - log: of the run without faults.
    ///   - targets: explored on it; what is found joins what they found.
    func exploreFailedSyncs(
        _ error: String, _ log: EffectLog, _ vocabulary: Vocabulary, _ targets: [Exploration],
        _ observations: Observations, _ budget: Budget
    ) -> FailedSyncs {
        let syncs = requests(log)
        let failures = SyncFailure.allCases.filter { failure in
            targets.contains { $0.storage.model.syncFailures.contains(failure) }
        }
        var report = FailedSyncs(
            error: error, syncs: syncs.count, runsInAll: syncs.count * failures.count)
        let attempts = order(syncs).flatMap { number in
            failures.map { FailingSync(number: number, error: error, failure: $0) }
        }
        for (index, sync) in attempts.enumerated() {
            if budget.isSpent { break }
            say("sync \(sync.number) failing", budget.states ?? 0, observations.entries.count, 0)
            let request = syncs[sync.number - 1]
            var run = FailedSyncs.Run(
                sync: sync, request: "\(request)", shape: request.shape)
            let start = clock()
            explore(&run, vocabulary, targets, observations) {
                budget.share(of: attempts.count - index, preparedSince: start)
            }
            report.runs.append(run)
        }
        for target in targets where target.isJudged && !syncs.isEmpty {
            let isTried = report.runs.contains { run in
                run.continuations.contains {
                    $0.model == target.storage.model.name && $0.statesPlanned > 0
                }
            }
            if !isTried { target.shortfalls.append("no run in which a sync fails was explored") }
        }
        return report
    }

    // MARK: Which syncs

    /// The syncs that the run asked for, in order.
    private func requests(_ log: EffectLog) -> [Call] {
        (0..<log.recording.count).compactMap { sequence in
            guard case .sync(let sync)? = log.operation(sequence) else { return nil }
            if case .allocation = sync { return nil }
            return log.call(sequence)
        }
    }

    /// Numbers of the syncs: the first, a middle and the last of each kind ahead, so that a short budget meets all kinds.
    private func order(_ syncs: [Call]) -> [Int] {
        var numbers: [String: [Int]] = [:]
        for (index, sync) in syncs.enumerated() {
            numbers[sync.shape, default: []].append(index + 1)
        }
        var ahead: Set<Int> = []
        for same in numbers.values { ahead.formUnion([same[0], same[same.count / 2], same.last!]) }
        return ahead.sorted()
            + (1...max(1, syncs.count)).filter { $0 <= syncs.count && !ahead.contains($0) }
    }

    // MARK: One run

    /// - Parameter budget: what may be spent once the run is recorded.
    private func explore(
        _ run: inout FailedSyncs.Run, _ vocabulary: Vocabulary, _ targets: [Exploration],
        _ observations: Observations, _ budget: () -> Budget
    ) {
        do {
            let recorded = try subject.record(failing: run.sync)
            let log = try EffectLog(recorded.recording)
            run.outcome = recorded.outcome
            guard let failed = log.failedSync else { return }
            run.record = failed.record
            let history = recorded.history
            run.wentOn =
                history.acknowledgedCount(at: .max)
                > history.acknowledgedCount(at: failed.record + 1)
            let failedRun = FailedRun(record: failed.record, recordingPath: recorded.path)
            // sync(2) has no result.
            let isReported = !log.lies && failed.fault.sync != .everything
            let budget = budget()
            let endings = endings(run.sync)
            for (place, ending) in endings.enumerated() {
                var pairs: [(target: Exploration, exploration: Exploration)] = []
                for (target, main) in zip(options.targets, targets)
                where target.model.syncFailures.contains(run.sync.failure) {
                    let exploration = exploration(
                        log, history, vocabulary, target, ending: ending, isReported: isReported,
                        failed: failedRun, known: main.findings.known)
                    pairs.append((main, exploration))
                }
                exploreAll(
                    pairs.map(\.exploration), observations,
                    budget.share(of: endings.count - place))
                for (main, exploration) in pairs {
                    run.continuations.append(join(exploration, main, run.sync))
                }
            }
        } catch {
            run.inconclusive = "\(error)"
        }
    }

    /// How the run can go on. What is nearly free comes first.
    private func endings(_ sync: FailingSync) -> [Ending] {
        if options.ending != .powerLoss { return [options.ending] }
        // Where the failure itself changed the file, nothing is left to evict.
        return sync.failure.changesFile
            ? [.processKill, .powerLoss] : [.processKill, .pageEviction, .powerLoss]
    }

    /// What a continuation has shown joins what its target has.
    private func join(
        _ exploration: Exploration, _ main: Exploration, _ sync: FailingSync
    ) -> FailedSyncs.Continuation {
        var verdict: Verdict?
        var kinds = exploration.findings.kinds
        if exploration.isJudged {
            var shortfalls = exploration.shortfalls
            // Pages that a mapping had dirtied when the process ended are in no record.
            if !kinds.isEmpty, exploration.ending != .powerLoss,
                let path = exploration.storage.log.mappedPaths.first
            {
                shortfalls.append(
                    "\(kinds.map(\.rawValue).sorted().joined(separator: ", ")), but \(path) was written through a shared mapping, "
                        + "whose pages the kernel still holds when a process ends are in no record")
                kinds = []
            } else {
                main.findings.adopt(exploration.findings)
            }
            // What could not be found out is not passed over.
            main.shortfalls += shortfalls.map { "after sync \(sync.number) had failed: \($0)" }
            if exploration.report.statesPlanned == 0, !exploration.turn.isFinished {
                shortfalls.append("the budget ended before anything was observed")
            }
            verdict =
                !kinds.isEmpty
                ? .violated : shortfalls.first.map { .inconclusive($0) } ?? .holds
        }
        let report = exploration.report
        return .init(
            model: report.model, stack: report.stack, ending: exploration.ending,
            verdict: verdict, kinds: kinds.sorted(), statesPlanned: report.statesPlanned,
            exhaustive: report.exhaustive, outcomes: report.outcomes)
    }
}
