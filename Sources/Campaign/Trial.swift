import Oracles

/// Where trials are kept as they come: a campaign whose harness died goes on with what it had seen, and what others have
/// seen of the same trees needs not be seen again.
///
/// Judgements are not kept: they are made anew from the history and the trials.
package protocol TrialLog: AnyObject {
    /// What was kept before of the same recording and observer, in its order. Of one tree the latest counts.
    func earlier() -> [Trial]
    func keep(_ trial: Trial)
    /// Why not everything could be kept; nil while it could.
    var failure: String? { get }
}

/// One tree on trial: what recovery showed of it, and what it left. It is what costs time; a function of the tree and the
/// observer, whatever the plan, the model and the stack that led to the tree.
package struct Trial: Equatable, Sendable {
    /// Hash of the tree.
    package let tree: UInt64
    /// What the observer printed, marks included.
    package let output: [UInt8]
    package let outcome: Observation.Outcome
    /// What else the programs said.
    package let log: [UInt8]
    package let isChanging: Bool
    /// Hash of the tree that recovery left, where that was to be observed, too.
    package let left: UInt64?
    /// It was observed for what another recovery had left: its own was not.
    package let isSecond: Bool

    package init(
        tree: UInt64, output: [UInt8], outcome: Observation.Outcome, log: [UInt8],
        isChanging: Bool, left: UInt64?, isSecond: Bool
    ) {
        self.tree = tree
        self.output = output
        self.outcome = outcome
        self.log = log
        self.isChanging = isChanging
        self.left = left
        self.isSecond = isSecond
    }

    var observation: Observation {
        var observation = Observation(output: output, outcome: outcome)
        observation.log = log
        return observation
    }
}
