import Oracles

/// Keeps observations as they come, so that a campaign whose harness died can go on with what it had seen.
package protocol ObservationStore: AnyObject {
    /// What an earlier campaign over the same recording had seen, in its order.
    func earlier() -> [KeptObservation]
    func keep(_ observation: KeptObservation)
    /// Why not everything could be kept; nil while it could.
    var failure: String? { get }
}

/// One observation of one tree.
package struct KeptObservation: Equatable, Sendable {
    /// Of the tree.
    package let hash: UInt64
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
        hash: UInt64, output: [UInt8], outcome: Observation.Outcome, log: [UInt8],
        isChanging: Bool, left: UInt64?, isSecond: Bool
    ) {
        self.hash = hash
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
