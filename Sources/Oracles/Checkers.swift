// What is asked of a crash state once it was recovered from, and in which order.
//
//   promise       what the promise does not allow of the first listing
//   shown again   the power went while the store recovered from an earlier loss, and what that recovery had shown is gone
//   stability     the next start shows less or other, or breaks the promise where the first did not
//   sync errors   a loss of which a failed sync had warned is a sync error that was swallowed
//
// A checker sees what those before it found: it adds to that, or gives it another name. Whoever judges asks all of them,
// and says by `Circumstances` what there is to ask about.

/// What the store showed after a power loss.
package struct Showing: Sendable {
    /// By the first start.
    package let first: Observation
    /// By the start after that; nil where the first left what it had found, or where the second was not seen.
    package let second: Observation?

    package init(_ first: Observation, then second: Observation? = nil) {
        self.first = first
        self.second = second
    }
}

/// When the power went, and what counts then.
package struct Circumstances: Sendable {
    /// What was acknowledged before it counts.
    package let cut: Int
    /// The latest moment until which the power may have been on; nanoseconds of the log's clock.
    package let now: UInt64
    /// What an earlier recovery had shown wholly when the power went again; nil where none had.
    package let shownBefore: Observation?
    /// The record of the failed sync that should have stored what is lost; nil where none did, or where kinds are not to be
    /// named for it.
    package let failedSync: Int?

    package init(
        cut: Int, now: UInt64, shownBefore: Observation? = nil, failedSync: Int? = nil
    ) {
        self.cut = cut
        self.now = now
        self.shownBefore = shownBefore
        self.failedSync = failedSync
    }
}

enum Checker: CaseIterable {
    case promise, shownAgain, stability, syncErrors

    func check(
        _ showing: Showing, _ circumstances: Circumstances, _ judge: Judge,
        _ found: inout [Violation]
    ) {
        switch self {
        case .promise:
            found += judge.violations(
                judge.resolve(showing.first), cut: circumstances.cut, now: circumstances.now)
        case .shownAgain:
            if let before = circumstances.shownBefore,
                let less = compare(first: before, second: showing.first)
            {
                found.append(less)
            }
        case .stability:
            guard let second = showing.second else { return }
            found += judge.violations(
                ofSecond: second, after: showing.first, showing: found, cut: circumstances.cut,
                now: circumstances.now)
        case .syncErrors:
            guard let failed = circumstances.failedSync else { return }
            found = found.map { $0.named(asFailed: failed, judge.history) }
        }
    }
}

extension Judge {
    /// All that is wrong with what the store showed.
    package func violations(_ showing: Showing, _ circumstances: Circumstances) -> [Violation] {
        Checker.allCases.reduce(into: []) { $1.check(showing, circumstances, self, &$0) }
    }
}

extension Violation {
    /// The violation by its name: what was acknowledged after the sync of it had failed, and is lost, is a sync error that was
    /// swallowed.
    ///
    /// - Parameter record: of the failed sync to which the loss is due; nil where there is none.
    package func named(asFailed record: Int?, _ history: History) -> Violation {
        guard let record, kind.traits.canBeSwallowed,
            transactions.contains(where: { name in
                guard let transaction = history[name] else { return false }
                return transaction.settlement == .acknowledged
                    && transaction.settledSequence > record
            })
        else { return self }
        var named = self
        named.kind = .swallowedSyncError
        return named
    }
}
