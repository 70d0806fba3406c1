import Basics
import Campaign
import FileTree
import Glibc
import Oracles
import Reporting
import Stage
import Workloads

/// Everything that the command asks of the execution side, in one place.
enum Wiring {
    /// Why a recording can no more be observed with its workload; nil when it can.
    static func mismatch(_ recorded: [String], _ workload: Workload) -> String? {
        guard recorded != workload.file.mounts else { return nil }
        return "`mounts` of \(workload.name) is not what it was when it was recorded, "
            + "[\(recorded.joined(separator: ", "))]: record it anew"
    }

    /// The named workloads, or all of the catalogue.
    static func workloads(_ names: [String], _ places: PlaceOptions) throws -> [Workload] {
        let catalogue = try catalogue(places, isNeeded: names.isEmpty)
        do {
            return try (names.isEmpty ? catalogue?.names ?? [] : names).map { name in
                if let catalogue, catalogue.names.contains(name) {
                    return try catalogue.load(name)
                }
                if name.contains("/") || access(name, F_OK) == 0 { return try Workload.load(name) }
                try Names.check(
                    name, kind: "workload", among: catalogue?.names ?? [],
                    all: "`perjury list` prints all")
                preconditionFailure("a name that the catalogue has was loaded")
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.usage, "\(error)")
        }
    }

    static func catalogue(_ places: PlaceOptions, isNeeded: Bool) throws -> Catalogue? {
        guard let folder = places.workloads ?? Catalogue.defaultFolder else {
            if !isNeeded { return nil }
            throw Failure(
                .usage,
                "no workload is named, and no catalogue of them is near: `perjury init` writes a first one, "
                    + "--run with --observe needs none, --workloads DIR names a catalogue")
        }
        do {
            return try Catalogue(folder: folder)
        } catch {
            if !isNeeded && places.workloads == nil { return nil }
            throw Failure(.usage, "\(error)")
        }
    }

    /// The workload that `--run`, `--observe` and those beside them describe, in `folder`.
    static func adHoc(
        _ commands: FindingFile.Commands, expect: String? = nil, folder: String = "."
    ) throws -> Workload {
        guard let promise = Promise(commands.promise) else {
            throw Failure(
                .usage,
                "there is no promise `\(commands.promise)`"
                    + NearestName.suggestion(for: commands.promise, among: Promise.words))
        }
        do {
            var file = WorkloadFile(
                run: try CommandText.words(commands.run, option: "--run"),
                observer: .command(try CommandText.words(commands.observe, option: "--observe")))
            file.about = commands.run
            file.promise = promise
            if let expect { file.expect = Expectation(general: try outcome(expect)) }
            file.setup = try commands.setup.map { try CommandText.words($0, option: "--setup") }
            if let server = commands.server {
                file.server = .init(command: try CommandText.words(server, option: "--server"))
                file.server?.ready = try commands.ready.map {
                    try CommandText.words($0, option: "--ready")
                }
            }
            if let text = commands.timeout {
                guard let time = DurationText.nanoseconds(text) else {
                    throw Failure(.usage, "--timeout \(text) is not a time such as 500ms or 20s")
                }
                file.timeoutNanoseconds = time
            }
            file.environment = try commands.environment.map(variable)
            return try Workload.adHoc(file, folder: folder)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.usage, "\(error)")
        }
    }

    private static func outcome(_ text: String) throws -> Expectation.Outcome {
        do throws(ExpectationError) {
            return try Expectation.Outcome(text)
        } catch {
            throw Failure(
                .usage,
                "--expect: \(error.sentence)"
                    + NearestName.suggestion(for: error.word, among: error.known))
        }
    }

    private static func variable(_ text: String) throws -> EnvironmentVariable {
        do throws(EnvironmentVariable.Malformed) {
            return try EnvironmentVariable(text)
        } catch {
            throw Failure(.usage, "--env: \(error.sentence)")
        }
    }

    /// `--faults`.
    static func faults(_ texts: [String]) throws -> FaultRequests {
        var faults = FaultRequests()
        for text in texts {
            do { try faults.add(text) } catch {
                throw Failure(.usage, "--faults \(text): \(error)")
            }
        }
        return faults
    }

    static func subject(
        _ workload: Workload, out: String, seed: UInt64, on stage: StageOptions,
        faults: FaultRequests = FaultRequests(), reports: [String] = []
    ) throws -> WorkloadSubject {
        var options = RunnerOptions(out: out, seed: seed, interrupt: Interrupt.descriptor)
        options.stage = stage.stage
        options.faults = faults
        options.reports = reports
        return try WorkloadSubject(workload, options: options)
    }

    /// Where what is seen of the trees of a run is kept.
    ///
    /// - Parameters:
    ///   - name: of the file.
    ///   - resuming: whether what it holds stays.
    static func trials(
        _ subject: WorkloadSubject, _ run: RecordedRun, _ name: String, out: String, resuming: Bool
    ) -> TrialFile? {
        let folder = "\(out)/observations"
        // What a store shows is as private as what it keeps.
        guard (try? Files.makeFolder(folder, mode: 0o700)) != nil else { return nil }
        return TrialFile(
            path: "\(folder)/\(name).jsonl",
            identity:
                "\(perjuryVersion) \(run.recording.identity) \(subject.observerIdentity.text)",
            resuming: resuming)
    }

    static func recordedRun(_ path: String) throws -> RecordedRun {
        do {
            return try RecordedRun(path: path)
        } catch {
            throw Failure(.usage, "\(error)")
        }
    }

    static var now: Double { MonotonicClock.seconds }

    // MARK: The machine

    /// What keeps workloads from running here, in one sentence; nil when nothing does.
    static func obstacle(_ stage: StageOptions) -> String? {
        Doctor.checks(of: stage.stage).first { $0.isRequired && $0.problem != nil }
            .map { "\($0.name): \($0.problem ?? "")" }
    }

    /// - Throws: a failure that says what the machine lacks.
    static func checkMachine(_ stage: StageOptions) throws {
        if let obstacle = obstacle(stage) {
            throw Failure(.unavailable, "\(obstacle); `perjury doctor` checks the rest")
        }
    }

    /// What `doctor` tells.
    static func checks(_ places: PlaceOptions, _ stage: StageOptions) -> [Doctor.Check] {
        let machine = Doctor.checks(of: stage.stage)
        do {
            return machine + Doctor.checks(of: try catalogue(places, isNeeded: true))
        } catch {
            return machine
                + [Doctor.Check(name: "the catalogue", problem: "\(error)", isRequired: false)]
        }
    }

    // MARK: Crash states by hand

    /// Opens a shell in a crash state, and waits for its end.
    ///
    /// - Returns: the shell's exit status.
    static func shell(
        _ workload: Workload, _ tree: FileTree, out: String, on stage: StageOptions
    ) throws -> Int32 {
        Interrupt.leaveKeyboardToShell()
        Console.out(
            "A shell in the data directory as the power loss left it, before any recovery; nothing "
                + "that is done there is kept.\n")
        return try crashState(workload, tree, out, stage.stage).shell()
    }

    /// Mounts a crash state at `folder` until a person interrupts.
    static func mount(_ workload: Workload, _ tree: FileTree, at folder: String) throws {
        Interrupt.watch()
        try crashState(workload, tree, folder, nil).mount(
            at: folder, until: Interrupt.descriptor ?? -1
        ) {
            Console.out("The crash state is mounted at \(folder); Ctrl-C unmounts it.\n")
        }
    }

    private static func crashState(
        _ workload: Workload, _ tree: FileTree, _ out: String, _ stage: StageKind?
    ) -> MountedState {
        var options = RunnerOptions(out: out)
        options.stage = stage
        return MountedState(tree, of: workload, options: options)
    }
}
