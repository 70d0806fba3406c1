import Oracles
import PowerLoss

/// From what a store shows to what is found.
extension LiveCampaign {
    /// Why a chain of lives cannot go on from its latest state.
    struct StoreLost: Error {
        let reason: String
        /// By a violation that was told, or by syncs that were not done: the chain begins anew.
        let isExplained: Bool

        /// - Throws: `Inconclusive` where nothing explains it.
        func check() throws {
            if !isExplained { throw Inconclusive("recovery told nothing: \(reason)") }
        }
    }

    /// Judges what the store shows of a base against all that was acknowledged, and makes it what the life begins with.
    ///
    /// - Throws: `StoreLost` where nothing can begin with it.
    func judge(_ shown: Observation, _ base: inout Base) throws {
        defer {
            base.ended = nil
            base.unseen = []
        }
        guard let ended = base.ended else {
            if let shortfall = shown.shortfall { throw Inconclusive(shortfall) }
            return
        }
        let history = ended.run.history
        if let objection = history.objection {
            throw Inconclusive(
                "\(objection) (each life must use names of its own: PERJURY_LIFE counts them)")
        }
        guard ended.isReported else {
            report.counts.unjudged += 1
            try takeOver(shown, &base, isExplained: true)
            return
        }
        report.counts.judged += 1
        let judge = Judge(history, promise: promise, vocabulary: vocabulary)
        let count = ended.run.recording.count
        // The life goes on with what it saw: there is no second start to compare, and each life is asked for its failed sync.
        let violations = judge.violations(
            Showing(shown),
            Circumstances(cut: count, now: ended.run.recording.latestMoment(of: count)))
        if !violations.isEmpty { try tell(violations, of: base.unseen + [ended]) }
        try takeOver(shown, &base, isExplained: !violations.isEmpty)
    }

    /// Counts what one state shows, and looks into what is new.
    ///
    /// - Parameter lives: the last is the one that was judged.
    private func tell(_ violations: [Violation], of lives: [EndedLife]) throws {
        report.counts.losses += 1
        let kinds = try violations.map { violation in
            try lives.reduce(violation) { try $1.named($0, options.target) }.kind
        }
        let new = zip(violations, kinds).filter {
            report.counts.kinds[$1, default: 0] < options.findingsPerKind
        }
        for kind in kinds { report.counts.kinds[kind, default: 0] += 1 }
        if !new.isEmpty { investigate(lives, new.map(\.0)) }
    }

    /// Makes what is seen what the life begins with.
    private func takeOver(_ shown: Observation, _ base: inout Base, isExplained: Bool) throws {
        guard shown.isComplete else {
            throw StoreLost(
                reason: shown.shortfall ?? "the observer \(shown.outcome)",
                isExplained: isExplained)
        }
        // Whatever a damaged store does next, this is the cause.
        guard shown.corruptions.isEmpty else {
            throw StoreLost(reason: "the store is damaged", isExplained: isExplained)
        }
        base.marks = shown.asMarks
    }

    // MARK: Looking into a loss

    /// Keeps the life that ended with it, and finds the smallest plan that shows it.
    ///
    /// - Parameter lives: the last is the one that was judged. What a power loss during its recovery shows may have come about
    ///   in an earlier one, whose crash state nobody had seen: the first that shows it by itself is where it did.
    private func investigate(_ lives: [EndedLife], _ violations: [Violation]) {
        let start = clock()
        defer { investigating += clock() - start }
        for life in lives
        where investigate(life, violations, isLast: life.number == lives.last?.number) {
            return
        }
    }

    /// - Returns: whether it shows.
    private func investigate(_ ended: EndedLife, _ violations: [Violation], isLast: Bool) -> Bool {
        do {
            let (run, path) = try live.keep(ended.run, life: ended.number)
            var campaign = Campaign(
                subject, options: CampaignOptions(targets: [options.target]), clock: clock)
            campaign.trials = trials
            let (findings, shortfalls) = try campaign.findings(
                of: run, plan: ended.plan, kinds: violations.map(\.kind), vocabulary: vocabulary)
            for finding in findings {
                report.findings.append(
                    LiveFinding(
                        finding: finding, life: ended.number, recordingPath: path,
                        moment: ended.moment))
            }
            if findings.isEmpty && !isLast {
                live.discard(path)
            } else if findings.isEmpty {
                report.notes.append(
                    .notShownAgain(
                        life: ended.number, moment: ended.moment, violations[0],
                        reason: shortfalls.first, recording: path))
            }
            return !findings.isEmpty
        } catch {
            report.notes.append(
                .notLookedInto(life: ended.number, violations[0], error: "\(error)"))
            return true
        }
    }
}
