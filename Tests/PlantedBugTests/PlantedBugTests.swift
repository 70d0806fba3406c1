import Campaign
import FuseMount
import Glibc
import Oracles
import PowerLoss
import TestSupport
import Testing
import WorkloadRunner

/// The harness tested by its prey: every toy store with a planted bug is caught under the models that its workload names, every
/// correct twin holds.
@Suite(
    "Planted bugs", .serialized, .enabled(if: MountServer.isAvailable && geteuid() == 0),
    .timeLimit(.minutes(10)))
struct PlantedBugTests {
    @Test("each toy comes out as its workload expects", arguments: Self.toys)
    func toy(_ name: String) throws {
        let report = try explore(name)

        for model in report.models {
            #expect(
                model.isExpected,
                "\(name) under \(model.model)/\(model.stack): \(model.verdict.map(\.description) ?? "-") \(model.kinds.map(\.rawValue)), expected \(String(describing: model.expectation)); \(report.findings.map(\.summary))"
            )
        }
        #expect(report.inconclusive == nil)
    }

    static let toys: [String] =
        ((try? Catalogue(folder: Catalogue.defaultFolder ?? "Workloads"))?.names ?? [])
        .filter { $0.hasPrefix("toy-") && wanted($0) }

    /// `PERJURY_TOYS=a,b` limits the suite to some, for working on them.
    private static func wanted(_ name: String) -> Bool {
        guard let list = getenv("PERJURY_TOYS") else { return true }
        return String(cString: list).split(separator: ",").contains { name == $0 }
    }

    private func explore(_ name: String) throws -> WorkloadReport {
        let folder = try TemporaryFolder()
        let catalogue = try Catalogue(folder: #require(Catalogue.defaultFolder))
        let workload = try catalogue.load(name)
        let subject = try WorkloadSubject(workload, options: RunnerOptions(out: folder.path))
        var models = workload.file.models ?? ["ext4-ordered", "xfs", "btrfs"]
        models += workload.file.expect.models.filter { !models.contains($0) }
        let stacks = name.hasSuffix("-fixed") ? [Stack.honest, .torn4096] : [.honest]
        let targets = stacks.flatMap { stack in
            models.compactMap(PersistenceModel.named).map {
                CampaignOptions.Target(model: $0, stack: stack)
            }
        }
        var options = CampaignOptions(targets: targets)
        options.seconds = nil
        options.states = 60_000
        options.jobs = 2
        options.statesOnceViolated = 2000
        options.nested = workload.file.nested
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
}
