import FileTree
import Oracles
import PowerLoss

/// From a violation to a finding: shrink, tell from what is known, confirm, explain.
extension Campaign {
    /// Looks into a violation unless what was lost explains it already.
    func investigate(
        _ violation: Violation, _ state: Exploration.Planned, _ exploration: Exploration,
        _ observations: Observations
    ) {
        let names = SyncErrors(storage: exploration.storage, history: exploration.judge.history)
        var kind = names.named(violation, state.pending, state.choice).kind
        let explanation = exploration.explanation
        let signature = explanation.signature(state.pending, state.choice)
        let point = state.pending.crashPoint
        if exploration.count(kind, signature, at: point) { return }
        // Those that are known leave the places to others.
        let others = exploration.groupCount(kind) {
            subject.expectation.reason($0.cause?.fingerprint) == nil
        }
        guard others < options.findingsPerKind else {
            exploration.addUnexplained(kind)
            return
        }
        guard exploration.flakyCount(kind, signature) < Self.flakyLimit else {
            exploration.shortfalls.append(Self.flaky(kind, point))
            return
        }
        let untried = exploration.plansUntried
        let smallest = shrink(violation.kind, state, exploration, observations)
        if let left = self.violation(violation.kind, smallest, exploration, observations) {
            kind = names.named(left, smallest.pending, smallest.choice).kind
        }
        let cause = explanation.cause(
            kind, smallest, isOfRecovery: violation.isOfSecondStart)
        var points = smallest.losesNothing ? Set([smallest.pending.crashPoint]) : []
        if state.choice.kept.allSatisfy({ $0 }) { points.insert(point) }
        if exploration.count(kind, cause: cause, smallest, at: points) { return }
        do {
            if let (found, shown) = try confirm(
                violation.kind, smallest, exploration, observations)
            {
                var finding = found
                finding.kind = kind
                finding.isSmallest = exploration.plansUntried == untried
                finding.advice = advice(shown, smallest, exploration, observations)
                exploration.add(finding, cause: cause, smallest, at: points)
                return
            }
            let reason = Self.flaky(kind, smallest.pending.crashPoint)
            exploration.noteFlaky(kind, signature)
            observations.distrust(smallest.treeHash, because: reason)
            exploration.shortfalls.append(reason)
        } catch {
            exploration.noteFlaky(kind, signature)
            exploration.shortfalls.append(
                "\(kind.rawValue) at crash point \(smallest.pending.crashPoint) could not be confirmed: \(error)"
            )
        }
    }

    /// Looks into a state that is only counted, so that a person has one to see.
    func addExample(
        of outcome: Characterisation, _ violation: Violation, _ state: Exploration.Planned,
        _ exploration: Exploration, _ observations: Observations
    ) {
        let smallest = shrink(violation.kind, state, exploration, observations)
        guard
            let (finding, shown) = try? confirm(
                violation.kind, smallest, exploration, observations)
        else { return }
        var example = finding
        example.outcome = outcome
        example.advice = exploration.explanation.adviceWithoutSync(shown, smallest) ?? ""
        exploration.add(example: example, of: outcome)
    }

    /// How often a violation is looked at that does not show again.
    private static let flakyLimit = 3

    static func flaky(_ kind: ViolationKind, _ point: Int) -> String {
        "flaky: \(kind.rawValue) at crash point \(point) did not show again on a fresh mount"
    }

    /// Judges the last crash point with nothing lost before all others: the control has seen that something is missing there.
    func judgeCompleteTree(_ exploration: Exploration, _ observations: Observations) {
        exploration.turnBegan = clock()
        let storage = exploration.storage
        let plan = SmallestPlan(storage, losingNothingAt: storage.lastCrashPoint)
        if !observations.isObserved(plan.treeHash) {
            exploration.report.statesObserved += observations.observe([
                (plan.treeHash, plan.tree)
            ])
        }
        let index = observations.index(plan.treeHash)!
        let entry = observations.entries[index]
        guard entry.failure == nil else { return }
        let state = Exploration.Planned(
            pending: plan.pending, choice: plan.choice, hash: plan.treeHash)
        for violation in exploration.violations(index, entry, at: storage.lastCrashPoint) {
            if !blameFault(violation, plan, exploration, observations) {
                investigate(violation, state, exploration, observations)
            }
        }
        exploration.report.seconds += clock() - exploration.turnBegan
    }

    // MARK: Shrinking

    private func shrink(
        _ kind: ViolationKind, _ state: Exploration.Planned, _ exploration: Exploration,
        _ observations: Observations
    ) -> SmallestPlan {
        let storage = exploration.storage
        let shrinker = Shrinker(storage, from: exploration.firstPoint)
        let (pending, choice) = shrinker.shrink((state.pending, state.choice)) {
            exploration.canEnd($0)
                && violation(
                    kind, SmallestPlan(storage, $0.pending, $0.choice), exploration, observations)
                    != nil
        }
        let smallest = SmallestPlan(storage, pending, choice)
        return unwritten(kind, smallest, exploration, observations) ?? smallest
    }

    /// The moment of the acknowledgement, nothing lost, if what is missing was missing then already.
    private func unwritten(
        _ kind: ViolationKind, _ plan: SmallestPlan, _ exploration: Exploration,
        _ observations: Observations
    ) -> SmallestPlan? {
        // What a failed sync took back had been written.
        guard kind == .lostCommit, exploration.earlier == nil,
            !exploration.storage.log.takesBack,
            let found = violation(kind, plan, exploration, observations),
            !found.isOfSecondStart
        else { return nil }
        var first: SmallestPlan?
        for name in found.transactions.prefix(3) {
            guard let transaction = exploration.judge.history[name] else { return nil }
            let then = SmallestPlan(
                exploration.storage, losingNothingAt: transaction.settledSequence + 1,
                isUnwritten: true)
            guard let missing = violation(kind, then, exploration, observations),
                missing.transactions.contains(name)
            else { return nil }
            if first == nil { first = then }
        }
        return first
    }

    /// The violation of this kind that the plan shows, by what is known or by observing.
    func violation(
        _ kind: ViolationKind, _ plan: SmallestPlan, _ exploration: Exploration,
        _ observations: Observations
    ) -> Violation? {
        if !observations.isObserved(plan.treeHash) {
            guard mayObserve(exploration) else {
                let note = "time ran out while plans were shrunk: they may not be the smallest"
                if !exploration.notes.contains(note) { exploration.notes.append(note) }
                exploration.plansUntried += 1
                return nil
            }
            exploration.report.statesObserved += observations.observe([
                (plan.treeHash, plan.tree)
            ])
        }
        let index = observations.index(plan.treeHash)!
        let entry = observations.entries[index]
        guard entry.failure == nil else { return nil }
        return exploration.violations(index, entry, at: plan.pending.crashPoint).first {
            $0.kind == kind
        }
    }

    /// Whether the target has time left for shrinking: twice its share of the budget, so that the others get theirs.
    func mayObserve(_ exploration: Exploration) -> Bool {
        if isCancelled() { return false }
        guard let seconds = options.seconds else { return true }
        let used = exploration.report.seconds + clock() - exploration.turnBegan
        return used < 2 * seconds / Double(max(1, options.targets.count))
    }

    // MARK: Confirming

    /// Observes the smallest plan once more, alone and with patience. Where several machines recover together, which of them
    /// is first is a race: then thrice.
    ///
    /// - Returns: nil when the violation did not show again.
    func confirm(
        _ kind: ViolationKind, _ plan: SmallestPlan, _ exploration: Exploration,
        _ observations: Observations
    ) throws -> (Finding, Violation)? {
        let isRace = exploration.storage.log.machineCount > 1
        // What a race decides may differ from one recovery to the next. What is unstable shows each time.
        let needed = isRace && kind == .unstableRecovery ? 3 : 1
        var shown = 0
        for _ in 0..<(isRace ? 3 : 1) {
            guard let finding = try confirmOnce(kind, plan, exploration, observations) else {
                continue
            }
            shown += 1
            if shown == needed { return finding }
        }
        return nil
    }

    private func confirmOnce(
        _ kind: ViolationKind, _ plan: SmallestPlan, _ exploration: Exploration,
        _ observations: Observations
    ) throws -> (Finding, Violation)? {
        let recovery = try observations.observeAfresh(plan.tree, patience: 4)
        let judge = exploration.judge
        let point = plan.pending.crashPoint
        var found = exploration.violations(of: recovery.observation, at: point, by: judge)
        if !found.contains(where: { $0.kind == kind }), recovery.changed {
            var left = recovery.tree
            _ = left.settle()
            let second = try observations.observeAfresh(left, patience: 4)
            found = exploration.violations(
                of: recovery.observation, then: second.observation, at: point, by: judge)
        }
        guard let violation = found.first(where: { $0.kind == kind }) else { return nil }
        let storage = exploration.storage
        let explanation = exploration.explanation
        let cut = exploration.judgedCut(point)
        var finding = Finding(
            kind: kind, model: storage.model.name, stack: storage.stack.name,
            plan: storage.plan(plan.pending, plan.choice),
            lost: explanation.culprits(plan.pending, plan.choice),
            acknowledged: judge.history.acknowledgedCount(at: cut),
            seen: judge.seenCount(judge.resolve(recovery.observation), cut: cut), count: 1,
            summary: summary(violation, recovery.observation, plan, storage.log.mappedPaths.first),
            advice: "",
            log: String(decoding: recovery.observation.log.suffix(4096), as: UTF8.self))
        finding.kept = explanation.kept(plan)
        finding.treeHash = plan.treeHash
        finding.ending = exploration.ending
        finding.mounts = storage.mounts(losingIn: plan.pending, plan.choice)
        finding.fault = explanation.failedSync(at: point)
        finding.recordingPath = exploration.failed?.recordingPath
        return (finding, violation)
    }

    /// The violation's sentence, and what is to be added to understand it.
    private func summary(
        _ violation: Violation, _ observation: Observation, _ plan: SmallestPlan, _ mapped: String?
    ) -> String {
        switch violation.kind {
        case .hang: return violation.summary + subject.timeoutInWords
        case .cannotOpen:
            // What the store itself said.
            guard observation.failure == nil, let reason = observation.reason else {
                return violation.summary
            }
            return "\(violation.summary): \(reason)"
        case .lostCommit where plan.isUnwritten:
            if let mapped {
                return violation.summary
                    + "; it was acknowledged from the store's own buffer, or while it was in a shared mapping of \(mapped) that had not been synced"
            }
            return violation.summary
                + "; no power was lost, the process had ended: it was acknowledged from the store's own buffer"
        default:
            return violation.summary
        }
    }
}
