// Step 3 of judging: is there one order of the included transactions that explains every key?
//
// For each key the transaction that it stems from must be the last of its writers, and real time
// must be kept. The order is built from its end: a transaction may be placed (before all placed so
// far) when no other unplaced one began after its acknowledgement, and when for each key that it
// writes, the transaction that the key stems from is placed or is itself. If at some point none
// may be placed, there is no order. For transactions of one key each this cannot happen once every
// key has a candidate: linearizability is local (Herlihy and Wing, TOPLAS 1990, theorem 1).
//
// Keys with several candidates are tried in all combinations, up to `combinationLimit`; keys
// beyond that are left out, which can only make more observations legal.

struct SerialOrder {
    static let combinationLimit = 64

    private let evaluation: Evaluation
    private let transactions: [Transaction]
    /// For each key the transaction it stems from; `nil`: the key is left out.
    private var source: [Int?]

    init(_ evaluation: Evaluation) {
        self.evaluation = evaluation
        transactions = evaluation.history.transactions
        source = evaluation.candidates.map { $0.count == 1 ? $0[0] : nil }
    }

    /// Transactions that no order explains, in the order of their marks; empty if there is one.
    mutating func conflict() -> [Int] {
        var open: [Int] = []
        var combinations = 1
        let ambiguous = evaluation.candidates.indices
            .filter { evaluation.candidates[$0].count > 1 }
            .sorted {
                (evaluation.candidates[$0].count, $0) < (evaluation.candidates[$1].count, $1)
            }
        for key in ambiguous {
            combinations *= evaluation.candidates[key].count
            if combinations > SerialOrder.combinationLimit { break }
            open.append(key)
        }
        return tryCombinations(open[...])
    }

    private mutating func tryCombinations(_ open: ArraySlice<Int>) -> [Int] {
        guard let key = open.first else { return place() }
        var conflict: [Int] = []
        for candidate in evaluation.candidates[key] {
            source[key] = candidate
            conflict = tryCombinations(open.dropFirst())
            if conflict.isEmpty { return [] }
        }
        return conflict
    }

    /// Builds the order from its end.
    ///
    /// - Returns: what it got stuck on.
    private func place() -> [Int] {
        let included = inclusion()
        for (key, source) in source.enumerated() where source == Evaluation.initial {
            let writer = included.first { index in
                transactions[index].writes.contains { $0.keyIndex == key }
            }
            if let writer { return [writer] }
        }
        let unnamed = included.first {
            evaluation.needsName($0) && !evaluation.observation.isNamed[$0]
        }
        if let unnamed { return [unnamed] }

        var isPlaced = [Bool](repeating: true, count: transactions.count)
        var waitsFor = [Int](repeating: 0, count: transactions.count)
        var writers = [[Int]](repeating: [], count: source.count)
        for index in included {
            isPlaced[index] = false
            for write in transactions[index].writes {
                guard let source = source[write.keyIndex], source != index else { continue }
                waitsFor[index] += 1
                writers[write.keyIndex].append(index)
            }
        }
        // By their begin: the latest unplaced one bounds what real time lets be placed. By their
        // acknowledgement: the next one that real time sets free; those without are free.
        var byBegin = included.sorted { transactions[$0].beginLine < transactions[$1].beginLine }
        var byEnd = included.sorted { end(of: $0) < end(of: $1) }
        var ready: [Int] = []
        var isFree = [Bool](repeating: false, count: transactions.count)
        var count = 0
        while count < included.count {
            while let last = byBegin.last, isPlaced[last] { byBegin.removeLast() }
            let latestBegin = byBegin.last.map { transactions[$0].beginLine } ?? 0
            while let next = byEnd.last, end(of: next) >= latestBegin {
                byEnd.removeLast()
                isFree[next] = true
                if waitsFor[next] == 0 { ready.append(next) }
            }
            guard let index = ready.popLast() else {
                return stuck(included.filter { !isPlaced[$0] })
            }
            isPlaced[index] = true
            count += 1
            for write in transactions[index].writes where source[write.keyIndex] == index {
                for writer in writers[write.keyIndex] {
                    waitsFor[writer] -= 1
                    if waitsFor[writer] == 0 && isFree[writer] { ready.append(writer) }
                }
            }
        }
        return []
    }

    /// What is included by this choice of sources, in the order of the marks.
    private func inclusion() -> [Int] {
        var isIncluded = transactions.indices.map { evaluation.isIncluded($0) }
        for case let index? in source where index != Evaluation.initial {
            isIncluded[index] = true
        }
        if evaluation.isPrefix {
            let bound =
                transactions.indices.filter { isIncluded[$0] }
                .filter { evaluation.requirement[$0] != .overdue || evaluation.isVisible[$0] }
                .map { transactions[$0].beginLine }.max() ?? 0
            for index in transactions.indices
            where evaluation.status[index] == .acknowledged
                && transactions[index].settledLine < bound
            {
                isIncluded[index] = true
            }
        }
        return transactions.indices.filter { isIncluded[$0] }
    }

    private func end(of index: Int) -> Int {
        evaluation.status[index] == .acknowledged ? transactions[index].settledLine : .max
    }

    /// One circle among the transactions that could not be placed: each waits for the next.
    private func stuck(_ remaining: [Int]) -> [Int] {
        let latest = remaining.max { transactions[$0].beginLine < transactions[$1].beginLine }!
        var path: [Int] = []
        var index = remaining[0]
        while !path.contains(index) {
            path.append(index)
            if evaluation.precedes(index, latest) {
                index = latest
            } else {
                index =
                    transactions[index].writes.lazy
                    .compactMap { source[$0.keyIndex] }
                    .first { $0 != index && remaining.contains($0) } ?? latest
            }
        }
        return path.drop { $0 != index }.sorted()
    }
}
