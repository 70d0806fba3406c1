import Oracles
import PowerLoss

/// What a reader should know beside verdicts, findings and counts.
package enum Note: Hashable, Sendable {
    /// What whoever met the machine said of it: a mount, a file, a program that ran. It has no other form.
    case text(String)
    case observerSaid(String)
    /// How the run ended, where it was to end in another way: what was explored ends there. A recording keeps it as a text,
    /// so that it can tell what a later version would not know.
    case endedEarly(String)
    /// Transactions that were begun and never ended.
    case neverEnded([String])
    /// Mounts of machines of their own, and how many may end together.
    case machines([String], atOnce: Int, Ending)
    /// Recoveries in which the power went again, and what that left. `isAll`: there were no others.
    case recoveriesCut(Int, states: Int, isAll: Bool)
    case noRecoveryCut(budgetEnded: Bool)
    /// There was no time to try smaller plans.
    case notSmallest
    /// The first reason for which a state told nothing, and how many more there are.
    case notJudged(String, more: Int)
    /// States that show a kind of violation in other ways than those that were looked into, which are so many.
    case others(ViolationKind, Int, than: Int)
    /// Causes that a baseline lists.
    case knownAndNotSeen([Fingerprint])
    /// Faults of a workload that make syncs fail, which `live` does not.
    case noFailingSyncs
    /// What was shown where no power had been lost.
    case withoutPowerLoss(Violation)
    /// What a life ended with, cut at a moment, that did not show again, and why; its recording is kept.
    case notShownAgain(life: Int, moment: String, Violation, reason: String?, recording: String)
    /// What a life ended with, and the error for which that was not looked into.
    case notLookedInto(life: Int, Violation, error: String)
    /// What is to be said of one model on one stack.
    indirect case under(model: String, stack: String, Note)
}
