import Oracles
import PowerLoss
import Recording

/// One way in which a promise is broken, with the smallest power loss that shows it. What it says to a person is made of it
/// in `Reporting`.
package struct Finding: Sendable {
    package var kind: ViolationKind
    package var model: String
    package var stack: String
    package var plan: CrashPlan
    /// Hash of the tree that the plan leaves; nil when nothing was cut.
    package var treeHash: UInt64?
    /// Where the power went again while the store recovered, one after the other.
    package var recoveries: [RecoveryCut] = []
    package var run = Run()
    package var evidence: Evidence
    package var explanation: Explained
    /// How many of the tried states showed it.
    package var count = 1
    /// Set for what counts for a verdict.
    package var cause: Cause?
    /// False where time ran out while its plan was shrunk: its cause may hold more than it must.
    package var isSmallest = true
    /// Whether the workload, or a list of known causes, says that it may come.
    package var isExpected = false
    /// Why it may, where a list says so.
    package var knownReason: String?
    /// Where the finding was written to, relative to the output folder.
    package var path: String?

    /// What the power went in.
    package struct Run: Sendable {
        /// What ended it.
        package var ending = Ending.powerLoss
        /// Where the storage is that of several machines: those that lost something; the processes of the others only ended.
        package var mounts: [String] = []
        /// The sync that had failed in it; nil where none had.
        package var failedSync: FailedSync?
        /// Where it was recorded, when that is another run than the workload's own.
        package var recordingPath: String?

        package init() {}
    }

    /// What was promised, what was seen.
    package struct Evidence: Sendable {
        /// As the oracle found it; `kind` may be a name that only a failed sync gives it.
        package var violation: Violation
        package var remarks: [Remark] = []
        /// Acknowledged transactions at the crash point, and how many of them were seen.
        package var acknowledged: Int
        package var seen: Int
        /// Of an example: what came out.
        package var outcome: Characterisation?
        /// The last output of the observer, for a person.
        package var log: String

        package init(_ violation: Violation, acknowledged: Int, seen: Int, log: String) {
            self.violation = violation
            self.acknowledged = acknowledged
            self.seen = seen
            self.log = log
        }
    }

    /// What the violation does not tell by itself.
    package enum Remark: Hashable, Sendable {
        /// It had so long, in seconds.
        case timeout(Double)
        /// What the store itself said.
        case said(String)
        /// It had not left the program when it was acknowledged, or was in a mapping of this path that had not been synced.
        case unwritten(mapped: String?)
        /// No power was lost: an injected fault is enough.
        case faultAlone
    }

    /// Why it hurts.
    package struct Explained: Sendable {
        /// The culprits: lost or torn effects of the smallest plan; of the last power loss, where there are several. Those are
        /// left out whose loss another one forces.
        package var lost: [Culprit]
        /// The same of the power losses before it, which were not shrunk: that of the run first.
        package var lostBefore: [[Culprit]] = []
        /// What makes the loss hurt: the last record; had it been lost, too, nothing would be wrong. nil where nothing was lost,
        /// and where an acknowledgement is what counts.
        package var kept: Step?
        /// nil where nothing is known that mends it.
        package var advice: Advice?

        package init(lost: [Culprit], kept: Step? = nil, advice: Advice? = nil) {
            self.lost = lost
            self.kept = kept
            self.advice = advice
        }
    }

    package init(
        _ kind: ViolationKind, model: String, stack: String, plan: CrashPlan, _ evidence: Evidence,
        _ explanation: Explained
    ) {
        self.kind = kind
        self.model = model
        self.stack = stack
        self.plan = plan
        self.evidence = evidence
        self.explanation = explanation
    }

    /// `lost-commit-5c1f03aa`; the kind alone where no cause was looked for.
    package var name: String { cause?.fingerprint.description ?? kind.rawValue }
}

/// A power loss while the store recovered from the one before.
package struct RecoveryCut: Sendable {
    package let recording: Recording
    package let plan: CrashPlan
    /// Hash of the tree that it leaves.
    package let treeHash: UInt64

    package init(recording: Recording, plan: CrashPlan, treeHash: UInt64) {
        self.recording = recording
        self.plan = plan
        self.treeHash = treeHash
    }
}
