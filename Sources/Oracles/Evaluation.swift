/// Steps 1 to 3 of the method that `Judge` describes, for one observation at one cut.
struct Evaluation {
    /// Why the promise includes a transaction.
    enum Requirement: Sendable {
        case none
        /// Setup acknowledged it, and left it at rest.
        case atRest
        /// It was acknowledged, and the promise lets nothing of the kind be lost.
        case acknowledged
        /// It was acknowledged longer ago than the bound.
        case overdue
        /// It was acknowledged before something began that is there.
        case earlier
    }

    /// Something included that is not there.
    struct Missing {
        var transaction: Int
        /// `nil`: its name.
        var key: Int?
    }

    /// Something there that may not be.
    struct Excess {
        /// `nil`: the name itself is in question.
        var key: Int?
        var transaction: Int?
        var status: TransactionStatus
    }

    /// Stands for "no transaction wrote it" among the candidates of an absent key.
    static let initial = -1

    let judge: Judge
    let observation: ResolvedObservation
    let cut: Int
    let now: UInt64
    let history: History
    private let transactions: [Transaction]

    private(set) var status: [TransactionStatus] = []
    /// Transactions that must have taken effect for what was seen.
    private(set) var isVisible: [Bool] = []
    /// Visible transactions that left a trace nothing else can have left, whatever is required.
    private(set) var isEvident: [Bool] = []
    private(set) var requirement: [Requirement] = []
    /// For each key whose state is explicable so far, the transactions it may stem from.
    private(set) var candidates: [[Int]] = []
    private(set) var missing: [Missing] = []
    private(set) var excess: [Excess] = []
    /// Transactions that no order explains together.
    private(set) var cycle: [Int] = []
    /// The visible transaction that began last, for holes.
    private(set) var latestVisible: Int?

    init(_ judge: Judge, _ observation: ResolvedObservation, cut: Int, now: UInt64) {
        self.judge = judge
        self.observation = observation
        self.cut = cut
        self.now = now
        history = judge.history
        transactions = history.transactions
    }

    mutating func run() {
        status = transactions.map { $0.status(at: cut) }
        isVisible = [Bool](repeating: false, count: transactions.count)
        isEvident = isVisible
        requirement = [Requirement](repeating: .none, count: transactions.count)
        candidates = [[Int]](repeating: [], count: history.keys.count)
        require()
        takeNames()
        if judge.vocabulary.listsKeys {
            for key in history.keys.indices { takeKey(key) }
            while narrow() {}
        } else {
            requireEarlier()
        }
        findMissingNames()
        guard history.hasWideTransactions, missing.isEmpty, judge.vocabulary.listsKeys,
            judge.promise.isAtomic
        else { return }
        var order = SerialOrder(self)
        cycle = order.conflict()
    }

    func isIncluded(_ index: Int) -> Bool {
        requirement[index] != .none || isVisible[index] && judge.promise.isAtomic
    }

    /// Whether A was acknowledged before B began.
    func precedes(_ first: Int, _ second: Int) -> Bool {
        status[first] == .acknowledged
            && transactions[first].settledLine < transactions[second].beginLine
    }

    /// Whether what is there must be a prefix.
    var isPrefix: Bool {
        switch judge.promise {
        case .prefix, .boundedLoss: true
        case .durable, .atomic, .acknowledged, .opens: false
        }
    }

    private mutating func require() {
        for index in transactions.indices where status[index] == .acknowledged {
            if history.setupIsAtRest && transactions[index].settledSequence < 0 {
                requirement[index] = .atRest
                continue
            }
            switch judge.promise {
            case .durable, .acknowledged: requirement[index] = .acknowledged
            case .boundedLoss(let bound):
                let time = transactions[index].settledTime
                if now > time && now - time > bound { requirement[index] = .overdue }
            case .prefix, .atomic, .opens: break
            }
        }
    }

    private mutating func takeNames() {
        for index in transactions.indices where observation.isNamed[index] {
            if status[index].mayBeSeen {
                isVisible[index] = true
                isEvident[index] = true
            } else {
                excess.append(.init(key: nil, transaction: index, status: status[index]))
            }
        }
    }

    private mutating func takeKey(_ key: Int) {
        let value = observation.values[key]
        let writers = history.keys[key].writers[value] ?? []
        var possible = writers.filter { status[$0].mayBeSeen }
        if value != nil && writers.isEmpty && !judge.promise.isAtomic {
            // A part of what is in flight.
            possible = history.keys[key].allWriters.filter {
                status[$0] == .inFlight || status[$0] == .unknown
            }
        }
        if value == nil {
            possible.append(Evaluation.initial)
        } else if possible.isEmpty {
            let aborted = writers.first { status[$0] == .aborted }
            let culprit = aborted ?? writers.first
            excess.append(
                .init(
                    key: key, transaction: culprit,
                    status: culprit.map { status[$0] } ?? .notBegun))
        }
        if judge.vocabulary.namesTransactionsWithKeys && possible.count > 1
            && judge.promise.isAtomic
        {
            let named = possible.filter {
                $0 == Evaluation.initial || observation.isNamed[$0]
            }
            if !named.isEmpty { possible = named }
        }
        if value != nil && possible.count == 1 && !writers.isEmpty {
            isEvident[possible[0]] = true
        }
        candidates[key] = possible
    }

    /// One round of step 2.
    ///
    /// - Returns: whether something changed.
    private mutating func narrow() -> Bool {
        for possible in candidates where possible.count == 1 {
            if possible[0] != Evaluation.initial { isVisible[possible[0]] = true }
        }
        requireEarlier()
        var last = [Int](repeating: Evaluation.initial, count: history.keys.count)
        for index in transactions.indices where isIncluded(index) {
            for write in transactions[index].writes {
                let latest = last[write.keyIndex]
                if latest == Evaluation.initial
                    || transactions[latest].beginLine < transactions[index].beginLine
                {
                    last[write.keyIndex] = index
                }
            }
        }
        var changed = false
        for key in candidates.indices where last[key] != Evaluation.initial {
            let possible = candidates[key]
            let left = possible.filter { $0 != Evaluation.initial && !precedes($0, last[key]) }
            guard left.count < possible.count else { continue }
            if left.isEmpty { missing.append(.init(transaction: last[key], key: key)) }
            candidates[key] = left
            changed = true
        }
        return changed
    }

    /// Under a prefix promise: whatever was acknowledged before something visible began.
    private mutating func requireEarlier() {
        guard isPrefix else { return }
        var bound = 0
        for index in transactions.indices where isVisible[index] {
            if transactions[index].beginLine > bound {
                bound = transactions[index].beginLine
                latestVisible = index
            }
        }
        for possible in candidates where possible.count > 1 {
            // Whichever it is, it began no earlier than the earliest of them.
            let earliest = possible.min { beginLine($0) < beginLine($1) }!
            if beginLine(earliest) > bound {
                bound = beginLine(earliest)
                latestVisible = earliest
            }
        }
        for index in transactions.indices
        where status[index] == .acknowledged && transactions[index].settledLine < bound
            && requirement[index] == .none
        {
            requirement[index] = .earlier
        }
    }

    private func beginLine(_ index: Int) -> Int {
        index == Evaluation.initial ? -1 : transactions[index].beginLine
    }

    private mutating func findMissingNames() {
        for index in transactions.indices where isIncluded(index) && !observation.isNamed[index] {
            if needsName(index) { missing.append(.init(transaction: index, key: nil)) }
        }
    }

    /// Whether the observer would have named the transaction if it were there.
    func needsName(_ index: Int) -> Bool {
        transactions[index].writes.isEmpty || !judge.vocabulary.listsKeys
            || judge.vocabulary.namesTransactionsWithKeys
    }
}
