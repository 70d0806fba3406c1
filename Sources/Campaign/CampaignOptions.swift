import Oracles
import PowerLoss

/// How a campaign explores.
package struct CampaignOptions: Sendable {
    package struct Target: Sendable {
        package let model: PersistenceModel
        package let stack: Stack

        package init(model: PersistenceModel, stack: Stack) {
            self.model = model
            self.stack = stack
        }
    }

    package var targets: [Target]
    /// Source of every choice; the same seed and budget in states give the same report.
    package var seed: UInt64 = 1
    /// For all targets together.
    package var budget = Budget.Size.seconds(20)
    /// The part of its crash points that a target must have visited to hold, from 0 to 1; besides one of each shape.
    package var leastCoverage = 0.0
    /// Workers, each with a mount and an observer of its own.
    package var jobs = 1
    package var ending = Ending.powerLoss
    /// How many machines may lose their power at once, where the workload has several; nil: all.
    package var machinesAtOnce: Int?
    /// How often the power goes again during recovery.
    package var nested = 0
    /// The error with which each sync of the run is made to fail, in a run of its own; nil: none is. It has the same budget
    /// again.
    package var syncError: String?
    /// Planned states after which a target that is violated is not explored further, whatever comes up; nil: it is always.
    package var statesOnceViolated: Int? = 4000
    /// Planned states before which it is, although nothing else comes up.
    package var leastOnceViolated = 1000
    /// Different smallest plans that are looked for per kind of violation and target.
    package var findingsPerKind = 4
    /// The cause that is looked for: a target that shows it is not explored further; nil: all are.
    package var sought: Fingerprint?
    /// Planned states that one target takes before the next has its turn.
    package var batch = 512

    package init(targets: [Target]) {
        self.targets = targets
    }
}
