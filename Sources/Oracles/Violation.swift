/// How a promise was broken. In order of how telling it is beside others.
package enum ViolationKind: String, Hashable, Sendable, CaseIterable, Comparable {
    /// The observer failed before its listing was complete.
    case cannotOpen = "cannot-open"
    case hang
    /// The store's own integrity check objects, or lists one key twice.
    case corrupt
    /// A transaction is there in part.
    case tornCommit = "torn-commit"
    /// A later transaction is there, an earlier acknowledged one is not.
    case hole
    /// Deleted or aborted data is back.
    case resurrected
    /// Something is there that nobody had written.
    case phantom
    /// An acknowledged transaction is not there.
    case lostCommit = "lost-commit"
    /// A transaction was acknowledged after its sync had failed, and is not there.
    case swallowedSyncError = "swallowed-sync-error"
    /// Observing again showed less or other.
    case unstableRecovery = "unstable-recovery"

    package static func < (left: ViolationKind, right: ViolationKind) -> Bool {
        allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
    }
}

extension ViolationKind {
    /// What follows from a kind, wherever that is asked.
    package struct Traits: Sendable {
        /// Of a store of which this is all that is wrong.
        package let outcome: Characterisation
        /// Something acknowledged is missing, wholly or in part.
        package var isLoss = false
        /// A failed sync may have warned of it.
        package var canBeSwallowed = false
        /// Where the second start shows less than the first, this is told by that.
        package var isToldByInstability = false
        /// Recovery is at fault, whatever was lost.
        package var isOfRecovery = false
        /// To see it once more takes all the time that an observer may take.
        package var isSlow = false
    }

    package var traits: Traits {
        switch self {
        case .cannotOpen: Traits(outcome: .cannotOpen, isToldByInstability: true)
        case .hang: Traits(outcome: .cannotOpen, isToldByInstability: true, isSlow: true)
        case .corrupt: Traits(outcome: .detectedLoss, isToldByInstability: true)
        case .tornCommit, .hole:
            Traits(
                outcome: .silentCorruption, isLoss: true, canBeSwallowed: true,
                isToldByInstability: true)
        case .resurrected: Traits(outcome: .silentCorruption, canBeSwallowed: true)
        case .phantom: Traits(outcome: .silentCorruption)
        case .lostCommit:
            Traits(
                outcome: .silentLoss, isLoss: true, canBeSwallowed: true, isToldByInstability: true)
        case .swallowedSyncError: Traits(outcome: .silentLoss)
        case .unstableRecovery: Traits(outcome: .silentCorruption, isOfRecovery: true)
        }
    }
}

/// What a store shows on a stack on which nobody can be durable.
package enum Characterisation: String, Sendable, CaseIterable {
    case none = "no loss"
    case silentLoss = "silent loss"
    case detectedLoss = "detected loss"
    case cannotOpen = "cannot open"
    case silentCorruption = "silent corruption"

    /// What is loudest of what was found.
    package init(_ violations: [Violation]) {
        let found = Set(violations.map(\.kind.traits.outcome))
        let order: [Characterisation] = [
            .cannotOpen, .detectedLoss, .silentCorruption, .silentLoss,
        ]
        self = order.first(where: found.contains) ?? .none
    }
}

/// One kind of breach in one observation, with its evidence.
package struct Violation: Hashable, Sendable {
    package var kind: ViolationKind
    /// Names of the transactions concerned, in the order of their first marks.
    package var transactions: [String]
    /// The keys concerned, sorted.
    package var keys: [String]
    /// One sentence: what was acknowledged, what was seen.
    package var summary: String
    /// The first start after the power loss did not show it, the one after that did.
    package var isOfSecondStart = false

    package init(
        _ kind: ViolationKind, transactions: [String] = [], keys: [String] = [], summary: String
    ) {
        self.kind = kind
        self.transactions = transactions
        self.keys = keys
        self.summary = summary
    }
}

/// What became of a promise.
package enum Verdict: Hashable, Sendable {
    case holds
    case violated
    /// It could not be found out, for this reason; neither passes nor hides a violation elsewhere.
    case inconclusive(String)

    /// The verdict on one observation. Marks that cannot be trusted make it inconclusive whatever
    /// was seen; a short observation only if it shows no violation.
    package init(_ violations: [Violation], observation: Observation, history: History) {
        if let objection = history.objection {
            self = .inconclusive(objection)
        } else if !violations.isEmpty {
            self = .violated
        } else if let shortfall = observation.shortfall {
            self = .inconclusive(shortfall)
        } else {
            self = .holds
        }
    }
}

extension Verdict: CustomStringConvertible {
    package var description: String {
        switch self {
        case .holds: "holds"
        case .violated: "violated"
        case .inconclusive(let reason): "inconclusive: \(reason)"
        }
    }
}
