extension History {
    /// The history as it stood when the first `cut` records were complete.
    package struct View: Sendable {
        package let history: History
        package let cut: Int

        package var acknowledgedCount: Int { history.acknowledgedCount(at: cut) }

        /// In the order of their acknowledgements.
        package var acknowledged: [Transaction] {
            history.acknowledgements.prefix(acknowledgedCount).map { history.transactions[$0] }
        }
        package var inFlight: [Transaction] { transactions(with: .inFlight) }
        package var aborted: [Transaction] { transactions(with: .aborted) }
        package var unknown: [Transaction] { transactions(with: .unknown) }

        private func transactions(with status: TransactionStatus) -> [Transaction] {
            history.transactions.filter { $0.status(at: cut) == status }
        }
    }

    /// Costs nothing; what it lists costs what it lists.
    package func view(at cut: Int) -> View { View(history: self, cut: cut) }

    package subscript(name: String) -> Transaction? {
        transactionIndices[name].map { transactions[$0] }
    }

    /// How many transactions had been acknowledged; a binary search.
    package func acknowledgedCount(at cut: Int) -> Int {
        var low = 0
        var high = acknowledgements.count
        while low < high {
            let middle = (low + high) / 2
            if transactions[acknowledgements[middle]].settledSequence < cut {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// The latest cut, not after this one, at which nothing was in flight that is at this one; 0 where something was from
    /// the beginning.
    package func quietCut(before cut: Int) -> Int {
        view(at: cut).inFlight.reduce(cut) { max(0, min($0, $1.start)) }
    }

    /// The cuts at which the status of some transaction changes, ascending.
    ///
    /// Between two of them every observation gets the same judgement (under `bounded-loss` only
    /// if the time is the same, too), so an explorer needs to judge once in each interval.
    package func cutsOfChange() -> [Int] {
        Set(changes.map { $0 + 1 }).sorted()
    }

    /// Why nothing can be judged from these marks; `nil` if all is well.
    package var objection: String? {
        if let buffered { return buffered.sentence }
        guard let first = errors.first else { return nil }
        return errorCount == 1
            ? first.sentence : "\(first.sentence) (and \(errorCount - 1) more such lines)"
    }
}
