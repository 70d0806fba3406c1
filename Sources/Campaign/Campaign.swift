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
        report.notes = run.notes
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
        let log = try EffectLog(run.recording)
        let history = run.history
        report.records = run.recording.count
        report.effects = log.effects.count
        report.acknowledged = history.acknowledgedCount(at: .max)
        let observers = try (0..<max(1, options.jobs)).map { try subject.observer(worker: $0) }
        let observations = Observations(observers: observers)

        let control = try Control(run, log, history, subject.promise, observations)
        if let reason = control.inconclusive {
            report.inconclusive =
                run.endedNormally ? reason : "run \(run.outcome); \(reason)"
            return
        }
        if !run.endedNormally { report.notes.append("run \(run.outcome); explored up to there") }

        let explorations = options.targets.map { target in
            let storage = Storage(log: log, model: target.model, stack: target.stack)
            let promise = subject.promiseUnder[target.stack.name] ?? subject.promise
            return Exploration(
                storage, judge: Judge(history, promise: promise, vocabulary: control.vocabulary),
                isJudged: target.stack.permitsDurability
                    || subject.promiseUnder[target.stack.name] != nil,
                seed: options.seed, ending: options.ending)
        }
        if let violation = control.violation {
            for exploration in explorations { addControlViolation(violation, exploration) }
        }
        try exploreAll(explorations, observations, history, report.name)
        finish(explorations, observations, &report)
    }

    // MARK: Exploring

    private func exploreAll(
        _ explorations: [Exploration], _ observations: Observations, _ history: History,
        _ name: String
    ) throws {
        let end = options.seconds.map { clock() + $0 }
        var left = options.states
        var isSpent = false
        while !isSpent, explorations.contains(where: { !$0.isFinished }) {
            for exploration in explorations where !exploration.isFinished {
                let start = clock()
                let before = exploration.report.statesPlanned
                let batch = left.map { min(options.batch, $0) } ?? options.batch
                let (states, unknown) = exploration.plan(batch) { observations.index($0) != nil }
                exploration.report.statesObserved += observations.observe(unknown)
                try judge(states, exploration, observations, history)
                exploration.report.seconds += clock() - start
                if let states = left {
                    left = states - (exploration.report.statesPlanned - before)
                }
                if isSettled(exploration) { exploration.isFinished = true }
                say(
                    "exploring", explorations.reduce(0) { $0 + $1.report.statesPlanned },
                    observations.entries.count,
                    explorations.reduce(0) { $0 + $1.groupedFindings.count })
                isSpent = isCancelled() || end.map { clock() >= $0 } ?? false || (left ?? 1) <= 0
                if isSpent { break }
            }
        }
    }

    /// What is violated needs not be explored to the end: enough states to see each way in which it is.
    private func isSettled(_ exploration: Exploration) -> Bool {
        guard let limit = options.statesOnceViolated, !exploration.groupedFindings.isEmpty else {
            return false
        }
        return exploration.report.statesPlanned >= limit
    }

    private func judge(
        _ states: [Exploration.Planned], _ exploration: Exploration, _ observations: Observations,
        _ history: History
    ) throws {
        for state in states {
            guard let index = observations.index(state.hash) else { continue }
            let entry = observations.entries[index]
            if let failure = entry.failure {
                exploration.shortfalls.append(failure)
                continue
            }
            let violations = exploration.violations(index, entry, at: state.pending.crashPoint)
            if exploration.isJudged {
                if violations.isEmpty, let shortfall = entry.observation.shortfall {
                    exploration.shortfalls.append(shortfall)
                }
                for violation in violations {
                    try investigate(violation, state, exploration, observations, history)
                }
            } else {
                exploration.report.outcomes[Self.outcome(violations), default: 0] += 1
            }
        }
    }

    private static func outcome(_ violations: [Violation]) -> Characterisation {
        let kinds = Set(violations.map(\.kind))
        if kinds.isEmpty { return .none }
        if !kinds.isDisjoint(with: [.cannotOpen, .hang]) { return .cannotOpen }
        if kinds.contains(.corrupt) { return .detectedLoss }
        if !kinds.isDisjoint(with: [.phantom, .resurrected, .tornCommit, .hole, .unstableRecovery])
        {
            return .silentCorruption
        }
        return .silentLoss
    }

    // MARK: Findings

    private func investigate(
        _ violation: Violation, _ state: Exploration.Planned, _ exploration: Exploration,
        _ observations: Observations, _ history: History
    ) throws {
        let explanation = Explanation(exploration.storage, history: history)
        let signature = explanation.signature(state.pending, state.choice)
        if exploration.count(violation.kind, signature) { return }
        guard exploration.groupCount(violation.kind) < options.findingsPerKind else { return }
        let choice = try Shrinker(exploration.storage, state.pending).shrink(state.choice) {
            try shows(violation.kind, state.pending, $0, exploration, observations)
        }
        guard
            let finding = try confirm(
                violation.kind, state.pending, choice, exploration, observations, history)
        else {
            exploration.shortfalls.append(
                "flaky: \(violation.kind.rawValue) at crash point \(state.pending.crashPoint) did not show again on a fresh mount"
            )
            return
        }
        exploration.add(finding, explanation.cause(state.pending, choice))
    }

    /// Whether the choice shows a violation of this kind, by what is known or by observing.
    private func shows(
        _ kind: ViolationKind, _ pending: Storage.Pending, _ choice: Storage.Choice,
        _ exploration: Exploration, _ observations: Observations
    ) throws -> Bool {
        var tree = exploration.storage.tree(pending, choice)
        let hash = tree.settle()
        if observations.index(hash) == nil {
            exploration.report.statesObserved += observations.observe([(hash, tree)])
        }
        let index = observations.index(hash)!
        let entry = observations.entries[index]
        guard entry.failure == nil else { return false }
        return exploration.violations(index, entry, at: pending.crashPoint).contains {
            $0.kind == kind
        }
    }

    /// Observes the smallest plan once more, alone and with patience.
    private func confirm(
        _ kind: ViolationKind, _ pending: Storage.Pending, _ choice: Storage.Choice,
        _ exploration: Exploration, _ observations: Observations, _ history: History
    ) throws -> Finding? {
        var tree = exploration.storage.tree(pending, choice)
        let treeHash = tree.settle()
        let recovery = try observations.observeAfresh(tree, patience: 4)
        let judge = exploration.judge
        let cut = pending.crashPoint
        let resolved = judge.resolve(recovery.observation)
        let now = cut > 0 ? exploration.storage.log.recording[cut - 1].time : 0
        var found = judge.violations(resolved, cut: cut, now: now)
        if kind == .unstableRecovery, recovery.changed {
            var left = recovery.tree
            _ = left.settle()
            let second = try observations.observeAfresh(left, patience: 4)
            if let instability = compare(
                first: recovery.observation, second: second.observation)
            {
                found.append(instability)
            }
        }
        guard let violation = found.first(where: { $0.kind == kind }) else { return nil }
        let explanation = Explanation(exploration.storage, history: history)
        var finding = Finding(
            kind: kind, model: exploration.storage.model.name,
            stack: exploration.storage.stack.name,
            plan: exploration.storage.plan(pending, choice),
            lost: explanation.lost(pending, choice),
            acknowledged: history.acknowledgedCount(at: cut),
            seen: judge.seenCount(resolved, cut: cut), count: 1,
            summary: Self.summary(violation, recovery.observation),
            advice: explanation.advice(kind, pending, choice),
            log: String(decoding: recovery.observation.log.suffix(4096), as: UTF8.self))
        finding.treeHash = treeHash
        return finding
    }

    /// The violation's sentence, and where the store did not open also what it said.
    private static func summary(_ violation: Violation, _ observation: Observation) -> String {
        guard violation.kind == .cannotOpen, observation.failure == nil,
            let line = String(decoding: observation.log, as: UTF8.self).split(separator: "\n").last
        else { return violation.summary }
        return "\(violation.summary): \(line)"
    }

    private func addControlViolation(_ violation: Violation, _ exploration: Exploration) {
        let history = exploration.judge.history
        let finding = Finding(
            kind: violation.kind, model: exploration.storage.model.name,
            stack: exploration.storage.stack.name,
            plan: CrashPlan(crashPoint: exploration.storage.lastCrashPoint, lost: []), lost: [],
            acknowledged: history.acknowledgedCount(at: .max), seen: 0, count: 1,
            summary: violation.summary,
            advice: "write it before acknowledging: it never left the program", log: "")
        exploration.add(finding, [])
    }

    // MARK: Report

    private func finish(
        _ explorations: [Exploration], _ observations: Observations,
        _ report: inout WorkloadReport
    ) {
        for exploration in explorations {
            var model = exploration.report
            let findings = exploration.groupedFindings
            model.kinds = Set(findings.map(\.kind)).sorted()
            model.expectation = subject.expectation.outcome(model: model.model, stack: model.stack)
            if exploration.isJudged {
                let verdict = verdict(exploration, observations)
                model.verdict = verdict
                model.isExpected = (model.expectation ?? .holds).matches(
                    verdict, kinds: model.kinds)
            }
            report.models.append(model)
            report.findings += findings
        }
    }

    private func verdict(_ exploration: Exploration, _ observations: Observations) -> Verdict {
        if !exploration.groupedFindings.isEmpty { return .violated }
        if let shortfall = exploration.shortfalls.first {
            let more = exploration.shortfalls.count - 1
            return .inconclusive(shortfall + (more > 0 ? " (and \(more) more)" : ""))
        }
        if exploration.report.statesPlanned == 0 || observations.entries.isEmpty {
            return .inconclusive("the budget ended before anything was observed")
        }
        return .holds
    }

    private func say(_ phase: String, _ planned: Int, _ observed: Int, _ findings: Int) {
        progress(
            Progress(
                workload: subject.name, phase: phase, planned: planned, observed: observed,
                findings: findings))
    }
}
