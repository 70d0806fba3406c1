import Campaign
import Oracles
import PowerLoss
import Synchronization
import Testing

/// What could not be found out is neither passed nor failed, and each reason has its own sentence.
@Suite("Inconclusive")
struct InconclusiveTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let toy: ToySubject
        /// The whole sentence.
        let reason: String
    }

    private static func log(
        life: (@Sendable (ToyDisk) throws -> Void)? = nil,
        recovery: (@Sendable (ToyDisk) throws -> Void)? = nil
    ) -> ToySubject {
        var toy = Toys.log()
        if let life { toy.life = life }
        if let recovery { toy.recovery = recovery }
        return toy
    }

    private static var daemon: ToySubject {
        var toy = log(life: { try $0.say("@ack t1") })
        toy.outlived = ["stored"]
        return toy
    }

    static let cases = [
        Case(
            testDescription: "run acknowledges nothing",
            toy: log(life: { disk in
                try disk.say("@begin t1")
                try disk.append("log", Toys.line("t1"))
                try disk.sync("log")
            }), reason: "run acknowledged nothing"),
        Case(
            testDescription: "the observer sees nothing",
            toy: log(recovery: { _ in }),
            reason:
                "the observer does not see what run acknowledged: t1 was acknowledged at #3, but it was not seen (in all 3 transactions); it lists nothing"
        ),
        Case(
            testDescription: "marks were buffered",
            toy: log(life: { disk in
                for commit in 1...2 {
                    try disk.append("log", Toys.line("t\(commit)"))
                    try disk.sync("log")
                }
                try disk.say("@ack t1", "@ack t2")
            }),
            reason:
                "marks were buffered: record #4 carries the acknowledgements of both t1 and t2; flush stdout after each mark"
        ),
        Case(
            testDescription: "the observer dies at once",
            toy: log(recovery: { _ in throw ToyEnd.exits(127) }),
            reason:
                "on the base tree, which lost nothing, the observer exited with status 127 without `@end`"
        ),
        Case(
            testDescription: "the observer times out on the complete tree",
            toy: log(recovery: { disk in
                if disk.bytes("log")!.isEmpty { return }
                throw ToyEnd.hangs
            }),
            reason:
                "on the complete tree, which lost nothing, the observer did not end in its time without `@end`"
        ),
        Case(
            testDescription: "nothing is changed, so that nothing can be cut",
            toy: log(life: { try $0.say("@ack t1") }),
            reason: "no cut is possible: run changed nothing in its data directory, $PERJURY_DIR"),
        Case(
            testDescription: "nothing is changed by what went into the background",
            toy: daemon,
            reason:
                "no cut is possible: run changed nothing in its data directory, $PERJURY_DIR; 1 process (stored) still ran when `run` was over, and was ended: what was yet to be done was not tested; start a daemon by `server:`, or have `wait: all` wait for it, up to `timeout:`"
        ),
        Case(
            testDescription: "the harness fails",
            toy: log(recovery: { _ in
                throw ToyHarnessFailure(description: "mounting: no such device")
            }),
            reason: "mounting: no such device"),
        Case(
            testDescription: "the integrity check objects to the base tree",
            toy: log(recovery: { disk in
                try Toys.readLog(disk)
                if disk.bytes("log")!.isEmpty { try disk.say("@corrupt empty") }
            }),
            reason: "on the base tree, which lost nothing, the integrity check failed: empty"),
    ]

    @Test("what shows before anything is cut", arguments: cases)
    func beforeCutting(_ expected: Case) {
        let report = explore(expected.toy, ["posix"])

        #expect(report.inconclusive == expected.reason)
        #expect(report.verdict == .inconclusive(expected.reason))
        #expect(!report.isExpected)
        #expect(report.findings.isEmpty && report.models.isEmpty)
    }

    @Test("each reason has a sentence of its own")
    func sentencesDiffer() {
        #expect(Set(Self.cases.map(\.reason)).count == Self.cases.count)
    }

    @Test("a run that failed is named together with what follows from it")
    func failedRun() {
        var toy = Self.log(life: { try $0.append("log", "x") })
        toy.end = .killed(signal: 9)

        let report = explore(toy, ["posix"])

        #expect(report.inconclusive == "run was killed by signal 9; run acknowledged nothing")
    }

    @Test(
        "a run that did not end as it should shows no more than that nothing was lost until then",
        arguments: [Observation.Outcome.exited(7), .killed(signal: 11), .timedOut])
    func cutShort(end: Observation.Outcome) {
        var toy = Toys.log()
        toy.end = end

        let report = explore(toy, ["posix", "xfs"])

        #expect(report.models.count == 2)
        for model in report.models {
            guard case .inconclusive(let reason) = model.verdict else {
                Issue.record("\(String(describing: model.verdict))")
                continue
            }
            #expect(reason.hasPrefix("run \(end): what it had yet to do was not tested"))
            #expect(model.statesPlanned > 0)
        }
        #expect(!report.isExpected)
        #expect(report.findings.isEmpty)
    }

    @Test("what is violated before a run dies is still reported")
    func violatedBeforeTheEnd() {
        var toy = Toys.acknowledgesBeforeSync()
        toy.end = .killed(signal: 11)

        #expect(explore(toy, ["posix"]).verdict == .violated)
    }

    @Test("a workload may say how its run ends")
    func acceptedExit() {
        func verdict(_ end: Observation.Outcome, _ exits: AcceptedExit) -> Verdict {
            var toy = Toys.log()
            toy.end = end
            toy.acceptedExit = exits
            return explore(toy, ["posix"]).verdict
        }

        #expect(verdict(.exited(7), .statuses([0, 7])) == .holds)
        #expect(verdict(.exited(0), .statuses([7])) != .holds)
        #expect(verdict(.killed(signal: 11), .any) == .holds)
        #expect(verdict(.killed(signal: 11), .statuses([11])) != .holds)
        #expect(verdict(.timedOut, .any) != .holds)
    }

    @Test("processes that outlive the run had more to do")
    func outlived() {
        var toy = Toys.log()
        toy.outlived = ["sleep", "storaged"]

        guard case .inconclusive(let reason) = explore(toy, ["posix"]).verdict else {
            Issue.record("it holds")
            return
        }
        #expect(reason.hasPrefix("2 processes (sleep, storaged) still ran when `run` was over"))
    }

    @Test("what the observer says beside its marks is kept for the reader")
    func observerLog() {
        let toy = Self.log(recovery: { disk in
            try disk.say("bad magic number")
            throw ToyEnd.exits(1)
        })

        #expect(explore(toy, ["posix"]).notes == [.observerSaid("bad magic number\n")])
    }

    @Test(
        "a fault excuses a stop, and neither a hang nor a crash; a delay excuses nothing",
        arguments: [
            (Observation.Outcome.exited(3), "EIO write *", nil as String?),
            (.killed(signal: 6), "EIO write *", nil),
            (.killed(signal: 11), "EIO write *", "run was killed by signal 11"),
            (.timedOut, "EIO write *", "run did not end in its time"),
            (.exited(3), "20ms write *", "run exited with status 3"),
        ])
    func faulted(end: Observation.Outcome, fault: String, sentence: String?) throws {
        let recording = try Toys.log().record().recording
        let run = RecordedRun(
            recording: recording, end: end,
            faults: [FaultCount(text: fault, matched: 1, fired: 1)])

        let reason = run.unfinished(accepting: .statuses([0]))

        #expect(reason?.hasPrefix(sentence ?? "?") ?? (sentence == nil))
    }

    @Test(
        "a sliver of the crash points is no evidence; one of each shape is, and more where that is asked for"
    )
    func coverage() {
        func verdict(_ states: Int, atLeast part: Double = 0) -> Verdict {
            explore(Toys.log(20), ["posix"]) {
                $0.budget = .states(states)
                $0.leastCoverage = part
            }.verdict
        }
        let whole = explore(Toys.log(20), ["posix"]).models[0]
        #expect(whole.verdict == .holds && whole.shapes == whole.shapesInAll)
        #expect(whole.shapesInAll > 2 && whole.shapesInAll < whole.crashPointsInAll)

        guard case .inconclusive(let gap) = verdict(4) else {
            Issue.record("a sliver was enough")
            return
        }
        #expect(gap.hasPrefix("the budget ended after "))
        #expect(gap.hasSuffix(" of \(whole.shapesInAll) shapes); a larger --budget visits more"))
        // Two states at each point, those with a new shape first.
        let enough = 2 * whole.shapesInAll
        #expect(verdict(enough) == .holds)
        guard case .inconclusive(let reason) = verdict(enough, atLeast: 1) else {
            Issue.record("a sliver was enough")
            return
        }
        #expect(reason.contains(", and 100 % of them were asked for; "))
        #expect(verdict(6 * whole.crashPointsInAll, atLeast: 1) == .holds)
    }

    @Test("a plan that breaks the store under one model is tried first under the others")
    func suggested() {
        // Found late: the last of many commits is not synced.
        var toy = Toys.log(1)
        toy.life = { disk in
            for commit in 1...12 {
                try disk.say("@begin t\(commit)")
                try disk.append("log", Toys.line("t\(commit)"))
                if commit != 7 { try disk.sync("log") }
                try disk.say("@ack t\(commit)")
            }
        }
        let models = ["posix", "ext4-ordered", "xfs", "btrfs"]
        // The first that finds it has what all have together.
        let states = (1...400).first { tried(toy, models, states: $0).violated.isEmpty == false }!

        #expect(tried(toy, models, states: states + 3).violated.count == models.count)
    }

    private func tried(_ toy: ToySubject, _ models: [String], states: Int) -> WorkloadReport {
        explore(toy, models) {
            $0.budget = .states(states)
            $0.batch = 1
        }
    }

    @Test("a budget that ends before anything was observed", arguments: [0, 1])
    func noBudget(_ states: Int) {
        let report = explore(Toys.log(), ["posix", "xfs"]) { $0.budget = .states(states) }

        #expect(report.models.map(\.statesPlanned) == [states, 0])
        #expect(
            report.models.last?.verdict
                == .inconclusive("the budget ended before anything was observed"))
        #expect(!report.isExpected)
        #expect(report.inconclusive == nil)
    }

    @Test("no time at all")
    func noTime() {
        let report = explore(Toys.log(), ["posix"]) { $0.budget = .seconds(0) }

        #expect(
            report.verdict == .inconclusive("the budget ended before anything was observed"))
    }

    @Test("a harness that fails in one crash state makes the model inconclusive")
    func harnessFailure() {
        let toy = Self.log(recovery: { disk in
            if Toys.lines(disk.text("log")).count == 1 {
                throw ToyHarnessFailure(description: "no space left")
            }
            try Toys.readLog(disk)
        })

        let report = explore(toy, ["posix"])

        guard case .inconclusive(let reason) = report.verdict else {
            Issue.record("\(report.verdict)")
            return
        }
        #expect(reason.hasPrefix("no space left (and "))
        #expect(report.findings.isEmpty)
    }

    @Test("an observer that ends in order and without its last mark tells nothing")
    func shortListing() {
        let toy = Self.log(recovery: { disk in
            try Toys.readLog(disk)
            if Toys.lines(disk.text("log")).count == 1 { throw ToyEnd.exits(0) }
        })

        let report = explore(toy, ["posix"])

        guard case .inconclusive(let reason) = report.verdict else {
            Issue.record("\(report.verdict)")
            return
        }
        #expect(reason.hasPrefix("the observer ended with status 0 but without `@end`"))
    }

    @Test("a violation is not hidden by a state that told nothing, and the report says both")
    func besideViolation() {
        var toy = Toys.acknowledgesBeforeSync()
        toy.recovery = { disk in
            if Toys.lines(disk.text("log")).count == 2 {
                throw ToyHarnessFailure(description: "no space left")
            }
            try Toys.readLog(disk)
        }

        let report = explore(toy, ["posix"])

        #expect(report.verdict == .violated)
        #expect(
            report.notes.contains {
                guard case .under("posix", "honest", .notJudged(let reason, _)) = $0 else {
                    return false
                }
                return reason.hasPrefix("no space left")
            })
    }

    @Test("some of what was acknowledged is missing though nothing was lost")
    func keptBack() throws {
        let report = explore(Toys.keepsLastBack(), ["posix", "ext4-ordered"])

        #expect(report.inconclusive == nil)
        #expect(report.violated == ["posix: lost-commit", "ext4-ordered: lost-commit"])
        #expect(report.findings.count == 2)
        for finding in report.findings {
            #expect(finding.plan == CrashPlan(crashPoint: report.records, lost: []))
            #expect(finding.lost == [])
            #expect(finding.evidence.acknowledged == 3)
            #expect(finding.evidence.seen == 2)
            #expect(
                finding.summary
                    == "t3 was acknowledged at #9, but it was not seen; no power was lost, the process had ended: "
                    + "it was acknowledged from the store's own buffer")
        }
        let killed = explore(Toys.keepsLastBack(), ["posix"]) { $0.ending = .processKill }
        #expect(killed.violated == ["posix: lost-commit"])
    }
}

/// A finding is something that shows twice.
@Suite("Confirmation")
struct ConfirmationTests {
    @Test("an observer that says something else the second time makes no finding")
    func flaky() {
        var toy = Toys.log()
        toy.recovery = { disk in
            // Of every crash state the first listing is short, and no later one is.
            let names = Toys.lines(disk.text("log"))
            let isWhole = names.count == 3 || names.isEmpty
            for name in names.dropLast(disk.observedBefore == 0 && !isWhole ? 1 : 0) {
                try disk.say("@saw \(name)")
            }
        }

        let report = explore(toy, ["posix", "btrfs"])

        #expect(report.findings.isEmpty)
        for model in report.models {
            guard case .inconclusive(let reason) = model.verdict else {
                Issue.record("\(model.model): \(String(describing: model.verdict))")
                continue
            }
            #expect(reason.hasPrefix("flaky: lost-commit at crash point "))
            #expect(reason.contains("did not show again on a fresh mount"))
        }
        // Each flaky tree is looked at again once, not once for each crash point.
        #expect(toy.observed.confirming.count == Set(toy.observed.confirming).count)
    }

    @Test("an observer that only needs more time makes no finding")
    func slow() {
        var toy = Toys.log()
        toy.recovery = { disk in
            if Toys.lines(disk.text("log")).count == 1, disk.patience < 4 { throw ToyEnd.hangs }
            try Toys.readLog(disk)
        }

        let report = explore(toy, ["posix"])

        #expect(report.findings.isEmpty)
        guard case .inconclusive(let reason) = report.verdict else {
            Issue.record("\(report.verdict)")
            return
        }
        #expect(reason.hasPrefix("flaky: hang at crash point "))
    }

    @Test("an observer that hangs also with patience is a finding")
    func hangs() {
        var toy = Toys.log()
        toy.recovery = { disk in
            if Toys.lines(disk.text("log")).count == 1 { throw ToyEnd.hangs }
            try Toys.readLog(disk)
        }

        let report = explore(toy, ["in-order"])

        #expect(report.violated == ["in-order: hang"])
        #expect(report.findings.count == 1)
    }

    @Test("a harness that fails while it confirms loses nothing that was found elsewhere")
    func harnessFailsWhileConfirming() {
        var toy = Toys.acknowledgesBeforeSync()
        toy.recovery = { disk in
            if disk.patience > 1 { throw ToyHarnessFailure(description: "no space left") }
            try Toys.readLog(disk)
        }

        let report = explore(toy, ["posix"])

        #expect(report.inconclusive == nil)
        guard case .inconclusive(let reason) = report.models.first?.verdict else {
            Issue.record("\(report.verdict)")
            return
        }
        #expect(reason.contains("could not be confirmed: no space left"))
    }

    @Test("what shows again is a finding, confirmed once with patience")
    func confirmed() {
        let toy = Toys.acknowledgesBeforeSync()

        let report = explore(toy, ["posix"])

        #expect(report.findings.count == 1)
        #expect(toy.observed.confirming.count == 1)
        #expect(toy.observed.confirming.first == report.findings.first?.treeHash)
    }
}
