import Campaign
import Glibc
import Oracles
import Reporting
import Workloads

/// Runs the campaigns of several workloads, one after the other, and keeps what they find as files.
struct CampaignRunner {
    let exploration: ExplorationOptions
    let places: PlaceOptions
    let stage: StageOptions
    let reports: ReportOptions
    /// Whether recordings and observations of an earlier, interrupted campaign in the same place are taken over.
    var isResuming = false
    /// Set where the workload was given by commands.
    var commands: FindingFile.Commands?
    /// What of the catalogue cannot be run here.
    var skipped: [CampaignReport.Skipped] = []
    /// Besides what each workload asks for.
    var faults = FaultRequests()

    /// Causes that are known, beside those that the workloads name; nil where no file of them was given.
    var baseline: Baseline?
    /// Where the causes that are found are written to; nil: nowhere.
    var updatedBaseline: String?

    /// What is to be explored: a workload, and its recording where there is one already.
    struct Task {
        var workload: Workload
        /// In the baseline; the output folder may give the workload another name, where it has one of that name already.
        var wantedName = ""
        var run: RecordedRun?
    }

    /// Prints the whole report; answers how the command is to exit.
    mutating func run(_ tasks: [Task]) throws -> ExitStatus {
        let start = Wiring.now
        // Held until all is written.
        let out = try OutputFolder(places.out)
        defer { withExtendedLifetime(out) {} }
        let tasks = try named(tasks, out)
        var report = CampaignReport(
            seed: exploration.seed, ending: exploration.ending.rawValue,
            budget: exploration.budget.words,
            models: try Names.models(exploration.model).map(\.name),
            stacks: try exploration.stack.isEmpty
                ? ["honest"] : Names.stacks(exploration.stack).map(\.name),
            outputFolder: places.out)
        report.skipped = skipped
        Interrupt.watch()
        let style = Console.style(reports.textOutput)
        if !reports.quiet { print(TextReport(report, style: style).header + "\n") }
        var progress = Console.progress(total: tasks.count)
        // What was found is told, whatever could not be written.
        var troubles: [String] = []
        for task in tasks {
            if Interrupt.isRequested { break }
            if reports.verbose { Console.error(WorkloadText(task.workload).text) }
            var found = try explore(task, &progress)
            if updatedBaseline != nil { updateBaseline(&found, task) }
            do { try keep(&found, task.workload) } catch {
                troubles.append("\(error)")
                found.notes.append(.text("not all findings could be kept: \(error)"))
            }
            report.workloads.append(found)
            if !reports.quiet { Console.error(progress.finish(found)) }
        }
        report.isInterrupted = Interrupt.isRequested
        report.seconds = Wiring.now - start
        if !reports.quiet || report.exitStatus != .asExpected {
            print(TextReport(report, style: style).body)
        }
        if let path = updatedBaseline, let baseline {
            do { try Files.write(try baseline.text(), to: path) } catch {
                troubles.append("\(error)")
            }
        }
        for (format, path) in reports.wanted {
            do { try Console.report(format.text(of: report), to: path) } catch {
                troubles.append("\(error)")
            }
        }
        if reports.github { tellGitHub(report, &troubles) }
        return report.exitStatus.after(troubles)
    }

    private func tellGitHub(_ report: CampaignReport, _ troubles: inout [String]) {
        print(GitHubReport(report).annotations)
        guard let path = getenv("GITHUB_STEP_SUMMARY") else { return }
        do {
            try Files.append(GitHubReport(report).summary, to: String(cString: path))
        } catch { troubles.append("\(error)") }
    }

    private func print(_ text: String) { Console.write(text, to: reports.textOutput) }

    /// Each by its name in the folder, and once.
    private func named(_ tasks: [Task], _ out: OutputFolder) throws -> [Task] {
        var known: Set<String> = []
        return try tasks.compactMap { task in
            var task = task
            task.wantedName = task.workload.name
            task.workload = try out.named(
                task.workload, commands, recording: task.run.flatMap(\.path))
            return known.insert(task.workload.name).inserted ? task : nil
        }
    }

    private func explore(_ task: Task, _ progress: inout ProgressLine) throws -> WorkloadReport {
        var task = task
        if let baseline, updatedBaseline == nil {
            task.workload.file.expect = baseline.expectation(
                of: task.wantedName, task.workload.file.expect)
        }
        let file = task.workload.file
        if let run = task.run,
            let mismatch = Wiring.mismatch(run.recording.mounts, task.workload)
        {
            var report = WorkloadReport(
                name: task.workload.name, about: file.about, promise: file.promise.description)
            report.inconclusive = mismatch
            return report
        }
        var options = try exploration.campaign(of: file)
        let subject: WorkloadSubject
        do {
            subject = try Wiring.subject(
                task.workload, out: places.out, seed: exploration.seed, on: stage, faults: faults,
                reports: reports.paths)
        } catch {
            var report = WorkloadReport(
                name: task.workload.name, about: file.about, promise: file.promise.description)
            report.inconclusive = "\(error)"
            return report
        }
        // What is recorded already does not run again.
        if task.run == nil { options.syncError = subject.faults.syncError }
        var campaign = Campaign(subject, options: options, clock: { Wiring.now })
        campaign.isCancelled = { Interrupt.isRequested }
        let keepsTrials = isResuming && !subject.observerIdentity.isUnknown
        campaign.trials = {
            Wiring.trials(subject, $0, subject.name, out: places.out, resuming: keepsTrials)
        }
        let box = Box(progress)
        campaign.progress = { step in
            if reports.quiet { return }
            if let text = box.value.update(step, now: Wiring.now) { Console.error(text) }
        }
        var run = task.run
        var note: String?
        if run == nil, isResuming { (run, note) = earlierRun(subject) }
        var report = run.map { campaign.explore($0) } ?? campaign.run()
        if let note { report.notes.append(.text(note)) }
        progress = box.value
        return report
    }

    // MARK: Known causes

    /// Reads the file of known causes. One that is to be written need not be there yet.
    mutating func expect(_ options: BaselineOptions) throws {
        guard let path = options.baseline else { return }
        if options.updateBaseline {
            updatedBaseline = path
            if Files.absolute(path) == nil {
                baseline = Baseline()
                return
            }
        }
        do {
            baseline = try Baseline(
                parsing: try Files.read(path, limit: WorkloadFile.sizeLimit), path: path)
        } catch let error as WorkloadFileError {
            throw Failure(.usage, "\(error)")
        }
    }

    private mutating func updateBaseline(_ report: inout WorkloadReport, _ task: Task) {
        guard report.inconclusive == nil else { return }
        var seen: [Fingerprint: String] = [:]
        for finding in report.findings {
            guard let cause = finding.cause else { continue }
            seen[cause.fingerprint] = cause.parts.map(\.description).joined(separator: ", ")
        }
        let own = task.workload.file.expect
        let unseen = baseline?.update(task.wantedName, seen: seen, own: own) ?? []
        if !unseen.isEmpty {
            report.notes.append(.knownAndNotSeen(unseen))
        }
        if let baseline { report.compare(with: baseline.expectation(of: task.wantedName, own)) }
    }

    // MARK: Resuming

    /// The workload's last run, where it was recorded to its end and is the one that is asked for now; why it is not.
    private func earlierRun(_ subject: WorkloadSubject) -> (RecordedRun?, note: String?) {
        let path = "\(places.out)/recordings/\(subject.name).perjury"
        guard let run = try? RecordedRun(path: path), run.recording.isComplete,
            run.workloadFolder == subject.workload.folder, let request = run.request
        else { return (nil, nil) }
        guard let difference = subject.request.difference(from: request) else { return (run, nil) }
        return (nil, "the earlier run is not gone on with; \(difference)")
    }

    /// A value that a closure changes.
    private final class Box<Value> {
        var value: Value

        init(_ value: Value) {
            self.value = value
        }
    }

    // MARK: Findings

    private func keep(_ report: inout WorkloadReport, _ workload: Workload) throws {
        var folder = FindingFolder(
            out: places.out, workload: workload.name, folder: workload.folder,
            seed: exploration.seed, commands: commands)
        folder.ownModel = { try Names.ownModel($0, exploration.model) }
        folder.ownStack = { try Names.ownStack($0, exploration.stack) }
        try folder.keep(&report)
    }
}
