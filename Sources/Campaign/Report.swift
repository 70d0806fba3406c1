import Oracles
import PowerLoss
import Recording

/// What a campaign found out about one workload; reports are drawn from it and from nothing else. Its properties are many since
/// each is a field of the reports.
package struct WorkloadReport: Sendable {
    package var name: String
    package var about: String
    package var promise: String
    /// Sequence length of the recorded run.
    package var records = 0
    package var effects = 0
    /// Transactions acknowledged in it.
    package var acknowledged = 0
    package var models: [ModelReport] = []
    package var findings: [Finding] = []
    /// Where outcomes are only counted: a state for each model, stack and outcome that loses something. They count for no verdict.
    package var examples: [Finding] = []
    /// Why nothing could be found out, for all models; nil when they were explored.
    package var inconclusive: String?
    /// What a reader should know: a filter that could not be set, log text of a failed run.
    package var notes: [Note] = []
    /// Where the recording lies, when it was kept.
    package var recordingPath: String?
    /// What was made to fail in the recorded run, and how often.
    package var faults: [FaultCount] = []
    /// Where the storage is that of several machines: the names of their mounts, and how many lost their power at once.
    package var mounts: [String] = []
    package var mountsAtOnce = 0
    /// What came of runs in which a sync failed; nil where none was asked for.
    package var failedSyncs: FailedSyncs?
    package var seconds = 0.0
    /// Whether there is a list of known causes, so that nothing may come that is not on it.
    package var hasList = false

    package init(name: String, about: String, promise: String) {
        self.name = name
        self.about = about
        self.promise = promise
    }

    /// Violated when any model is, else inconclusive when any is, else holds.
    package var verdict: Verdict {
        if let inconclusive { return .inconclusive(inconclusive) }
        let judged = models.compactMap(\.verdict)
        if judged.isEmpty {
            return .inconclusive("no promise was judged: outcomes were only counted")
        }
        if judged.contains(.violated) { return .violated }
        return judged.first { $0 != .holds } ?? .holds
    }

    /// Whether every model and stack came out as the workload expects; what it says nothing about is expected to hold.
    package var isExpected: Bool {
        inconclusive == nil && !models.isEmpty && models.allSatisfy(\.isExpected)
    }

    /// Says of each finding whether it may come, and of each model and stack whether it came out as expected.
    package mutating func compare(with expectation: Expectation) {
        hasList = expectation.known != nil
        for index in findings.indices {
            let finding = findings[index]
            var fingerprint = finding.cause?.fingerprint
            if !finding.isSmallest, expectation.reason(fingerprint) == nil {
                // What is known is enough to break the promise.
                fingerprint =
                    finding.cause?.fingerprintsOfParts.first { expectation.reason($0) != nil }
                    ?? fingerprint
            }
            findings[index].knownReason = expectation.reason(fingerprint)
            findings[index].isExpected = expectation.allows(
                finding.kind, fingerprint, model: finding.model, stack: finding.stack)
        }
        for index in models.indices {
            let model = models[index]
            models[index].isExpected =
                switch model.verdict {
                case nil: true
                case .inconclusive: false
                case .holds: model.isOpen || (model.expectation ?? .holds) == .holds
                case .violated:
                    findings.allSatisfy {
                        $0.isExpected || ($0.model, $0.stack) != (model.model, model.stack)
                    }
                }
        }
    }
}

/// What was found out under one model on one stack: a row of the reports, and its properties are the columns.
package struct ModelReport: Sendable {
    package var model: String
    package var stack: String
    /// nil where the stack permits no promise and outcomes were only counted.
    package var verdict: Verdict?
    /// Why what was not found need not be gone; nil where enough was tried.
    package var leftOpen: String?
    /// The promise that was judged, where it is not the workload's own: what the stack permits of it, or what the workload
    /// promises under that stack.
    package var judgedAs: String?
    /// What the workload says: nil when nothing, which means that it is to hold.
    package var expectation: Expectation.Outcome?
    /// Whether either verdict is as expected: promises are broken on an honest stack already.
    package var isOpen = false
    package var isExpected = true
    /// Kinds of violation found, sorted.
    package var kinds: [ViolationKind] = []
    /// Crash points visited, of `crashPointsInAll`.
    package var crashPoints = 0
    package var crashPointsInAll = 0
    /// Shapes of crash points, kinds of change at risk to files of some name pattern after some mark, of which one at least
    /// was visited with something lost, of `shapesInAll`.
    package var shapes = 0
    package var shapesInAll = 0
    /// Choices handed out by the search.
    package var statesPlanned = 0
    /// Different trees among them.
    package var statesDistinct = 0
    /// Trees that were observed for this model, and for no model before it.
    package var statesObserved = 0
    /// All closed sets at whole-effect granularity, and all tears of one write, at every crash point.
    /// Never where the order of mapped stores was not tried.
    package var exhaustive = false
    package var mappedStores = EffectLog.MappedStores.none
    /// How often each outcome came out, where the stack permits less than the promise.
    package var outcomes: [Characterisation: Int] = [:]
    /// Recoveries in which the power went again, and the states that this left.
    package var recoveriesCut = 0
    package var statesAfterRecoveries = 0
    package var seconds = 0.0

    package init(model: String, stack: String) {
        self.model = model
        self.stack = stack
    }
}
