import Campaign
import Oracles
import PowerLoss
import Testing

/// When a finding may be called gone.
@Suite("Retesting a finding")
struct RetestTests {
    private static let cause = Cause(.lostCommit, [.content("*.log")], isInRecovery: false)
    private static let other = Cause(.lostCommit, [.content("*.new")], isInRecovery: false)

    /// A run in which all was tried, and nothing found.
    private static func report(_ findings: [Finding] = []) -> WorkloadReport {
        var model = ModelReport(model: "xfs", stack: "honest")
        model.verdict = findings.isEmpty ? .holds : .violated
        model.statesPlanned = 10
        var report = WorkloadReport(name: "w", about: "", promise: "durable")
        report.acknowledged = 5
        report.models = [model]
        report.findings = findings
        return report
    }

    private static func finding(_ cause: Cause, lost: [EffectID] = [.init(record: 1, index: 0)])
        -> Finding
    {
        var finding = Finding(
            cause.kind, model: "xfs", stack: "honest",
            plan: CrashPlan(crashPoint: 3, lost: lost, torn: []),
            .init(Violation(cause.kind, summary: ""), acknowledged: 1, seen: 0, log: ""),
            .init(lost: []))
        finding.cause = cause
        return finding
    }

    private func outcome(
        _ report: WorkloadReport, acknowledged: Int = 5, isInRecovery: Bool = false,
        isAfterFailedSync: Bool = false
    ) -> String {
        let sought = Retest.Sought(
            fingerprint: Self.cause.fingerprint, acknowledged: acknowledged,
            isInRecovery: isInRecovery, isAfterFailedSync: isAfterFailedSync)
        return switch Retest(sought, report) {
        case .stillThere(let found): "still there: \(found.cause!.fingerprint)"
        case .gone: "gone"
        case .inconclusive(let reason): reason
        }
    }

    @Test("it is gone where all was tried, also where another cause is there")
    func gone() {
        #expect(outcome(Self.report()) == "gone")
        #expect(outcome(Self.report([Self.finding(Self.other)])) == "gone")
        #expect(outcome(Self.report(), acknowledged: 0) == "gone")
    }

    @Test("it is still there where its fingerprint is, whatever else was not tried")
    func stillThere() {
        let words = "still there: \(Self.cause.fingerprint)"
        var report = Self.report([Self.finding(Self.other), Self.finding(Self.cause)])
        #expect(outcome(report) == words)
        report.models[0].leftOpen = "the budget ended"
        #expect(outcome(report, acknowledged: 9) == words)
    }

    @Test("a run that could not be explored says nothing")
    func unexplored() {
        var report = Self.report()
        report.inconclusive = "there is no such program"
        #expect(outcome(report) == "there is no such program")

        report = Self.report()
        report.models[0].verdict = .inconclusive("4 of 9 shapes")
        #expect(outcome(report) == "4 of 9 shapes")
        report.models[0].verdict = nil
        #expect(outcome(report).contains("no promise is judged"))
        report.models = []
        #expect(outcome(report) == "nothing was explored")
    }

    @Test("another cause does not make up for what was not tried")
    func leftOpen() {
        var report = Self.report([Self.finding(Self.other)])
        report.models[0].leftOpen = "the budget ended after 4 of 57 crash points"
        #expect(outcome(report) == "the budget ended after 4 of 57 crash points")
    }

    @Test("a run that does not come as far, or not to an end, says nothing")
    func shorter() {
        #expect(
            outcome(Self.report(), acknowledged: 6).contains("acknowledged 5, fewer than the 6"))
    }

    @Test("a cause that could be this one, or hide it, leaves it open")
    func hidden() {
        var hasty = Self.finding(Self.other)
        hasty.isSmallest = false
        #expect(outcome(Self.report([hasty])).contains("time ran out"))

        let always = Cause(.lostCommit, [.notWritten], isInRecovery: false)
        #expect(outcome(Self.report([Self.finding(always, lost: [])])).contains("may hide it"))
        let elsewhere = Cause(.phantom, [.notWritten], isInRecovery: false)
        #expect(outcome(Self.report([Self.finding(elsewhere, lost: [])])) == "gone")
    }

    @Test("what was found in recovery, or after a failed sync, needs such runs")
    func otherRuns() {
        var report = Self.report()
        #expect(outcome(report, isInRecovery: true).contains("no recovery"))
        report.models[0].recoveriesCut = 1
        #expect(outcome(report, isInRecovery: true) == "gone")

        #expect(outcome(report, isAfterFailedSync: true).contains("no run was made"))
        var failed = FailedSyncs(error: "EIO", syncs: 2, runsInAll: 2)
        let sync = FailingSync(number: 1, error: "EIO", failure: .markedClean)
        var run = FailedSyncs.Run(sync: sync, request: "fsync a.log", shape: "fsync *.log")
        let continuation = { (exhaustive: Bool) in
            FailedSyncs.Continuation(
                model: "xfs", stack: "honest", ending: .powerLoss, verdict: .holds, kinds: [],
                statesPlanned: 4, exhaustive: exhaustive, outcomes: [:])
        }
        run.continuations = [continuation(true)]
        failed.runs = [run]
        report.failedSyncs = failed
        #expect(outcome(report, isAfterFailedSync: true).contains("1 of 2 runs"))
        report.failedSyncs?.runs.append(run)
        #expect(outcome(report, isAfterFailedSync: true) == "gone")
        report.failedSyncs?.runs[1].continuations = [continuation(false)]
        #expect(outcome(report, isAfterFailedSync: true).contains("not every state"))
        report.failedSyncs?.runs[1].inconclusive = "it hung"
        #expect(outcome(report, isAfterFailedSync: true) == "it hung")
    }
}
