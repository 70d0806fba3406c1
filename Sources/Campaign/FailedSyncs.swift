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

    package init(error: String, syncs: Int, runsInAll: Int) {
        self.error = error
        self.syncs = syncs
        self.runsInAll = runsInAll
    }

    /// One run, in which one sync failed.
    package struct Run: Sendable {
        package let sync: FailingSync
        /// What it asked, and of what: `fdatasync data.log`. In a run in which it never came, as in the one without faults.
        package let request: String
        /// Equal for syncs of the same kind of files of one name pattern.
        package let shape: String
        /// Its record; nil where the run ended before it came.
        package var record: Int?
        /// How the program ended, in words.
        package var outcome = ""
        /// Whether anything was acknowledged after the failure.
        package var wentOn = false
        /// Why nothing was found out; nil where it was.
        package var inconclusive: String?
        package var continuations: [Continuation] = []

        package init(sync: FailingSync, request: String, shape: String) {
            self.sync = sync
            self.request = request
            self.shape = shape
        }
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

        package init(
            model: String, stack: String, ending: Ending, verdict: Verdict?, kinds: [ViolationKind],
            statesPlanned: Int, exhaustive: Bool, outcomes: [Characterisation: Int]
        ) {
            self.model = model
            self.stack = stack
            self.ending = ending
            self.verdict = verdict
            self.kinds = kinds
            self.statesPlanned = statesPlanned
            self.exhaustive = exhaustive
            self.outcomes = outcomes
        }
    }
}

extension CrashState {
    /// The record of the failed sync to which the loss is due; nil where there is none. What a failed sync took back at once
    /// needs no loss.
    package var failedSync: Int? {
        let log = storage.log
        guard let first = log.failedSync?.record, first < crashPoint else { return nil }
        return log.takesBack && losesNothing ? first : missingSync
    }
}
