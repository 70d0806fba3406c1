import ArgumentParser
import Basics
import Campaign
import Oracles
import PowerLoss
import Reporting
import Workloads

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Apply the power loss of a finding again.",
        discussion: """
            Exit status: 0 the finding shows again; 1 it does not; 2 the observer could not tell.

            A pack brings its workload with it, and replaying it starts the programs in it: take packs only from whom you \
            would take programs from.
            """)

    @Argument(help: "A finding, as `run` leaves it in OUT/findings, or a pack of one.")
    var finding: String

    @Option(
        help: ArgumentHelp(
            "Recover with the workload in this folder. Default: the finding's own, or the pack's.",
            valueName: "dir"))
    var workload: String?

    @Flag(help: "Open a shell in the crash state, before any recovery.")
    var shell = false

    @Option(help: "Mount the crash state there, before any recovery, until Ctrl-C.")
    var mount: String?

    @Option(
        help:
            "How often the store is started until the finding shows. Default: 1; 5 where several machines recover, which is a race."
    )
    var tries: Int?

    @Option(help: "Folder for scratch files.")
    var out = "perjury-out"

    @OptionGroup var stage: StageOptions

    func validate() throws {
        if let tries, !(1...1000).contains(tries) {
            throw ValidationError("--tries must be from 1 to 1000.")
        }
    }

    func run() throws {
        let given = try GivenFinding(finding)
        defer { withExtendedLifetime(given) {} }
        let file = given.file
        let (model, named) = try given.rules()
        let run = try Wiring.recordedRun(given.recording)
        let replay: Replay
        do {
            replay = try Replay(
                run, plan: file.plan, model: model, stack: named.reached(by: file.ending),
                recoveries: try zip(file.recoveries, given.recordings.dropFirst()).map {
                    .init(
                        recording: try Wiring.recordedRun($1).recording, plan: $0.plan,
                        treeHash: $0.treeHash)
                })
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.usage, "\(finding) does not fit its recording: \(error)")
        }
        if let hash = file.treeHash, hash != replay.state.hash {
            throw Failure(
                .unexpected,
                "the plan of \(finding) leaves another tree than when it was found: the recording "
                    + "\(given.recording) is another one, or this perjury applies plans in another way"
            )
        }
        Console.out(given.shown(ReplayText(file, replay).plan))
        if mount == nil { try Wiring.checkMachine(stage) }
        let workload = try given.workload(in: self.workload)
        if let mismatch = Wiring.mismatch(replay.storage.log.machines, workload) {
            throw Failure(.inconclusive, mismatch)
        }
        if shell { throw ExitCode(try Wiring.shell(workload, replay.tree, out: out, on: stage)) }
        if let mount { return try Wiring.mount(workload, replay.tree, at: mount) }
        throw ExitCode(try judge(given, replay, workload, run).rawValue)
    }

    private func judge(
        _ given: GivenFinding, _ replay: Replay, _ workload: Workload, _ run: RecordedRun
    ) throws -> ExitStatus {
        Interrupt.watch()
        let file = given.file
        if let missing = workload.missingRequirement {
            throw Failure(.inconclusive, "\(finding) cannot be judged here: \(missing)")
        }
        var change: String?
        var outcome: Replay.Outcome
        var tried = 0
        let most = tries ?? (replay.storage.log.machineCount > 1 ? 5 : 1)
        do {
            let subject = try Wiring.subject(workload, out: out, seed: file.seed, on: stage)
            change = given.change(since: run, subject)
            if let change { Console.out(ReplayText.changed(change)) }
            repeat {
                outcome = try replay.judge(subject)
                tried += 1
            } while tried < most && !outcome.shows(file.kind)
        } catch {
            if Interrupt.isRequested { return .interrupted }
            throw Failure(.inconclusive, given.shown("\(error)"))
        }
        Console.out(
            given.shown(
                ReplayText(file, replay).outcome(outcome, tries: tried, isChanged: change != nil)))
        if outcome.shows(file.kind) { return .asExpected }
        return outcome.observation.shortfall == nil ? .unexpected : .inconclusive
    }
}
