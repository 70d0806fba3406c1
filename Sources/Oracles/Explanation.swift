/// Puts what an evaluation found into violations, one of each kind.
struct Explanation {
    private let evaluation: Evaluation
    private let history: History
    private let observation: ResolvedObservation
    private var found: [ViolationKind: Group] = [:]

    private struct Group {
        var transactions: Set<Int> = []
        /// Names that no mark knows.
        var names: [String] = []
        var keys: Set<String> = []
        /// The first sentence found.
        var summary = ""
    }

    init(_ evaluation: Evaluation) {
        self.evaluation = evaluation
        history = evaluation.history
        observation = evaluation.observation
        for excess in evaluation.excess { add(excess) }
        addUnknown()
        for missing in evaluation.missing { add(missing) }
        addCycle()
    }

    func violations() -> [Violation] {
        found.keys.sorted().map { kind in
            let group = found[kind]!
            let names =
                group.transactions.sorted().map { history.transactions[$0].name }
                + group.names.sorted()
            let keys = group.keys.sorted()
            let extent = extent(names, keys)
            let more = extent.isEmpty ? "" : " (in all \(extent))"
            return Violation(
                kind, transactions: names, keys: keys, summary: group.summary + more)
        }
    }

    /// How many there are, where they are several.
    private func extent(_ names: [String], _ keys: [String]) -> String {
        var parts: [String] = []
        if names.count > 1 { parts.append("\(names.count) transactions") }
        if keys.count > 1 { parts.append("\(keys.count) keys") }
        return parts.joined(separator: ", ")
    }

    private mutating func add(
        _ kind: ViolationKind, transaction: Int? = nil, name: String? = nil, key: String? = nil,
        _ summary: @autoclosure () -> String
    ) {
        var group = found[kind] ?? Group(summary: summary())
        if let transaction { group.transactions.insert(transaction) }
        if let name { group.names.append(name) }
        if let key { group.keys.insert(key) }
        found[kind] = group
    }

    // MARK: What is there and may not be

    private mutating func add(_ excess: Evaluation.Excess) {
        let key = excess.key.map { history.keys[$0].name }
        let what =
            excess.key.map { "key \(history.keys[$0].name) shows \(shown($0))" }
            ?? "it was seen"
        guard let index = excess.transaction else {
            return add(.phantom, key: key, "\(what), which was never written")
        }
        let name = history.transactions[index].name
        if excess.status == .aborted {
            let effect = excess.key == nil ? what : "\(what), written by it alone"
            add(
                .resurrected, transaction: index, key: key,
                "\(name) was rolled back, but \(effect)")
        } else {
            let effect = excess.key == nil ? what : "\(what), written by it alone"
            add(
                .phantom, transaction: index, key: key,
                "\(name) had not begun when the power went, but \(effect)")
        }
    }

    private mutating func addUnknown() {
        if history.endedNormally || history.transactions.allSatisfy(\.wasBegun) {
            for name in observation.unknownNames {
                add(.phantom, name: name, "\(name) was seen, which no mark names")
            }
        }
        guard evaluation.judge.vocabulary.listsKeys else { return }
        for value in observation.unknownKeys {
            add(
                .phantom, key: value.key,
                "key \(value.key) shows \(Self.elided(value.value)), but that key was never written"
            )
        }
        for key in observation.doubleKeys {
            add(.corrupt, key: key, "key \(key) is listed with two values")
        }
    }

    /// A value as a sentence can hold it.
    private static func elided(_ value: some CustomStringConvertible) -> String {
        let text = value.description
        return text.utf8.count > 60 ? "\(text.prefix(40))… (\(text.utf8.count) bytes)" : text
    }

    // MARK: What is not there and must be

    private mutating func add(_ missing: Evaluation.Missing) {
        let index = missing.transaction
        if let gone = lostRatherThanDeleted(by: index) {
            let deleter = history.transactions[index].name
            return addGap(
                gone, unless: ", and \(deleter), which deletes it, is not there as a whole")
        }
        addGap(missing)
    }

    /// What is not evident and need not be there, and of which only a deletion was taken to be seen: the key is rather gone
    /// with the commit that had written it.
    private func lostRatherThanDeleted(by index: Int) -> Evaluation.Missing? {
        guard !evaluation.isEvident[index], evaluation.requirement[index] == .none else {
            return nil
        }
        for write in history.transactions[index].writes
        where write.value == nil && evaluation.candidates[write.keyIndex] == [index] {
            let writer = history.transactions.indices.last { other in
                evaluation.requirement[other] != .none && evaluation.precedes(other, index)
                    && history.transactions[other].writes.contains {
                        $0.keyIndex == write.keyIndex && $0.value != nil
                    }
            }
            if let writer { return Evaluation.Missing(transaction: writer, key: write.keyIndex) }
        }
        return nil
    }

    private mutating func addGap(_ missing: Evaluation.Missing, unless reason: String = "") {
        let index = missing.transaction
        let transaction = history.transactions[index]
        let name = transaction.name
        let key = missing.key.map { history.keys[$0].name }
        let write = missing.key.flatMap { key in
            transaction.writes.first { $0.keyIndex == key }
        }
        let gap =
            write.map { write in
                let seen = observation.values[write.keyIndex]
                guard let value = write.value else {
                    return "key \(write.key), which it deleted, shows \(shown(write.keyIndex))"
                }
                return seen.map {
                    "\(write.key) shows \(Self.elided($0)) (expected \(Self.elided(value)))"
                }
                    ?? "\(write.key) is missing (expected \(Self.elided(value)))"
            }.map { $0 + reason } ?? "it was not seen"
        let was = "\(name) was acknowledged\(place(of: transaction))"
        if evaluation.isEvident[index] || evaluation.requirement[index] == .none {
            let evidence = evidence(of: index)
            return add(
                .tornCommit, transaction: index, key: key,
                "only part of \(name) is there: \(evidence), but \(gap)")
        }
        if let write, write.value == nil {
            return add(.resurrected, transaction: index, key: key, "\(was), but \(gap)")
        }
        switch evaluation.requirement[index] {
        case .earlier:
            let later =
                evaluation.latestVisible.map { history.transactions[$0].name } ?? "a later"
            add(
                .hole, transaction: index, key: key,
                "\(was) before \(later) began, and \(later) is there, but \(gap)")
        case .overdue:
            add(
                .lostCommit, transaction: index, key: key,
                "\(was), longer before the power loss than the promise allows, but \(gap)")
        case .atRest, .acknowledged, .none:
            add(.lostCommit, transaction: index, key: key, "\(was), but \(gap)")
        }
    }

    private mutating func addCycle() {
        guard !evaluation.cycle.isEmpty else { return }
        let names = evaluation.cycle.map { history.transactions[$0].name }
        let keys = Set(
            evaluation.cycle.flatMap { history.transactions[$0].writes.map(\.keyIndex) }
        ).sorted()
        let states = keys.map { "\(history.keys[$0].name) shows \(shown($0))" }
        let bare = evaluation.cycle.filter { history.transactions[$0].writes.isEmpty }
        for index in bare {
            add(
                .hole, transaction: index,
                "\(MarkText.list(names)) was not seen, but whatever explains the keys that were "
                    + "seen began after its acknowledgement")
        }
        for index in evaluation.cycle {
            for write in history.transactions[index].writes {
                add(
                    .tornCommit, transaction: index, key: write.key,
                    "no order of \(MarkText.list(names)), each whole, leaves what was seen: "
                        + MarkText.list(states))
            }
        }
    }

    /// By what a visible transaction is known to be there.
    private func evidence(of index: Int) -> String {
        if observation.isNamed[index] { return "it was seen by name" }
        for write in history.transactions[index].writes
        where evaluation.candidates[write.keyIndex] == [index] {
            return "key \(write.key) shows \(shown(write.keyIndex))"
        }
        for write in history.transactions[index].writes
        where write.value != nil && observation.values[write.keyIndex] == write.value {
            return "key \(write.key) shows \(shown(write.keyIndex))"
        }
        return "something of it was seen"
    }

    private func shown(_ key: Int) -> String {
        observation.values[key].map { Self.elided($0) } ?? "nothing"
    }

    private func place(of transaction: Transaction) -> String {
        guard transaction.settledSequence < 0 else { return " at #\(transaction.settledSequence)" }
        return " by setup" + (history.setupIsAtRest ? " and at rest before the run" : "")
    }
}
