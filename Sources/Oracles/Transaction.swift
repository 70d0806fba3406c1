/// What became of a transaction, as its client was told.
package enum Settlement: Hashable, Sendable {
    case acknowledged
    /// Rolled back on request: it must never be seen afterwards.
    case aborted
    /// Error or lost connection: it may be there wholly or not at all, for ever.
    case unknown
}

/// Where a transaction stood when the power went.
package enum TransactionStatus: Hashable, Sendable {
    case notBegun
    /// Begun and not settled.
    case inFlight
    case acknowledged
    case aborted
    case unknown

    /// Whether a power loss may leave the transaction in the store.
    var mayBeSeen: Bool { self == .inFlight || self == .acknowledged || self == .unknown }
}

/// One transaction of the program's life, as told by its marks.
package struct Transaction: Hashable, Sendable {
    /// One key that the transaction writes.
    package struct Write: Hashable, Sendable {
        /// Canonical text of the key.
        package var key: String
        /// Canonical text of the value; `nil` deletes the key.
        package var value: String?
        /// Index of the key in `History.keys`.
        var keyIndex: Int
    }

    /// Canonical text, with the client: `CLIENT/NAME` or just `NAME`.
    package var name: String
    /// The part of the name before its first slash; empty if there is none.
    package var client: String
    package var writes: [Write]

    /// The first record that may hold changes of this transaction is after this one: it can have
    /// begun at a cut iff `start < cut`. -1 is before the log.
    package var start: Int
    /// Whether `@begin` announced it; one that was only settled is in flight from the log's start.
    package var wasBegun: Bool
    package var settlement: Settlement?
    /// Record that holds the newline of the settling mark; -1 is before the log.
    package var settledSequence: Int
    /// Time of that record, in nanoseconds of the log's clock.
    package var settledTime: UInt64

    /// Real-time order, in lines of marks: A precedes B iff `A.settledLine < B.beginLine`.
    ///
    /// `beginLine` is never later than the truth and `settledLine` never earlier, so the order
    /// claims only what is certain. See `History` for marks that were buffered.
    var beginLine: Int
    var settledLine: Int
    /// What `start` and `beginLine` become if the client turns out not to flush its begins.
    var earliestStart: Int
    var earliestBeginLine: Int

    package func status(at cut: Int) -> TransactionStatus {
        if let settlement, settledSequence < cut {
            return switch settlement {
            case .acknowledged: .acknowledged
            case .aborted: .aborted
            case .unknown: .unknown
            }
        }
        return start < cut ? .inFlight : .notBegun
    }
}
