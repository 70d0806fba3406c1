import Campaign
import Oracles

/// What a live campaign found out about one workload under one model and stack.
package struct LiveReport: Sendable {
    package var name: String
    package var about: String
    package var promise: String
    package var model: String
    package var stack: String
    package var seed: UInt64
    package var cutsWanted: Int
    /// Power losses that happened.
    package var cuts = 0
    /// Of them, during recovery.
    package var cutsInRecovery = 0
    /// Of them, when the program had ended before its moment came.
    package var cutsAtRest = 0
    /// Crash states that no two of are equal.
    package var states = 0
    /// Effects that were at risk, and that were lost.
    package var effectsAtRisk = 0
    package var effectsLost = 0
    /// Where the workload has several machines: how many of them lost their power, in all power losses together.
    package var machinesLost = 0
    /// Transactions acknowledged, in all lives.
    package var acknowledged = 0
    /// States that were recovered from and judged.
    package var judged = 0
    /// States that were recovered from and not judged: a sync had been answered and not done.
    package var unjudged = 0
    /// What came of each fault that was asked for, over all lives.
    package var faults: [FaultCount] = []
    /// States that broke the promise.
    package var losses = 0
    package var kinds: [ViolationKind: Int] = [:]
    package var findings: [LiveFinding] = []
    package var expectation: Expectation.Outcome?
    package var inconclusive: String?
    package var notes: [String] = []
    /// For each cycle, from one power loss to the next, in seconds; and how much of it the store's own programs ran.
    package var cycleSeconds: [Double] = []
    package var storeSeconds: [Double] = []
    package var seconds = 0.0
    package var isInterrupted = false

    package var verdict: Verdict {
        if losses > 0 { return .violated }
        if let inconclusive { return .inconclusive(inconclusive) }
        if let idle = faults.first(where: { $0.fired == 0 }) {
            return .inconclusive(
                "the fault `\(idle.text)` never fired: \(idle.matched) matching requests came")
        }
        if judged == 0 && unjudged > 0 {
            return .inconclusive(
                "nothing was judged: in each life a sync was answered and not done, and nobody can be durable then"
            )
        }
        if judged == 0 { return .inconclusive("no crash state was judged") }
        if acknowledged == 0 { return .inconclusive("nothing was acknowledged") }
        return .holds
    }

    package var isExpected: Bool {
        (expectation ?? .holds).matches(verdict, kinds: kinds.keys)
    }

    /// Milliseconds of a cycle that are not the store's own; the median.
    package var medianOverhead: Double {
        Self.median(zip(cycleSeconds, storeSeconds).map { $0 - $1 }) * 1000
    }

    package var medianCycle: Double { Self.median(cycleSeconds) * 1000 }

    private static func median(_ values: [Double]) -> Double {
        values.isEmpty ? 0 : values.sorted()[values.count / 2]
    }
}

/// A violation that a life ended with, and the recording to explore, shrink and replay it from.
package struct LiveFinding: Sendable {
    package let finding: Finding
    /// Counted from 0.
    package let life: Int
    package let recordingPath: String
    /// When the power went, in words.
    package let moment: String
}
