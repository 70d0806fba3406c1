import Oracles
import PowerLoss
import Recording

/// record → plan → recover → judge → shrink → explain, for one workload under several models and stacks.
package struct Campaign {
    package let subject: any Subject
    package let options: CampaignOptions
    /// Told as the campaign goes on, for a person who waits.
    package var progress: (Progress) -> Void = { _ in }
    /// Asked between batches: whether to end early and report what was found so far.
    package var isCancelled: () -> Bool = { false }
    /// Where what is seen of a recording's trees is kept.
    package var trials: (RecordedRun) -> (any TrialLog)? = { _ in nil }
    /// Seconds of a monotonic clock. Only budgets and reported times depend on it.
    package var clock: () -> Double

    package struct Progress: Sendable {
        package let workload: String
        package let phase: String
        package let planned: Int
        package let observed: Int
        package let findings: Int
    }

    package init(_ subject: any Subject, options: CampaignOptions, clock: @escaping () -> Double) {
        self.subject = subject
        self.options = options
        self.clock = clock
    }

    // MARK: The two halves

    package func run() -> WorkloadReport {
        let start = clock()
        say("recording", 0, 0, 0)
        let run: RecordedRun
        do {
            run = try subject.record()
        } catch {
            var report = emptyReport
            report.inconclusive = "\(error)"
            report.seconds = clock() - start
            return report
        }
        return explore(run, since: start)
    }

    /// Explores a run recorded before.
    package func explore(_ run: RecordedRun) -> WorkloadReport {
        explore(run, since: clock())
    }

    private var emptyReport: WorkloadReport {
        WorkloadReport(
            name: subject.name, about: subject.about, promise: subject.promise.description)
    }

    private func explore(_ run: RecordedRun, since start: Double) -> WorkloadReport {
        var report = emptyReport
        report.notes = (run.notes + subject.remarks).map { .text($0) }
        report.recordingPath = run.path
        do {
            try explore(run, &report)
        } catch {
            report.inconclusive = "\(error)"
        }
        report.seconds = clock() - start
        return report
    }

    private func explore(_ run: RecordedRun, _ report: inout WorkloadReport) throws {
        var began = clock()
        let log = try EffectLog(run.recording)
        let history = run.history
        describe(run, log, history, &report)
        if report.inconclusive != nil { return }
        let observers = try subject.observers(max(1, options.jobs), of: run.recording)
        let observations = Observations(observers: observers, log: trials(run))

        let controlBegan = clock()
        let control = try Control(run, log, history, subject.promise, observations)
        // What nothing can be judged without is no part of the budget. All the rest before the first state is.
        began += clock() - controlBegan
        if let reason = control.inconclusive {
            giveUp(run, control, because: reason, &report)
            return
        }
        report.notes += notes(onEndOf: run, history)

        let explorations = options.targets.map { target in
            exploration(
                log, history, control.vocabulary, target, ending: options.ending,
                isReported: !log.lies)
        }
        if control.violation != nil {
            for exploration in explorations where exploration.isJudged {
                judgeCompleteTree(exploration, observations)
            }
        }
        // Each depth of power losses gets as much as the first.
        let (first, rest) = options.budget.split(into: 1 + options.nested)
        exploreAll(explorations, observations, budget(first, since: began))
        if options.nested > 0 {
            report.notes.append(cutRecoveries(explorations, observations, budget(rest)))
        }
        if let error = options.syncError {
            report.failedSyncs = exploreFailedSyncs(
                error, log, control.vocabulary, explorations, observations,
                budget(options.budget))
        }
        let unfinished = run.unfinished(accepting: subject.acceptedExit).map {
            $0 + (run.end == .timedOut ? subject.timeoutInWords : "")
        }
        finish(explorations, &report, unfinished: unfinished)
        if let failure = observations.logFailure { report.notes.append(.text(failure)) }
    }

    /// - Parameters:
    ///   - isReported: whether a program could know of each sync that was not done.
    ///   - failed: the run is one in which a sync failed.
    func exploration(
        _ log: EffectLog, _ history: History, _ vocabulary: Vocabulary,
        _ target: CampaignOptions.Target, ending: Ending, isReported: Bool,
        failed: FailedRun? = nil, known: [Findings.Group] = []
    ) -> Exploration {
        // The drive's lies do not matter where only the process or the kernel dies.
        let stack = target.stack.reached(by: ending)
        let judged = isReported ? subject.promise(on: stack) : nil
        let isCounted =
            !isReported
            || stack.permits != .durability && subject.promiseUnder[stack.name] == nil
        let counted = isCounted ? subject.promise : nil
        let judge = { (promise: Promise) in
            Judge(history, promise: promise, vocabulary: vocabulary)
        }
        return Exploration(
            Storage(log: log, model: target.model, stack: stack),
            judge: judge(judged ?? counted ?? subject.promise), isJudged: judged != nil,
            counting: counted.map(judge), ageing: counted == .opens ? nil : judge(.prefix),
            options: options, ending: ending, failed: failed, known: known)
    }

    // MARK: Exploring

    private func budget(_ size: Budget.Size, since start: Double? = nil) -> Budget {
        Budget(size, since: start, clock: clock, isCancelled: isCancelled)
    }

    func exploreAll(
        _ explorations: [Exploration], _ observations: Observations, _ budget: Budget
    ) {
        while true {
            let open = explorations.filter { !$0.turn.isFinished }
            guard !open.isEmpty else { return }
            let share = budget.share(of: open.count).states ?? .max
            for exploration in turns(open) {
                if budget.isSpent { return }
                let size = min(exploration.nextBatch(options), share, budget.states ?? .max)
                let known = exploration.findings.found.count
                explore(size, exploration, observations, budget)
                for finding in exploration.findings.found.dropFirst(known) {
                    for other in open where other !== exploration && budget.states != 0 {
                        // Most often its tree was observed already, and this costs no time.
                        guard other.suggest(finding.plan) else { continue }
                        explore(1, other, observations, budget)
                    }
                }
                say(
                    "exploring", explorations.reduce(0) { $0 + $1.report.statesPlanned },
                    observations.entries.count,
                    explorations.reduce(0) { $0 + $1.findings.found.count })
            }
        }
    }

    /// Who comes next: each in turn, and where the budget is time, whoever has had least of it; ahead of all, who has too little
    /// evidence yet for any verdict.
    private func turns(_ open: [Exploration]) -> [Exploration] {
        guard case .seconds = options.budget else { return open }
        let next = open.min {
            ($0.hasVerdict ? 1 : 0, $0.report.seconds, $0.turn.count)
                < ($1.hasVerdict ? 1 : 0, $1.report.seconds, $1.turn.count)
        }
        return next.map { [$0] } ?? []
    }

    /// One turn of one target.
    ///
    /// - Parameters:
    ///   - size: how many states it may plan.
    ///   - budget: of which it spends those; not what it could not observe.
    func explore(
        _ size: Int, _ exploration: Exploration, _ observations: Observations, _ budget: Budget
    ) {
        exploration.turn.began = clock()
        let before = exploration.report.statesPlanned
        let (states, unknown) = exploration.plan(size, isKnown: observations.isObserved)
        exploration.report.statesObserved += observations.observe(
            unknown, unless: { budget.isOver })
        let seen = states.filter { observations.index($0.hash) != nil }
        exploration.take(
            seen, all: states.allSatisfy { observations.isObserved($0.hash) })
        for state in seen { judge(state, exploration, observations) }
        exploration.report.seconds += clock() - exploration.turn.began
        if isSettled(exploration) { exploration.turn.isFinished = true }
        budget.spend(exploration.report.statesPlanned - before)
    }

    /// What is violated needs not be explored to the end: enough states to see each way in which it is.
    private func isSettled(_ exploration: Exploration) -> Bool {
        if let sought = options.sought,
            exploration.findings.found.contains(where: { $0.cause?.fingerprint == sought })
        {
            return true
        }
        return exploration.limitOnceViolated(options).map { exploration.report.statesPlanned >= $0 }
            ?? false
    }

    func judge(
        _ state: CrashState, _ exploration: Exploration, _ observations: Observations
    ) {
        guard let index = observations.index(state.hash) else { return }
        let entry = observations.entries[index]
        if let failure = entry.failure {
            exploration.shortfalls.append(failure)
            return
        }
        let violations = exploration.judging.violations(state, observations) ?? []
        if violations.isEmpty,
            let shortfall = entry.observation.shortfall ?? entry.secondShortfall
        {
            exploration.shortfalls.append(shortfall)
            return
        }
        if let counting = exploration.judging.counting {
            let counted = exploration.judging.violations(state, observations, by: counting) ?? []
            var outcome = Characterisation(counted)
            // A delete that is lost looks like a key that is back. The store is as it was before: nothing is corrupt.
            if outcome == .silentCorruption, let ageing = exploration.judging.ageing,
                exploration.judging.violations(state, observations, by: ageing)?.isEmpty ?? false
            {
                outcome = .silentLoss
            }
            exploration.report.outcomes[outcome, default: 0] += 1
            if let violation = counted.first(where: {
                // To see a hang again, and to shrink it, takes longer than it is worth.
                !$0.kind.traits.isSlow && $0.kind.traits.outcome == outcome
            }),
                exploration.wantsExample(of: outcome)
            {
                addExample(of: outcome, violation, state, exploration, observations)
            }
        }
        guard exploration.isJudged else { return }
        for violation in violations { investigate(violation, state, exploration, observations) }
    }

    func say(_ phase: String, _ planned: Int, _ observed: Int, _ findings: Int) {
        progress(
            Progress(
                workload: subject.name, phase: phase, planned: planned, observed: observed,
                findings: findings))
    }
}
