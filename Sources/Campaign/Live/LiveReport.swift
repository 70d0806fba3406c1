import Oracles

/// What a live campaign found out about one workload under one model and stack.
package struct LiveReport: Sendable {
    package let name: String
    package let promise: String
    package let model: String
    package let stack: String
    package let cutsWanted: Int
    package let expectation: Expectation.Outcome?
    package internal(set) var counts = LiveCounts()
    /// What came of each fault that was asked for, over all lives.
    package internal(set) var faults: [FaultCount]
    package internal(set) var findings: [LiveFinding] = []
    package internal(set) var inconclusive: String?
    package internal(set) var notes: [Note]
    package internal(set) var cycles = Cycles()
    package internal(set) var seconds = 0.0
    package internal(set) var isInterrupted = false

    init(_ live: any LiveSubject, cuts: Int, _ target: CampaignOptions.Target) {
        let subject = live.subject
        name = subject.name
        promise = subject.promise.description
        model = target.model.name
        stack = target.stack.name
        cutsWanted = cuts
        expectation = subject.expectation.outcome(model: model, stack: stack)
        faults = live.faults
        notes = live.remarks
    }

    package var verdict: Verdict {
        if counts.losses > 0 { return .violated }
        if let inconclusive { return .inconclusive(inconclusive) }
        if let idle = faults.idle { return .inconclusive(idle.whyIdle) }
        if counts.judged == 0 && counts.unjudged > 0 {
            return .inconclusive(
                "nothing was judged: in each life a sync was answered and not done, and nobody can be durable then"
            )
        }
        if counts.judged == 0 { return .inconclusive("no crash state was judged") }
        if counts.acknowledged == 0 { return .inconclusive("nothing was acknowledged") }
        return .holds
    }

    package var isExpected: Bool {
        (expectation ?? .holds).matches(verdict, kinds: counts.kinds.keys)
    }
}

/// How often what happened, in all lives together.
package struct LiveCounts: Sendable {
    /// Power losses that happened.
    package internal(set) var cuts = 0
    /// Of them, during recovery.
    package internal(set) var cutsInRecovery = 0
    /// Of them, when the program had ended before its moment came.
    package internal(set) var cutsAtRest = 0
    /// Crash states that no two of are equal.
    package internal(set) var states = 0
    /// Effects that were at risk, and that were lost.
    package internal(set) var effectsAtRisk = 0
    package internal(set) var effectsLost = 0
    /// Where the workload has several machines: how many of them lost their power, in all power losses together.
    package internal(set) var machinesLost = 0
    /// Transactions acknowledged, in all lives.
    package internal(set) var acknowledged = 0
    /// States that were recovered from and judged.
    package internal(set) var judged = 0
    /// States that were recovered from and not judged: a sync had been answered and not done.
    package internal(set) var unjudged = 0
    /// States that broke the promise, and in which ways.
    package internal(set) var losses = 0
    package internal(set) var kinds: [ViolationKind: Int] = [:]
}

/// How long it took from one power loss to the next, each time.
package struct Cycles: Sendable {
    private var seconds: [Double] = []
    /// Of them, how long the store's own programs ran.
    private var storeSeconds: [Double] = []

    mutating func add(_ cycle: Double, store: Double) {
        seconds.append(cycle)
        storeSeconds.append(store)
    }

    package var isEmpty: Bool { seconds.isEmpty }

    /// Milliseconds.
    package var median: Double { Self.median(seconds) * 1000 }

    /// Milliseconds of a cycle that are not the store's own.
    package var medianOverhead: Double {
        Self.median(zip(seconds, storeSeconds).map { $0 - $1 }) * 1000
    }

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
