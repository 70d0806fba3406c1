// Judging one observation against the acknowledged history.
//
// A *legal outcome* of a cut is a set S of transactions and an order of S in which they took
// effect. S holds no aborted transaction and none that had not begun. If A was acknowledged before
// B began, A stands before B. What is there is then, for each key, the value of the last
// transaction of S that writes it. The promise says what S must hold:
//
//   durable        every acknowledged transaction
//   prefix         with B also every A that was acknowledged before B began
//   bounded-loss   as prefix, and whatever was acknowledged more than T before the cut
//   atomic         nothing more
//   acknowledged   every acknowledged transaction
//
// What setup acknowledged was at rest before the log began: S holds it under each of them. A value
// of setup's is thus there, or one that replaced it.
//
// Under `acknowledged` transactions are not atomic. Each write of one is a transaction of its own,
// and where one in flight writes, a part of it may show: a value that no transaction writes.
//
// An observation breaks the promise iff no legal outcome shows it. Where a value might stem from
// several transactions the search over them is bounded, and what it leaves undecided is allowed:
// the judge may miss a breach then, it never invents one. Otherwise it is exact.
//
// Method: (1) what is seen but was never written, or only by transactions that may not be seen,
// is a breach by itself. (2) What is seen and can stem from one transaction only makes that one
// *visible*. Visible transactions and those the promise requires are *included*. An included A
// rules out, for each key it writes, every candidate that was acknowledged before A began; this
// may make more transactions visible, and is repeated until nothing changes. A key that is left
// without candidate shows what is missing. (3) What remains are transactions of several keys that
// ran at the same time: see `SerialOrder`.
//
// It leaves out: a listing without `@end` is not judged by its content (the store did not open,
// or the observation is short); how often something was listed.

/// What the observer's listing consists of. Which words an observer uses, only a listing of the
/// complete tree can tell: see `init(complete:history:)`.
package struct Vocabulary: Hashable, Sendable {
    /// Transactions that write keys are named, too, as soon as they are there.
    package var namesTransactionsWithKeys = false
    /// Keys are listed with their values. If not, names alone are judged.
    package var listsKeys = true

    package init() {}
}

/// One promise and one history, against which many observations are judged at many cuts.
package struct Judge: Sendable {
    package let history: History
    package let promise: Promise
    package let vocabulary: Vocabulary

    package init(
        _ history: History, promise: Promise, vocabulary: Vocabulary = Vocabulary()
    ) {
        self.history = history
        self.promise = promise
        self.vocabulary = vocabulary
    }

    /// What the promise does not allow of this observation.
    ///
    /// - Parameters:
    ///   - cut: how many records were complete when the power went.
    ///   - now: time of the cut in nanoseconds of the log's clock, for `bounded-loss`. Without it
    ///     nothing is taken to be old enough to be required.
    /// - Returns: at most one violation of each kind, the most telling first.
    package func violations(
        _ observation: ResolvedObservation, cut: Int, now: UInt64 = 0
    ) -> [Violation] {
        let observed = observation.observation
        var found: [Violation] = []
        if !observed.corruptions.isEmpty {
            found.append(
                Violation(
                    .corrupt,
                    summary: "the store's integrity check failed: \(observed.corruptions[0])"
                        + (observed.corruptions.count > 1
                            ? " (and \(observed.corruptions.count - 1) more)" : "")))
        }
        if !observed.opened {
            found.append(Judge.failure(of: observed))
        } else if observed.isComplete && promise != .opens {
            var evaluation = Evaluation(self, observation, cut: cut, now: now)
            evaluation.run()
            found += Explanation(evaluation).violations()
        }
        return found.sorted { $0.kind < $1.kind }
    }

    private static func failure(of observed: Observation) -> Violation {
        if let failure = observed.failure {
            return Violation(.cannotOpen, summary: "the store does not open: \(failure)")
        }
        if observed.outcome == .timedOut {
            return Violation(
                .hang, summary: "the observer had not finished its listing when its time was up")
        }
        return Violation(
            .cannotOpen,
            summary: "the observer \(observed.outcome) before its listing was complete")
    }
}

/// What the promise does not allow of this observation. See `Judge.violations`; a caller with
/// many cuts keeps the `Judge` and the resolved observation.
package func judge(
    _ observation: Observation, history: History, cut: Int, promise: Promise, now: UInt64 = 0,
    vocabulary: Vocabulary = Vocabulary()
) -> [Violation] {
    let judge = Judge(history, promise: promise, vocabulary: vocabulary)
    return judge.violations(judge.resolve(observation), cut: cut, now: now)
}

/// An observation whose names are looked up in one history: done once, judged at many cuts.
package struct ResolvedObservation: Sendable {
    package let observation: Observation
    /// Whether each transaction of the history was seen by name.
    let isNamed: [Bool]
    let unknownNames: [String]
    /// For each key of the history the value seen; `nil` if the key is not there.
    let values: [String?]
    let unknownKeys: [Observation.Value]
    /// Keys listed with two values.
    let doubleKeys: [String]
}

extension Judge {
    package func resolve(_ observation: Observation) -> ResolvedObservation {
        var isNamed = [Bool](repeating: false, count: history.transactions.count)
        var unknownNames: [String] = []
        for name in observation.transactions {
            if let index = history.transactionIndices[name] {
                isNamed[index] = true
            } else {
                unknownNames.append(name)
            }
        }
        var values = [String?](repeating: nil, count: history.keys.count)
        var unknownKeys: [Observation.Value] = []
        var doubleKeys: [String] = []
        for value in observation.values {
            if let index = history.keyIndices[value.key] {
                if values[index] != nil { doubleKeys.append(value.key) }
                values[index] = value.value
            } else {
                unknownKeys.append(value)
            }
        }
        return ResolvedObservation(
            observation: observation, isNamed: isNamed, unknownNames: unknownNames,
            values: values, unknownKeys: unknownKeys, doubleKeys: doubleKeys)
    }

    /// How many transactions acknowledged at the cut left a trace that was seen: their name, or a
    /// value they wrote.
    package func seenCount(_ observation: ResolvedObservation, cut: Int) -> Int {
        let count = history.acknowledgedCount(at: cut)
        return history.acknowledgements.prefix(count).count { index in
            observation.isNamed[index]
                || history.transactions[index].writes.contains {
                    $0.value != nil && observation.values[$0.keyIndex] == $0.value
                }
        }
    }
}
