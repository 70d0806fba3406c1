import Basics
import Campaign
import Reporting
import Stage
import Workloads

/// Where what is found of one store is kept, as the command keeps it: `OUT/NAME`. Nobody else writes there meanwhile.
package final class StoreFolder {
    let path: String
    let subject: WorkloadSubject
    /// Nil where the `workload.yaml` in the store's folder says all of it.
    private let commands: FindingFile.Commands?
    private let lock: FolderLock

    init(_ store: Store, out: String) throws {
        let name = String(
            store.name.map {
                $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) ? $0 : "-"
            })
        var store = store
        store.name = name.isEmpty ? "store" : name
        let workload = try store.workload()
        guard !out.isEmpty else { throw PerjuryError("`out` names no folder") }
        let path = "\(out)/\(workload.name)"
        self.path = path
        let obstacle = Doctor.checks(of: nil as StageKind?).first {
            $0.isRequired && $0.problem != nil
        }
        if let obstacle {
            throw PerjuryError("\(obstacle.name): \(obstacle.problem ?? "")")
        }
        var options = RunnerOptions(out: path)
        // What other tests write there meanwhile is not this store's.
        options.reports = [out]
        let runner = options
        (lock, subject) = try translatingErrors {
            try Files.makeFolder(path)
            return (
                try FolderLock(path, advice: "give each store a name of its own"),
                try WorkloadSubject(workload, options: runner)
            )
        }
        commands = Self.commands(store, workload)
    }

    package static func commands(_ store: Store, _ workload: Workload) -> FindingFile.Commands? {
        if (try? Workload.load(workload.folder))?.file == workload.file { return nil }
        var commands = FindingFile.Commands(
            run: CommandText.text(store.run), observe: CommandText.text(store.observe),
            promise: workload.file.promise.description)
        commands.setup = store.setup.map(CommandText.text)
        commands.server = store.server.map { CommandText.text($0.command) }
        commands.ready = store.server?.ready.map(CommandText.text)
        let timeout = workload.file.timeoutNanoseconds
        commands.timeout =
            timeout % 1_000_000 == 0 ? "\(timeout / 1_000_000)ms" : "\(timeout)ns"
        commands.environment = workload.file.environment.map(\.text)
        return commands
    }

    /// What a campaign finds out, with its findings as files.
    func report(
        _ exploration: Exploration, _ explore: (Campaign) -> WorkloadReport
    ) throws -> Report {
        let campaign = Campaign(
            subject, options: try exploration.options(for: subject.workload.file),
            clock: { MonotonicClock.seconds })
        let start = MonotonicClock.seconds
        var found = explore(campaign)
        let folder = FindingFolder(
            out: path, workload: subject.name, folder: subject.workload.folder,
            seed: exploration.seed, commands: commands)
        try translatingErrors { try folder.keep(&found) }
        var whole = CampaignReport(
            seed: exploration.seed, ending: campaign.options.ending.rawValue,
            budget: exploration.budgetWords, models: exploration.models.map(\.description),
            stacks: exploration.stacks.isEmpty ? ["honest"] : exploration.stacks.map(\.description),
            outputFolder: path)
        whole.workloads = [found]
        whole.seconds = MonotonicClock.seconds - start
        return Report(whole)
    }
}
