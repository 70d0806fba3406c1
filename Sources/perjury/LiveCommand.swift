import ArgumentParser
import Campaign
import Oracles
import PowerLoss
import Reporting
import WorkloadRunner

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

    @Option(help: "Also write the report as JSON.")
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
                "--faults sync: that each sync fails in turn is a thing of `perjury run`; under `live` say which one fails, as in `EIO fsync *.log nth 3`"
            )
        }
        let workloads = try Wiring.workloads(workload, places)
        try mounts.check(workloads)
        try Wiring.checkMachine()
        Interrupt.watch()
        var reports: [LiveReport] = []
        var status = ExitStatus.asExpected
        Console.out(
            "perjury \(perjuryVersion), live: \(model)/\(stack), seed \(seed), \(cuts) power losses a workload\n"
        )
        for workload in workloads where !Interrupt.isRequested {
            let report = try live(workload, target, requests)
            let paths = try keep(report, workload)
            Console.out(LiveText(report, paths).text)
            reports.append(report)
            status = Self.worse(status, report)
        }
        if let json { try Files.write(LiveJSON(reports, seed: seed).text, to: json) }
        throw ExitCode((Interrupt.isRequested ? .interrupted : status).rawValue)
    }

    private static func worse(_ status: ExitStatus, _ report: LiveReport) -> ExitStatus {
        if case .inconclusive = report.verdict {
            return status == .unexpected ? status : .inconclusive
        }
        return report.isExpected ? status : .unexpected
    }

    private func live(
        _ workload: Workload, _ target: CampaignOptions.Target, _ faults: FaultRequests
    ) throws -> LiveReport {
        let subject = try Wiring.subject(workload, out: places.out, seed: seed, faults: faults)
        var options = LiveCampaign.Options(
            cuts: cuts, target: target, seed: seed, out: places.out)
        options.mountsAtOnce = mounts.atOnce
        let live = try LiveCampaign(subject, options)
        live.isCancelled = { Interrupt.isRequested }
        let isTerminal = Console.isTerminal
        live.progress = { report in
            guard isTerminal else { return }
            Console.error(
                "\r\(Escaped.line(report.name)): \(grouped(report.cuts)) power losses, "
                    + "\(grouped(report.losses)) losses")
        }
        defer { if isTerminal { Console.error("\r\u{1B}[K") } }
        return live.run()
    }

    /// Writes each finding to a file of its own.
    private func keep(_ report: LiveReport, _ workload: Workload) throws -> [String] {
        let folder = "\(places.out)/findings/\(workload.name)-live"
        Files.removeAll(in: folder, suffix: ".json")
        return try report.findings.enumerated().map { index, found in
            let finding = found.finding
            let path =
                "\(folder)/\(finding.model)-\(finding.kind.rawValue)-\(index + 1).json"
            let name = found.recordingPath.split(separator: "/").last.map(String.init) ?? ""
            let file = FindingFile(
                finding, workload: workload.name, folder: workload.folder,
                recording: "../../recordings/\(name)", seed: seed,
                ownModel: try Names.ownModel(finding.model, [model]),
                ownStack: try Names.ownStack(finding.stack, [stack]))
            try Files.write(file.text, to: path)
            return path
        }
    }
}
