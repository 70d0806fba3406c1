import Campaign
import FileTree
import FuseMount
import Glibc
import Oracles
import PowerLoss
import Recording
import TestSupport
import Testing
import Workloads

/// Each sync that a correct toy store makes is taken away in turn, those of one kind and file together: a promise breaks. Those
/// that are not needed are listed with their reasons.
@Suite(
    "Removed syncs", .serialized, .enabled(if: MountServer.isAvailable && geteuid() == 0),
    .timeLimit(.minutes(5)))
struct SyncRemovalTests {
    @Test("each sync of a correct toy is needed", arguments: Self.toys)
    func eachSync(_ name: String) throws {
        let folder = try TemporaryFolder()
        let catalogue = try Catalogue(folder: #require(Catalogue.defaultFolder))
        let workload = try catalogue.load(name)
        let subject = try WorkloadSubject(workload, options: RunnerOptions(out: folder.path))
        let run = try subject.record()
        let sites = try Self.sites(run.recording)
        #expect(!sites.isEmpty)
        for (site, records) in sites.sorted(by: { $0.key < $1.key })
        where Self.unneeded[name] != site {
            let removed = Set(records)
            let without = RecordedRun(
                recording: run.recording.removing { removed.contains($0) },
                setupOutput: run.setupOutput)
            var options = CampaignOptions(
                targets: [.posix, .ext4Ordered].map { .init(model: $0, stack: .honest) })
            options.budget = .states(6000)
            options.jobs = 2
            options.statesOnceViolated = 1
            let report = Campaign(subject, options: options) { 0 }.explore(without)
            try #require(report.inconclusive == nil)
            let isFound = report.models.contains { $0.verdict == .violated }
            #expect(isFound, "\(name) without its \(records.count) syncs of \(site)")
        }
    }

    static let toys = PlantedBugTests.toys.filter(PlantedBugTests.isCorrect)

    /// By toy. recovery-in-place: the recorded life opens a store whose log is empty, and replaces its table by an equal one, so
    /// it does not matter which of the two is there. The sync is for a recovery, whose syncs stay.
    /// copies: it relies on the other machines, and syncs only what recovery has copied; here there is nothing to recover.
    private static let unneeded = [
        "toy-recovery-in-place-fixed": "directory .", "toy-copies-fixed": "file n#/log",
    ]

    /// The syncs of a recording by what they sync: files of one name pattern together.
    private static func sites(_ recording: Recording) throws -> [String: [Int]] {
        let log = try EffectLog(recording)
        var paths: [InodeNumber: String] = [.root: "."]
        for (path, inode) in recording.base.paths { paths[inode] = path }
        var sites: [String: [Int]] = [:]
        for sequence in 0..<recording.count {
            for effect in log.effects[log.firstEffect[sequence]..<log.firstEffect[sequence + 1]] {
                if case .name(_, present: true) = effect.effect.change {
                    paths[effect.effect.inode] = log.paths[effect.path]
                }
            }
            guard case .sync(let sync) = log.operation(sequence) else { continue }
            let words =
                switch sync {
                case .allocation: "allocation"
                case .everything: "sync"
                case .file(let number, _): "file \(NamePattern.of(paths[number] ?? "?"))"
                case .range(let number, _, _): "O_DSYNC \(NamePattern.of(paths[number] ?? "?"))"
                case .directory(let number, _): "directory \(NamePattern.of(paths[number] ?? "?"))"
                }
            sites[words, default: []].append(sequence)
        }
        return sites
    }
}
