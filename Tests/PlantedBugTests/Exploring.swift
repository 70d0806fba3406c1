import Basics
import Campaign
import FuseMount
import Oracles
import PowerLoss
import Reporting
import TestSupport
import Testing
import Workloads

/// Runs a workload of the catalogue, on a budget in states, under every model and stack of which it says something.
///
/// - Parameter others: stacks on which it runs, too, under each of its models.
func explore(_ name: String, alsoOn others: [Stack] = [], states: Int = 60_000) throws
    -> WorkloadReport
{
    let folder = try TemporaryFolder()
    let catalogue = try Catalogue(folder: #require(Catalogue.defaultFolder))
    let workload = try catalogue.load(name)
    let subject = try WorkloadSubject(workload, options: RunnerOptions(out: folder.path))
    var options = CampaignOptions(targets: workload.file.targets(alsoOn: others))
    options.budget = .states(states)
    options.jobs = 2
    options.statesOnceViolated = 2000
    options.nested = workload.file.nested
    options.machinesAtOnce = workload.file.mountsAtOnce
    options.syncError = workload.file.faults.syncError
    let start = MonotonicClock.seconds
    let report = Campaign(subject, options: options) { MonotonicClock.seconds }.run()
    print(
        name, report.records, report.effects,
        report.models.map {
            "\($0.model)/\($0.stack) \($0.verdict.map(\.description) ?? "-") \($0.kinds.map(\.rawValue)) \($0.statesPlanned)/\($0.statesDistinct)/\($0.statesObserved) \($0.exhaustive)"
        }, report.notes, report.inconclusive ?? "", MonotonicClock.seconds - start)
    for finding in report.findings.prefix(2) {
        print("  ", finding.model, finding.kind, finding.summary, finding.lost, finding.advice)
    }
    return report
}

/// Every model and stack came out as the workload says.
func expectAsExpected(_ report: WorkloadReport) {
    for model in report.models {
        #expect(
            model.isExpected,
            "\(report.name) under \(model.model)/\(model.stack): \(model.verdict.map(\.description) ?? "-") \(model.kinds.map(\.rawValue)), expected \(String(describing: model.expectation)); \(report.findings.map(\.summary))"
        )
    }
    #expect(report.inconclusive == nil)
}
