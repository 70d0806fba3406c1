import ArgumentParser
import Reporting
import Workloads

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Record workloads, cut the power everywhere, judge what recovery shows, report.",
        discussion: """
            Without names, all of the catalogue is run that this machine has the programs for. A path of a folder with a \
            workload.yaml, or of the file itself, is a workload, too. With --run and --observe no folder is needed:

              perjury run --run './put.sh 20' --observe './get.sh'

            --promise, --expect, --setup, --server, --ready, --timeout and --env go with them.
            """)

    @Argument(help: "Workloads: names of the catalogue, or paths.")
    var workload: [String] = []

    @Option(
        help: ArgumentHelp(
            "Make something fail, repeatable: `sync` (each sync in turn), or a fault as in `EIO write *.log nth 3`.",
            valueName: "fault"))
    var faults: [String] = []

    @Flag(help: "Of the whole catalogue, leave out the workloads that start a server.")
    var embedded = false

    @OptionGroup(title: "In place of a workload") var commands: CommandOptions
    @Flag(
        help:
            "Go on after an end that came too early: keep what is recorded to its end, and what was observed of it."
    )
    var resume = false

    @OptionGroup(title: "Exploring") var exploration: ExplorationOptions
    @OptionGroup(title: "Places") var places: PlaceOptions

    @OptionGroup var stage: StageOptions
    @OptionGroup(title: "Reports") var reports: ReportOptions
    @OptionGroup(title: "Expecting") var expecting: BaselineOptions

    func run() throws {
        try exploration.check()
        try reports.check(out: places.out)
        var runner = CampaignRunner(
            exploration: exploration, places: places, stage: stage, reports: reports,
            isResuming: resume)
        try runner.expect(expecting)
        runner.faults = try Wiring.faults(faults)
        var workloads: [Workload]
        if let given = try commands.commands() {
            guard workload.isEmpty else {
                throw Failure(.usage, "name workloads, or give --run and --observe; not both")
            }
            workloads = [try Wiring.adHoc(given, expect: commands.expect)]
            runner.commands = given
        } else {
            workloads = try Wiring.workloads(workload, places)
            // What a person named is an answer owed; of the whole catalogue, what this machine can do.
            if workload.isEmpty {
                if embedded { workloads.removeAll { $0.file.server != nil } }
                runner.skipped = workloads.compactMap { one in
                    one.missingRequirement.map { .init(name: one.name, reason: $0) }
                }
                workloads.removeAll { $0.missingRequirement != nil }
            }
        }
        try exploration.mounts.check(workloads)
        try Wiring.checkMachine(stage)
        let status = try runner.run(workloads.map { CampaignRunner.Task(workload: $0) })
        throw ExitCode(status.rawValue)
    }
}
