import FileTree
import Oracles
import PowerLoss

/// From a violation to a finding: shrink, tell from what is known, confirm, explain.
extension Campaign {
    /// Looks into a violation unless what was lost explains it already.
    func investigate(
        _ violation: Violation, _ state: CrashState, _ exploration: Exploration,
        _ observations: Observations
    ) {
        let history = exploration.judge.history
        var kind = violation.named(asFailed: state.failedSync, history).kind
        let explanation = exploration.explanation
        let signature = explanation.signature(state)
        let point = state.crashPoint
        if exploration.findings.count(kind, signature, at: point) { return }
        // Those that are known leave the places to others.
        let others = exploration.findings.groupCount(kind) {
            subject.expectation.reason($0.cause?.fingerprint) == nil
        }
        guard others < options.findingsPerKind else {
            exploration.findings.addUnexplained(kind)
            return
        }
        guard exploration.findings.flakyCount(kind, signature) < Self.flakyLimit else {
            exploration.shortfalls.append(Self.flaky(kind, point))
            return
        }
        let untried = exploration.plansUntried
        let smallest = shrink(violation.kind, state, exploration, observations)
        let least = smallest.state
        if let left = self.violation(violation.kind, least, exploration, observations) {
            kind = left.named(asFailed: least.failedSync, history).kind
        }
        let cause = explanation.cause(
            kind, smallest, isOfRecovery: violation.isOfSecondStart)
        var points = least.losesNothing ? Set([least.crashPoint]) : []
        if state.losesNothing { points.insert(point) }
        if exploration.findings.count(kind, cause: cause, least, at: points) { return }
        do {
            if let (found, shown) = try confirm(
                violation.kind, smallest, exploration, observations)
            {
                var finding = found
                finding.kind = kind
                finding.isSmallest = exploration.plansUntried == untried
                finding.explanation.advice = advice(shown, smallest, exploration, observations)
                exploration.add(finding, cause: cause, least, at: points)
                return
            }
            let reason = Self.flaky(kind, least.crashPoint)
            exploration.findings.noteFlaky(kind, signature)
            observations.distrust(least.hash, because: reason)
            exploration.shortfalls.append(reason)
        } catch {
            exploration.findings.noteFlaky(kind, signature)
            exploration.shortfalls.append(
                "\(kind.rawValue) at crash point \(least.crashPoint) could not be confirmed: \(error)"
            )
        }
    }

    /// Looks into a state that is only counted, so that a person has one to see.
    func addExample(
        of outcome: Characterisation, _ violation: Violation, _ state: CrashState,
        _ exploration: Exploration, _ observations: Observations
    ) {
        let smallest = shrink(violation.kind, state, exploration, observations)
        guard
            let (finding, shown) = try? confirm(
                violation.kind, smallest, exploration, observations)
        else { return }
        var example = finding
        example.evidence.outcome = outcome
        example.explanation.advice = exploration.explanation.adviceWithoutSync(shown, smallest)
        exploration.examples.add(example, of: outcome)
    }

    /// How often a violation is looked at that does not show again.
    private static let flakyLimit = 3

    static func flaky(_ kind: ViolationKind, _ point: Int) -> String {
        "flaky: \(kind.rawValue) at crash point \(point) did not show again on a fresh mount"
    }

    /// Judges the last crash point with nothing lost before all others: the control has seen that something is missing there.
    func judgeCompleteTree(_ exploration: Exploration, _ observations: Observations) {
        exploration.turn.began = clock()
        let storage = exploration.storage
        let state = CrashState(storage, losingNothingAt: storage.lastCrashPoint)
        for violation in violations(state, exploration, observations) ?? [] {
            if !blameFault(violation, state, exploration, observations) {
                investigate(violation, state, exploration, observations)
            }
        }
        exploration.report.seconds += clock() - exploration.turn.began
    }

    // MARK: Shrinking

    private func shrink(
        _ kind: ViolationKind, _ state: CrashState, _ exploration: Exploration,
        _ observations: Observations
    ) -> SmallestState {
        let shrinker = Shrinker(exploration.storage, from: exploration.firstPoint)
        let smallest = shrinker.shrink(state) {
            exploration.canEnd($0) && violation(kind, $0, exploration, observations) != nil
        }
        return unwritten(kind, smallest, exploration, observations).map {
            SmallestState($0, isUnwritten: true)
        } ?? SmallestState(smallest)
    }

    /// The moment of the acknowledgement, nothing lost, if what is missing was missing then already.
    private func unwritten(
        _ kind: ViolationKind, _ state: CrashState, _ exploration: Exploration,
        _ observations: Observations
    ) -> CrashState? {
        // What a failed sync took back had been written.
        guard kind == .lostCommit, exploration.earlier == nil,
            !exploration.storage.log.takesBack,
            let found = violation(kind, state, exploration, observations),
            !found.isOfSecondStart
        else { return nil }
        var first: CrashState?
        for name in found.transactions.prefix(3) {
            guard let transaction = exploration.judge.history[name] else { return nil }
            let then = CrashState(
                exploration.storage, losingNothingAt: transaction.settledSequence + 1)
            guard let missing = violation(kind, then, exploration, observations),
                missing.transactions.contains(name)
            else { return nil }
            if first == nil { first = then }
        }
        return first
    }

    /// The violation of this kind that the state shows, by what is known or by observing.
    func violation(
        _ kind: ViolationKind, _ state: CrashState, _ exploration: Exploration,
        _ observations: Observations
    ) -> Violation? {
        if !observations.isObserved(state.hash) {
            guard mayObserve(exploration) else {
                if !exploration.notes.contains(.notSmallest) {
                    exploration.notes.append(.notSmallest)
                }
                exploration.plansUntried += 1
                return nil
            }
        }
        return violations(state, exploration, observations)?.first { $0.kind == kind }
    }

    /// What is wrong with a state, by what is known or by observing; nil where that found nothing out.
    func violations(
        _ state: CrashState, _ exploration: Exploration, _ observations: Observations
    ) -> [Violation]? {
        if !observations.isObserved(state.hash) {
            exploration.report.statesObserved += observations.observe([state])
        }
        return exploration.judging.violations(state, observations)
    }

    /// Whether the target has time left for shrinking: twice its share of the budget, so that the others get theirs.
    func mayObserve(_ exploration: Exploration) -> Bool {
        if isCancelled() { return false }
        guard case .seconds(let seconds) = options.budget else { return true }
        let used = exploration.report.seconds + clock() - exploration.turn.began
        return used < 2 * seconds / Double(max(1, options.targets.count))
    }

    // MARK: Confirming

    /// Observes the smallest plan once more, alone and with patience. Where several machines recover together, which of them
    /// is first is a race: then thrice.
    ///
    /// - Returns: nil when the violation did not show again.
    func confirm(
        _ kind: ViolationKind, _ smallest: SmallestState, _ exploration: Exploration,
        _ observations: Observations
    ) throws -> (Finding, Violation)? {
        let isRace = exploration.storage.log.machineCount > 1
        // What a race decides may differ from one recovery to the next. What is unstable shows each time.
        let needed = isRace && kind == .unstableRecovery ? 3 : 1
        var shown = 0
        for _ in 0..<(isRace ? 3 : 1) {
            guard let finding = try confirmOnce(kind, smallest, exploration, observations) else {
                continue
            }
            shown += 1
            if shown == needed { return finding }
        }
        return nil
    }

    private func confirmOnce(
        _ kind: ViolationKind, _ smallest: SmallestState, _ exploration: Exploration,
        _ observations: Observations
    ) throws -> (Finding, Violation)? {
        let state = smallest.state
        let recovery = try observations.observeAfresh(state.tree, patience: 4)
        let judge = exploration.judge
        let point = state.crashPoint
        let circumstances = exploration.judging.circumstances(at: point)
        var found = judge.violations(Showing(recovery.observation), circumstances)
        if !found.contains(where: { $0.kind == kind }), recovery.changed {
            var left = recovery.tree
            _ = left.settle()
            let second = try observations.observeAfresh(left, patience: 4)
            found = judge.violations(
                Showing(recovery.observation, then: second.observation), circumstances)
        }
        guard let violation = found.first(where: { $0.kind == kind }) else { return nil }
        let storage = exploration.storage
        let explanation = exploration.explanation
        let cut = exploration.judging.judgedCut(point)
        var evidence = Finding.Evidence(
            violation, acknowledged: judge.history.acknowledgedCount(at: cut),
            seen: judge.seenCount(judge.resolve(recovery.observation), cut: cut),
            log: String(decoding: recovery.observation.log.suffix(4096), as: UTF8.self))
        evidence.remarks =
            remark(
                violation, recovery.observation, smallest, storage.log.mappedPaths.first
            ).map { [$0] } ?? []
        var finding = Finding(
            kind, model: storage.model.name, stack: storage.stack.name, plan: state.plan, evidence,
            .init(lost: explanation.culprits(state), kept: explanation.kept(state)))
        finding.treeHash = state.hash
        finding.run.ending = exploration.ending
        finding.run.mounts = state.mounts
        finding.run.failedSync = explanation.failedSync(at: point)
        finding.run.recordingPath = exploration.failed?.recordingPath
        return (finding, violation)
    }

    /// What is to be added to the violation to understand it.
    private func remark(
        _ violation: Violation, _ observation: Observation, _ smallest: SmallestState,
        _ mapped: String?
    ) -> Finding.Remark? {
        switch violation.kind {
        case .hang: subject.timeoutSeconds.map { .timeout($0) }
        case .cannotOpen:
            observation.failure == nil ? observation.reason.map { .said($0) } : nil
        case .lostCommit: smallest.isUnwritten ? .unwritten(mapped: mapped) : nil
        case .corrupt, .tornCommit, .hole, .resurrected, .phantom, .swallowedSyncError,
            .unstableRecovery:
            nil
        }
    }
}
