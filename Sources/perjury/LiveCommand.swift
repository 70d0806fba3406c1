import ArgumentParser
import Basics
import Campaign
import Oracles
import PowerLoss
import Reporting
import Workloads

struct LiveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "live",
        abstract: "Cut the power under running stores, recover, judge, go on.",
        discussion: """
            A chain of lives: the store recovers, what it shows is judged against everything acknowledged since the \
            beginning, its clients run on, and at a moment drawn from the seed the power goes: all of its processes die, \
            and what was not synced is lost as the model allows. Exit status: as `run`.
            """)

    @Argument(help: "Workloads: names of the catalogue, or paths.")
    var workload: [String]

    @Option(help: "Power losses, for each workload.")
    var cuts = 50

    @Option(help: "Persistence model, or a file of one.")
    var model = "ext4-ordered"

    @Option(help: "Durability stack, or a file of one.")
    var stack = "honest"

    @OptionGroup var mounts: MountsOptions

    @Option(help: "Source of every choice: moments, and what is lost.")
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "Make something fail while clients run, in each life, repeatable: as in `EIO fsync *.log nth 3`.",
            valueName: "fault"))
    var faults: [String] = []

    @OptionGroup(title: "Places") var places: PlaceOptions

    @OptionGroup var stage: StageOptions

    @Option(
        help:
            "Also write the report as JSON; `-` is standard output, and the text goes to standard error."
    )
    var json: String?

    func validate() throws {
        if !(1...1_000_000).contains(cuts) {
            throw ValidationError("--cuts must be from 1 to 1000000.")
        }
    }

    func run() throws {
        let target = CampaignOptions.Target(
            model: try Names.model(model), stack: try Names.stack(stack))
        let requests = try Wiring.faults(faults)
        if requests.syncError != nil {
            throw Failure(
                .usage,
                "--faults sync works with `perjury run` only; under `live` say which one fails, as in `EIO fsync *.log nth 3`"
            )
        }
        let workloads = try Wiring.workloads(workload, places)
        try mounts.check(workloads)
        if let json { try Files.checkReport(json, "--json", out: places.out) }
        try Wiring.checkMachine(stage)
        let out = try OutputFolder(places.out)
        defer { withExtendedLifetime(out) {} }
        Interrupt.watch()
        var reports: [LiveReport] = []
        var status = ExitStatus.asExpected
        // What was found is told, whatever could not be written.
        var troubles: [String] = []
        let text: Console.Output = Files.isStandardOutput(json) ? .error : .output
        Console.write(
            "perjury \(perjuryVersion), live: \(model)/\(stack), seed \(seed), \(cuts) power losses a workload\n",
            to: text)
        for workload in workloads where !Interrupt.isRequested {
            let workload = try out.named(workload, nil)
            // Not where `run` keeps what is of a workload of that name.
            let name = try out.name(
                "\(workload.name)-live", of: "live: \(OutputFolder.owner(workload, nil))")
            let report = try live(workload, name, target, requests)
            var paths: [String] = []
            do { try keep(report, workload, name, &paths) } catch { troubles.append("\(error)") }
            Console.write(LiveText(report, paths).text, to: text)
            reports.append(report)
            status = Self.worse(status, report)
        }
        if let json {
            do {
                try Console.report(LiveJSON(reports, seed: seed).text, to: json)
            } catch { troubles.append("\(error)") }
        }
        if Interrupt.isRequested { status = .interrupted }
        throw ExitCode(status.after(troubles).rawValue)
    }

    private static func worse(_ status: ExitStatus, _ report: LiveReport) -> ExitStatus {
        if case .inconclusive = report.verdict {
            return status == .unexpected ? status : .inconclusive
        }
        return report.isExpected ? status : .unexpected
    }

    /// - Parameter name: of what is kept of it.
    private func live(
        _ workload: Workload, _ name: String, _ target: CampaignOptions.Target,
        _ faults: FaultRequests
    ) throws -> LiveReport {
        let subject = try Wiring.subject(
            workload, out: places.out, seed: seed, on: stage, faults: faults)
        var options = LiveCampaign.Options(cuts: cuts, target: target, seed: seed)
        options.machinesAtOnce = mounts.atOnce ?? workload.file.mountsAtOnce
        let live = LiveCampaign(
            try LiveWorkload(subject), options, clock: { Wiring.now })
        live.isCancelled = { Interrupt.isRequested }
        // Of all lives that are looked into.
        var isFirst = true
        live.trials = { run in
            defer { isFirst = false }
            return Wiring.trials(subject, run, name, out: places.out, resuming: !isFirst)
        }
        let isTerminal = Console.isTerminal
        live.progress = { report in
            guard isTerminal else { return }
            Console.error(
                "\r\(Escaped.line(report.name)): \(grouped(report.counts.cuts)) power losses, "
                    + "\(grouped(report.counts.losses)) losses")
        }
        defer { if isTerminal { Console.error("\r\u{1B}[K") } }
        return live.run()
    }

    /// Writes each finding to a file of its own.
    ///
    /// - Parameters:
    ///   - name: of their folder.
    ///   - paths: of those that are written, in order.
    private func keep(
        _ report: LiveReport, _ workload: Workload, _ name: String, _ paths: inout [String]
    ) throws {
        let folder = "\(places.out)/findings/\(name)"
        Files.removeAll(in: folder, suffix: ".json")
        for (index, found) in report.findings.enumerated() {
            let finding = found.finding
            let path =
                "\(folder)/\(finding.model)-\(finding.kind.rawValue)-\(index + 1).json"
            let file = FindingFile(
                finding, workload: workload.name, folder: workload.folder,
                recording: "../../recordings/\(Files.name(found.recordingPath))", seed: seed,
                ownModel: try Names.ownModel(finding.model, [model]),
                ownStack: try Names.ownStack(finding.stack, [stack]))
            try Files.write(file.text, to: path)
            paths.append(path)
        }
    }
}
