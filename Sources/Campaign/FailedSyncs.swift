import Oracles
import PowerLoss
import Recording

/// What came of making each sync of a run fail in turn, each in a run of its own.
package struct FailedSyncs: Sendable {
    /// `EIO`
    package let error: String
    /// How many syncs the run makes.
    package let syncs: Int
    /// How many runs that would be: each sync, with each way in which the filesystems asked for fail.
    package let runsInAll: Int
    package var runs: [Run] = []

    /// One run, in which one sync failed.
    package struct Run: Sendable {
        package let sync: FailingSync
        /// What it asked, and of what: `fdatasync data.log`. In a run in which it never came, as in the one without faults.
        package let request: String
        /// Its record; nil where the run ended before it came.
        package var record: Int?
        /// How the program ended, in words.
        package var outcome = ""
        /// Whether anything was acknowledged after the failure.
        package var wentOn = false
        /// Why nothing was found out; nil where it was.
        package var inconclusive: String?
        package var continuations: [Continuation] = []
    }

    /// What was shown after one way in which the run may have gone on.
    package struct Continuation: Sendable {
        package let model: String
        package let stack: String
        package let ending: Ending
        /// nil where outcomes were only counted.
        package let verdict: Verdict?
        package let kinds: [ViolationKind]
        package let statesPlanned: Int
        package let exhaustive: Bool
        package let outcomes: [Characterisation: Int]
    }
}

extension SyncFailure {
    /// What it does to the pages, for a reader.
    package var words: String {
        switch self {
        case .markedClean: "its pages count as clean since"
        case .evicted: "its pages were dropped from the cache at once"
        case .reportedLate: "it was answered with success, the next one reports it"
        case .reverted: "the file went back to what its last sync had stored"
        }
    }
}

/// Tells losses that a sync had warned of from others.
package struct SyncErrors {
    let history: History

    package init(_ history: History) {
        self.history = history
    }

    /// The violation by its name: what was acknowledged after the sync of it had failed, and is lost, is a sync error that was
    /// swallowed. What a failed sync took back at once needs no loss.
    package func named(_ violation: Violation, _ state: CrashState) -> Violation {
        guard let failed = failure(state),
            [.lostCommit, .tornCommit, .hole, .resurrected].contains(violation.kind),
            violation.transactions.contains(where: { name in
                guard let transaction = history[name] else { return false }
                return transaction.settlement == .acknowledged
                    && transaction.settledSequence > failed
            })
        else { return violation }
        var named = violation
        named.kind = .swallowedSyncError
        return named
    }

    /// The record of the failed sync to which the loss is due.
    private func failure(_ state: CrashState) -> Int? {
        let log = state.storage.log
        guard let first = log.failedSync?.record, first < state.crashPoint else { return nil }
        return log.takesBack && state.losesNothing ? first : state.missingSync
    }
}
