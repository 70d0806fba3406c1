import ArgumentParser
import Basics
import Reporting
import Workloads

struct ExploreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explore",
        abstract: "Cut the power in recordings made before, judge, report.")

    @Argument(
        help: "Recordings, or folders of them, as `run` and `record` leave them in OUT/recordings.")
    var recording: [String]

    @Option(help: "The recordings' workload. Default: the one that each recording names.")
    var workload: String?

    @OptionGroup var commands: ObserverOptions
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

    struct ObserverOptions: ParsableArguments {
        @Option(help: "Command that prints what is there, where there is no workload.")
        var observe: String?

        @Option(help: "With --observe: what is promised.")
        var promise: String?
    }

    func run() throws {
        try exploration.check()
        try reports.check(out: places.out)
        var runner = CampaignRunner(
            exploration: exploration, places: places, stage: stage, reports: reports,
            isResuming: resume)
        try runner.expect(expecting)
        var tasks: [CampaignRunner.Task] = []
        for path in try recording.flatMap(Self.recordings) {
            let run = try Wiring.recordedRun(path)
            tasks.append(.init(workload: try find(for: path, run.workloadFolder), run: run))
        }
        runner.commands = given
        try exploration.mounts.check(tasks.map(\.workload))
        try Wiring.checkMachine(stage)
        let status = try runner.run(tasks)
        throw ExitCode(status.rawValue)
    }

    /// The recordings of a folder, by name; a path of anything else as it is.
    private static func recordings(at path: String) throws -> [String] {
        guard let names = namesInFolder(path) else { return [path] }
        let found = names.filter { $0.hasSuffix(".perjury") }.sorted()
        guard !found.isEmpty else {
            throw Failure(
                .usage,
                "there is no recording in \(path), no file with a name that ends in .perjury; "
                    + "`run` and `record` leave them in OUT/recordings")
        }
        return found.map { "\(path)/\($0)" }
    }

    /// Stands for the command of a run that is recorded already.
    static let recorded = "recorded"

    /// The observer where there is no workload.
    private var given: FindingFile.Commands? {
        commands.observe.map {
            .init(run: Self.recorded, observe: $0, promise: commands.promise ?? "durable")
        }
    }

    private func find(for recording: String, _ folder: String?) throws -> Workload {
        if let given { return try Wiring.adHoc(given) }
        guard let name = workload ?? folder else {
            throw Failure(
                .usage, "\(recording) does not name its workload; name it with --workload")
        }
        let found = try Wiring.workloads([name], places)
        return found[0]
    }
}
