// The questions that are asked beside the promise: does the workload observe what it commits
// (the positive control), is recovery stable, was a failed sync swallowed?

/// Why a run is not to be explored.
package enum ControlFailure: Hashable, Sendable {
    /// Nothing this workload says can be relied on; one sentence.
    case inconclusive(String)
    /// The promise is broken by the end of the process alone.
    case violation(Violation)
}

/// How a run stood before it met the first fault that was injected into it, with nothing in flight.
package struct BeforeFault: Sendable {
    /// What the observer reports of that tree.
    package var shown: Observation
    /// How many records there were.
    package var cut: Int

    package init(shown: Observation, cut: Int) {
        self.shown = shown
        self.cut = cut
    }
}

/// Judges the trees that no power loss touched, before anything is cut.
///
/// Where the run met a fault, what is wrong with the complete tree is the program's answer to it: a violation. Whether the
/// observer sees what is there, the tree from before the fault tells then.
///
/// - Parameters:
///   - base: what the observer reports of the tree that the run started from.
///   - complete: what it reports of the tree with every record applied.
///   - recordCount: records of the run that change the data directory; nothing can be cut in none.
///   - now: time of the run's end, in nanoseconds of the log's clock.
///   - beforeFault: nil where the run met no fault.
/// - Returns: `nil` if the run may be explored.
package func positiveControl(
    base: Observation, complete: Observation, history: History, promise: Promise = .durable,
    recordCount: Int? = nil, now: UInt64 = 0, beforeFault: BeforeFault? = nil
) -> ControlFailure? {
    if let objection = history.objection { return .inconclusive(objection) }
    if recordCount == 0 {
        return .inconclusive(
            "no cut is possible: run changed nothing in its data directory, $PERJURY_DIR")
    }
    let acknowledged = history.acknowledgedCount(at: .max)
    if acknowledged == 0 && promise != .opens {
        return .inconclusive("run acknowledged nothing")
    }
    let whole =
        beforeFault.map { ("tree before the injected fault", $0.shown, $0.cut) }
        ?? ("complete tree", complete, Int.max)
    let trees = [("base tree", base, 0), whole]
    for (name, observation, _) in trees {
        if let why = unreadable(observation) {
            return .inconclusive("on the \(name), which lost nothing, \(why)")
        }
    }
    if let shortfall = complete.shortfall {
        return .inconclusive("on the complete tree, which lost nothing, \(shortfall)")
    }
    let vocabulary = Vocabulary(complete: complete, history: history, beforeFault: beforeFault)
    if promise != .opens {
        let strict = Judge(history, promise: .durable, vocabulary: vocabulary)
        var asked = [(whole.1, cut: whole.2)]
        if beforeFault != nil, history.acknowledgedCount(at: whole.2) == 0 {
            asked.append((complete, cut: .max))
        }
        if let blind = asked.first(where: { isBlind(strict, $0.0, cut: $0.cut) }) {
            return .inconclusive(
                "the observer does not see what run acknowledged: "
                    + examples(strict, blind.0, cut: blind.cut))
        }
        for (name, observation, cut) in trees {
            let violations = strict.violations(strict.resolve(observation), cut: cut)
            let isBase = cut == 0
            if let violation = violations.first(where: { isBase || !$0.kind.traits.isLoss }) {
                return .inconclusive(
                    "marks and observer disagree on the \(name), which lost nothing: "
                        + violation.summary)
            }
        }
    }
    let judge = Judge(history, promise: promise, vocabulary: vocabulary)
    guard
        var violation = judge.violations(judge.resolve(complete), cut: .max, now: now).first
    else { return nil }
    violation.summary +=
        beforeFault == nil
        ? "; no power was lost, the process had ended: it was acknowledged from "
            + "the store's own buffer"
        : "; no power was lost, the run had met an injected fault and ended"
    return .violation(violation)
}

/// Whether nothing is seen of what was acknowledged, where something should be.
private func isBlind(_ strict: Judge, _ observation: Observation, cut: Int) -> Bool {
    let seen = strict.resolve(observation)
    return strict.seenCount(seen, cut: cut) == 0
        && !strict.violations(seen, cut: cut).isEmpty
}

/// What should have been seen, and what was, two of each.
private func examples(_ judge: Judge, _ shown: Observation, cut: Int) -> String {
    let missing = judge.violations(judge.resolve(shown), cut: cut).prefix(2).map(\.summary)
    let listed = shown.transactions + shown.values.map { "\($0.key)=\($0.value)" }
    let seen = listed.prefix(2).map { String($0.prefix(60)) }.joined(separator: ", ")
    return missing.joined(separator: "; ") + "; it lists "
        + (listed.isEmpty
            ? "nothing" : seen + (listed.count > 2 ? " and \(listed.count - 2) more" : ""))
}

private func unreadable(_ observation: Observation) -> String? {
    if let failure = observation.failure { return "the observer failed: \(failure)" }
    if !observation.isComplete {
        return "the observer \(observation.outcome) \(observation.withoutEnd)"
    }
    if let shortfall = observation.shortfall { return shortfall }
    return observation.corruptions.first.map { "the integrity check failed: \($0)" }
}

extension Vocabulary {
    /// Learns an observer's words from its listing of the complete tree; where the run met a fault, which may have destroyed
    /// something, from that of the tree before, unless nothing had been acknowledged by then.
    package init(complete: Observation, history: History, beforeFault: BeforeFault? = nil) {
        if let beforeFault, history.acknowledgedCount(at: beforeFault.cut) > 0 {
            self.init(whole: beforeFault.shown, history: history, cut: beforeFault.cut)
        } else {
            self.init(whole: complete, history: history, cut: .max)
        }
    }

    private init(whole complete: Observation, history: History, cut: Int) {
        self.init()
        let withKeys = history.acknowledgements.prefix(history.acknowledgedCount(at: cut)).filter {
            !history.transactions[$0].writes.isEmpty
        }
        let named = Set(complete.transactions)
        guard !withKeys.isEmpty,
            withKeys.allSatisfy({ named.contains(history.transactions[$0].name) })
        else { return }
        namesTransactionsWithKeys = true
        let misses = judge(complete, history: history, cut: cut, promise: .durable)
        listsKeys = !(complete.values.isEmpty && misses.contains { $0.kind.traits.isLoss })
    }
}

extension Judge {
    /// What is wrong with the start after next: the power went once, and between the two starts it did not.
    ///
    /// What is missing the second time is `unstable-recovery`. What is there only then is judged by the promise, at the same
    /// cut as the first listing.
    ///
    /// - Parameters:
    ///   - found: what is wrong with the first listing; these kinds are not told again.
    ///   - cut: as in `violations`; so is `now`.
    package func violations(
        ofSecond second: Observation, after first: Observation, showing found: [Violation],
        cut: Int, now: UInt64
    ) -> [Violation] {
        guard first.isComplete else { return [] }
        var known = Set(found.map(\.kind))
        let instability = compare(first: first, second: second)
        if instability != nil {
            known.formUnion(ViolationKind.allCases.filter(\.traits.isToldByInstability))
        }
        let new = violations(resolve(second), cut: cut, now: now).filter {
            !known.contains($0.kind)
        }
        return (instability.map { [$0] } ?? [])
            + new.map { violation in
                var violation = violation
                violation.isOfSecondStart = true
                violation.summary = "only the second start shows it: \(violation.summary)"
                return violation
            }
    }
}

/// Whether observing again, after a complete observation, showed less or other, or failed.
///
/// What appears only the second time does not count here.
/// - Returns: `nil` also when the first observation had not ended: what it then saw was never said.
package func compare(first: Observation, second: Observation) -> Violation? {
    guard first.isComplete else { return nil }
    guard second.opened else {
        let how = second.failure.map { "failed: \($0)" } ?? "\(second.outcome)"
        return Violation(
            .unstableRecovery, summary: "after a complete listing the next observer \(how)")
    }
    guard second.isComplete else { return nil }
    let names = Set(second.transactions)
    let lost = first.transactions.filter { !names.contains($0) }
    let values = Dictionary(grouping: second.values, by: \.key).mapValues { $0.map(\.value) }
    let changed = first.values.filter { !(values[$0.key] ?? []).contains($0.value) }
    if !lost.isEmpty || !changed.isEmpty {
        let what =
            lost.first.map { "\($0) was there after the first recovery and gone after the second" }
            ?? changed.first.map { value in
                "key \(value.key) showed \(value.value) after the first recovery and "
                    + "\(values[value.key]?.first ?? "nothing") after the second"
            } ?? ""
        let keys = Set(changed.map(\.key)).sorted()
        return Violation(
            .unstableRecovery, transactions: lost, keys: keys, summary: what)
    }
    if let objection = second.corruptions.first, first.corruptions.isEmpty {
        return Violation(
            .unstableRecovery,
            summary: "the integrity check passed the first time and failed the second: \(objection)"
        )
    }
    return nil
}
