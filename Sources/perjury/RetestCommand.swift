import ArgumentParser
import Campaign
import Oracles
import PowerLoss
import Reporting
import Stage
import Workloads

struct RetestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retest",
        abstract: "Record the program as it is now, and look for the cause of a finding.",
        discussion: """
            The run is recorded anew, with what the finding was found with: model, stack, ending, seed, faults. Other causes \
            are named, and count for nothing.

            Exit status: 0 it is gone; 1 it is still there; 2 that could not be found out: the budget ended before each shape \
            of crash point was visited, or the program did not do what it did then.
            """)

    @Argument(help: "A finding, as `run` leaves it in OUT/findings, or a pack of one.")
    var finding: String

    @Option(
        help: ArgumentHelp(
            "Record the workload in this folder. Default: the finding's own, or the pack's.",
            valueName: "dir"))
    var workload: String?

    @Option(help: "A time such as 20s or 2m, or a number of states.")
    var budget = Budget.Size.seconds(20)

    @Option(
        help:
            "The part of its crash points that must have been visited for it to be gone, as in 100%. One point of each shape is always needed."
    )
    var minCoverage: Percentage?

    @Option(
        name: [.customShort("j"), .long],
        help: "Workers, each with a mount and an observer. Default: one for each core.")
    var jobs: Int?

    @Option(
        help:
            "Also write the report as JSON; `-` is standard output, and the text goes to standard error."
    )
    var json: String?

    @OptionGroup var stage: StageOptions

    func validate() throws {
        if let jobs, !(1...256).contains(jobs) {
            throw ValidationError("--jobs must be from 1 to 256.")
        }
    }

    func run() throws {
        if let json { try Files.checkReport(json, "--json", out: "") }
        let given = try GivenFinding(finding)
        defer { withExtendedLifetime(given) {} }
        guard given.file.commands?.run != ExploreCommand.recorded else {
            throw Failure(
                .usage,
                "\(finding) was found in a recording, and names no command to record anew; `perjury run` does both"
            )
        }
        guard let fingerprint = given.file.fingerprint else {
            throw Failure(
                .usage,
                "\(finding) has no fingerprint to look for: it counts for no verdict; `perjury replay` shows it again"
            )
        }
        let run = try Wiring.recordedRun(given.recording)
        guard let faults = run.askedFaults ?? (run.faults.isEmpty ? FaultRequests() : nil) else {
            throw Failure(
                .usage,
                "the recording of \(finding) does not say with which --faults it was made; `perjury run` makes one that does"
            )
        }
        let workload = try given.workload(in: self.workload)
        try Wiring.checkMachine(stage)
        Interrupt.watch()
        let report = try retest(given, run, fingerprint, workload, faults)
        let toErrors = Files.isStandardOutput(json)
        Console.write(given.shown(report.text), to: toErrors ? .error : .output)
        var troubles: [String] = []
        if let json {
            do { try Console.report(given.shown(report.json), to: json) } catch {
                troubles.append("\(error)")
            }
        }
        throw ExitCode(report.exitStatus.after(troubles).rawValue)
    }

    private func retest(
        _ given: GivenFinding, _ run: RecordedRun, _ fingerprint: Fingerprint,
        _ workload: Workload, _ faults: FaultRequests
    ) throws -> RetestReport {
        let file = given.file
        // The new recording is not to take the place of that of the finding.
        let scratch = try ScratchFolder()
        defer { withExtendedLifetime(scratch) {} }
        let start = Wiring.now
        let subject: WorkloadSubject
        do {
            subject = try Wiring.subject(
                workload, out: scratch.path, seed: run.programSeed ?? file.seed, on: stage,
                faults: faults,
                reports: [json].compactMap(\.self))
        } catch {
            throw Failure(.inconclusive, given.shown("\(error)"))
        }
        var campaign = Campaign(
            subject, options: try options(given, run, fingerprint, workload),
            clock: { Wiring.now })
        campaign.isCancelled = { Interrupt.isRequested }
        var progress = Console.progress(total: 1)
        campaign.progress = { step in
            if let text = progress.update(step, now: Wiring.now) { Console.error(text) }
        }
        var found = campaign.run()
        Console.error(progress.clear())
        // It goes with the scratch folder.
        found.recordingPath = nil
        for index in found.findings.indices { found.findings[index].run.recordingPath = nil }
        let sought = Retest.Sought(
            fingerprint: fingerprint, acknowledged: file.story.acknowledged,
            isInRecovery: !file.recoveries.isEmpty,
            isAfterFailedSync: run.failingSyncError != nil)
        var report = CampaignReport(
            seed: file.seed, ending: campaign.options.ending.rawValue, budget: budget.words,
            models: [file.model], stacks: [file.stack], outputFolder: "")
        report.workloads = [found]
        report.isInterrupted = Interrupt.isRequested
        report.seconds = Wiring.now - start
        return RetestReport(
            Retest(sought, found), of: file, at: finding, fingerprint, report)
    }

    private func options(
        _ given: GivenFinding, _ run: RecordedRun, _ fingerprint: Fingerprint,
        _ workload: Workload
    ) throws -> CampaignOptions {
        let file = given.file
        let (model, stack) = try given.rules()
        var options = CampaignOptions(targets: [.init(model: model, stack: stack)])
        options.seed = file.seed
        options.budget = budget
        options.leastCoverage = minCoverage?.part ?? 0
        options.jobs = jobs ?? Processors.allowed.count
        options.batch = 128
        options.machinesAtOnce = workload.file.mountsAtOnce
        options.nested = file.recoveries.count
        options.syncError = run.failingSyncError
        // After a failed sync, each way to end is tried of itself.
        let isOneOfMany =
            run.failingSyncError != nil && [.processKill, .pageEviction].contains(file.ending)
        options.ending = isOneOfMany ? .powerLoss : file.ending
        options.sought = fingerprint
        // Other causes neither end the search nor take its place.
        options.statesOnceViolated = nil
        options.findingsPerKind = 64
        return options
    }
}
