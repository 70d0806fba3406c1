import Campaign
import Oracles
import PowerLoss
import Reporting

/// Hand-made reports.
enum Samples {
    static func finding(
        _ kind: ViolationKind = .lostCommit, model: String = "ext4-ordered",
        stack: String = "honest", record: Int = 409, lost: Culprit? = nil, log: String = ""
    ) -> Finding {
        var finding = Finding(
            kind, model: model, stack: stack,
            plan: CrashPlan(
                crashPoint: record + 2, lost: [EffectID(record: record, index: 0)],
                torn: [.init(effect: EffectID(record: record, index: 1), kept: 5)]),
            .init(
                Violation(kind, summary: "c3 was acknowledged at #410, but it was not seen"),
                acknowledged: 3, seen: 2, log: log),
            .init(
                lost: [
                    lost ?? self.lost(record, "rename meta.json.tmp -> meta.json", .name)
                ],
                advice: .syncs([
                    MissingSync(
                        of: .directory("index"), after: 409, before: .acknowledging("c3"))
                ])))
        finding.count = 17
        finding.path = "findings/tiny-queue-\(model)-1.json"
        finding.treeHash = 0x0123_4567_89ab_cdef
        return finding
    }

    static func lost(_ record: Int, _ request: String, _ part: Culprit.Part) -> Culprit {
        .lost(Step(record, Call(request)), [part], failedSync: nil)
    }

    static func model(
        _ name: String, _ verdict: Verdict?, expects expectation: Expectation.Outcome? = nil,
        stack: String = "honest", kinds: [ViolationKind] = []
    ) -> ModelReport {
        var report = ModelReport(model: name, stack: stack)
        report.verdict = verdict
        report.expectation = expectation
        report.kinds = kinds
        report.isExpected =
            verdict.map { (expectation ?? .holds).matches($0, kinds: kinds) } ?? true
        report.crashPoints = 412
        report.crashPointsInAll = 413
        report.statesPlanned = 5210
        report.statesDistinct = 1804
        report.statesObserved = 212
        report.seconds = 3.1
        return report
    }

    static func workload(_ name: String = "tiny-queue", models: [ModelReport]) -> WorkloadReport {
        var report = WorkloadReport(name: name, about: "A tiny queue", promise: "durable")
        report.records = 412
        report.effects = 830
        report.acknowledged = 50
        report.models = models
        report.seconds = 4
        return report
    }

    /// A violation that nobody expected.
    static var unexpected: WorkloadReport {
        var report = workload(models: [
            model("ext4-ordered", .violated, kinds: [.lostCommit]), model("xfs", .holds),
        ])
        report.models[1].exhaustive = true
        report.findings = [finding(log: "opening\n\u{1B}[31mred\n")]
        return report
    }

    /// Violations that the workload names, under three models, two of them alike.
    static var expected: WorkloadReport {
        let kinds: Expectation.Outcome = .violates([.lostCommit])
        var report = workload(
            "toy-rename",
            models: ["posix", "ext4-ordered", "xfs"].map {
                model($0, .violated, expects: kinds, kinds: [.lostCommit])
            })
        report.findings = [
            finding(model: "posix"), finding(model: "posix", lost: lost(7, "create a", .name)),
            finding(model: "ext4-ordered", record: 88),
            finding(model: "xfs", lost: lost(5, "write b [0, 4)", .data(nil))),
        ]
        for index in report.findings.indices { report.findings[index].isExpected = true }
        return report
    }

    static var holding: WorkloadReport { workload("sqlite", models: [model("posix", .holds)]) }

    static func campaign(_ workloads: [WorkloadReport]) -> CampaignReport {
        var report = CampaignReport(
            seed: 1, ending: "power-loss", budget: "20 s a workload", models: [],
            stacks: ["honest"], outputFolder: "perjury-out")
        report.workloads = workloads
        report.seconds = 12.34
        return report
    }

    static let emptyPlan = CrashPlan(crashPoint: 0, lost: [])

    static var findingFile: FindingFile {
        let finding = finding()
        return FindingFile(
            workload: "tiny-queue", folder: "/store/workloads/tiny-queue",
            recording: "../recordings/tiny-queue.recording", model: finding.model,
            stack: finding.stack, seed: .max, plan: finding.plan, kind: finding.kind,
            .init(finding), treeHash: finding.treeHash)
    }
}
