import Campaign
import FileTree
import FuseMount
import Glibc
import Oracles
import Recording
import Stage
import Synchronization

import struct SystemPackage.Errno

/// A workload as the subject of a campaign: real programs on real mounts.
package final class WorkloadSubject: Subject {
    package let workload: Workload
    package let options: RunnerOptions
    let processors: [Int]
    let user: Keeper.User?
    /// What the recorded run follows from: another request asks for another run.
    package let request: WorkloadIdentity
    /// What an observation follows from, besides the tree.
    package let observerIdentity: WorkloadIdentity
    /// Of the pid namespace that the store has seen; 0 where it has seen none.
    private let namespaceNumber = Atomic<UInt32>(0)

    package var name: String { workload.name }
    package var about: String { workload.file.about }
    package var promise: Promise { workload.file.promise }
    package var expectation: Expectation { workload.file.expect }
    package var timeoutSeconds: Double? { Double(workload.file.timeoutNanoseconds) / 1e9 }
    package var acceptedExit: AcceptedExit { workload.file.acceptedExit }
    package var promiseUnder: [String: Promise] { workload.file.under }
    package var remarks: [String] {
        let after = workload.file.afterNanoseconds
        guard after > 0, LaterClock(nanoseconds: after) == nil else { return [] }
        return [
            "`after`: the clock of recovery has not moved on, as liblater-clock.so is not beside perjury"
        ]
    }

    /// - Throws: when the workload asks for what this version cannot do, or for a user that does not exist.
    package init(_ workload: Workload, options: RunnerOptions) throws {
        self.workload = workload
        self.options = options
        processors = Processors.allowed
        user = try Self.user(of: workload, options)
        let folder = FolderFiles(workload.folder, except: options.ownFiles)
        request = WorkloadIdentity(ofRun: workload, options, folder)
        observerIdentity = WorkloadIdentity(ofObserver: workload, options, folder)
        if case .check = workload.file.observer {
            throw HarnessError(
                "running \(workload.name): `check:` is not supported yet; print what is there with `observe:`"
            )
        }
    }

    /// - Throws: when there is no such user, or none can be become.
    private static func user(
        of workload: Workload, _ options: RunnerOptions
    ) throws -> Keeper.User? {
        let file = workload.file
        guard let name = file.user ?? file.userForRoot else { return nil }
        if try (options.stage ?? StageChoice.chosen()) == .root {
            return try Processors.user(named: name)
        }
        if file.user == nil, geteuid() != 0 { return nil }
        throw HarnessError(
            "running \(workload.name): its programs are to run as the user `\(name)`, which takes the stage `root`: run "
                + "perjury as root, or use `user-for-root` where the programs may run as whoever runs perjury"
        )
    }

    // MARK: Recording

    /// What is made to fail while it runs.
    package var faults: FaultRequests {
        workload.file.faults.adding(options.faults)
    }

    package func record() throws -> RecordedRun {
        try record(faults.plan, nil, to: "\(workload.name).perjury")
    }

    package func record(failing sync: FailingSync) throws -> RecordedRun {
        var plan = faults.plan
        guard let known = FaultPlan.errors.first(where: { $0.name == sync.error }),
            let syncs = OperationSet("sync")
        else { throw HarnessError("no sync fails with `\(sync.error)`") }
        _ = plan.add(
            .fail(known.error, name: known.name), syncs, .everything, .nth(sync.number))
        return try record(
            plan, sync,
            to: "\(workload.name)/sync-\(sync.number)-\(sync.failure.name).perjury")
    }

    /// - Parameters:
    ///   - failing: the sync that the plan makes fail besides what is asked for.
    ///   - file: of the recording, below the folder for recordings.
    private func record(
        _ plan: FaultPlan, _ failing: FailingSync?, to file: String
    ) throws -> RecordedRun {
        if let missing = workload.missingRequirement {
            throw HarnessError("\(workload.name) was not run: \(missing)")
        }
        let stage = try stage()
        defer { stage.close() }
        let (base, setupOutput) = try setUp(stage)
        let (path, writer) = try newRecording(of: base, setupOutput, failing, file)
        var lived = lifeOptions
        lived.writer = writer
        // Only when the store has it: meanwhile another harness may have a namespace of this number.
        if base.mentions(stage.namespaceNumber) { lived.namespaceNumber = stage.namespaceNumber }
        lived.mount.isWatched = !plan.rules.isEmpty
        lived.mount.syncFailure = failing?.failure ?? .markedClean
        let life = try stage.life(on: base, lived)
        let injector = FaultInjector(plan)
        injector.begin(at: 0)
        if lived.mount.isWatched { life.server.setInterceptor { injector.answer($0) } }
        let program = try Programs(workload, stage, options, user)
        let began = Surroundings.fileTime
        let ended: Life.Ended
        do {
            ended = try program.run(workload.file.run, in: life, patience: 1)
        } catch {
            _ = try? life.end()
            throw error
        }
        if let trouble = ended.serverTrouble { throw failure("running", trouble, life) }
        let outlived =
            ended.outcome == .timedOut
            ? [] : try program.processesLeft(in: life, waitsForAll: workload.file.waitsForAll)
        let errors = life.errors()
        var notes: [String] = []
        if let reason = life.syncUnseenReason { notes.append("sync(2) was not seen: \(reason)") }
        let scratch = stage.scratchNames
        _ = try life.end()
        try writer.note(Recording.directoryNote, Array(stage.dataDirectory.utf8))
        try writer.note(Recording.namespaceNote, Array("\(stage.namespaceNumber)".utf8))
        let recording = writer.recording()
        let counts = injector.counts
        try seal(writer, ended.outcome, counts, outlived)
        if !ended.isSuccess, !errors.isEmpty {
            let text = String(decoding: errors.suffix(2000), as: UTF8.self)
            notes.append("run said: \(text)" + (text.hasSuffix("\n") ? "" : "\n"))
        }
        if !recording.changesFiles {
            notes += program.surroundings.writtenElsewhere(
                since: began, except: options.ownFiles, scratch: scratch)
            if !ended.isSuccess, let dropped = program.surroundings.droppedVariables() {
                notes.append(dropped)
            }
        }
        return RecordedRun(
            recording: recording, setupOutput: setupOutput, end: ended.outcome, notes: notes,
            path: path, faults: counts, outlived: outlived)
    }

    /// Ends a recording with what its file is to tell of the run.
    private func seal(
        _ writer: RecordingWriter, _ outcome: Observation.Outcome, _ faults: [FaultCount],
        _ outlived: [String]
    ) throws {
        if !faults.isEmpty {
            try writer.note(RecordedRun.faultsNote, RecordedRun.bytes(of: faults))
        }
        try writer.note("outcome", Array("\(outcome)".utf8))
        if !outlived.isEmpty {
            try writer.note(
                RecordedRun.outlivedNote, Array(outlived.joined(separator: "\n").utf8))
        }
        try writer.seal()
    }

    /// - Parameter directory: where the data directory must be; nil: anywhere.
    func stage(at directory: String? = nil) throws -> any Stage {
        try FuseStage(avoiding: workload.folder, kind: options.stage, at: directory)
    }

    /// Of a life that is no recovery.
    var lifeOptions: LifeOptions {
        var lived = LifeOptions(processor: processors.first)
        lived.namespaceNumber = namespaceNumber.load(ordering: .relaxed)
        lived.mount.mounts = workload.file.mounts
        return lived
    }

    /// The data directory as the programs first find it: theirs, with nothing in it but the mounts.
    private func emptyTree() throws -> FileTree {
        var tree = FileTree()
        let owner = user.map {
            AttributeChange(mode: 0o700, user: $0.userID, group: $0.groupID)
        }
        if let owner { tree.apply([Effect(.root, .attributes(owner))]) }
        for name in workload.file.mounts {
            let number = tree.nextInode
            let entry = DirectoryEntry(.root, FileName(name))
            tree.apply(try tree.effects(of: .create(number, at: entry, .directory)))
            if let owner { tree.apply([Effect(number, .attributes(owner))]) }
        }
        _ = tree.settle()
        return tree
    }

    /// The tree that `setup` leaves, at rest, and what it printed.
    func setUp(_ stage: any Stage) throws -> (FileTree, [UInt8]) {
        let empty = try emptyTree()
        guard let setup = workload.file.setup else { return (empty, []) }
        let life = try stage.life(on: empty, lifeOptions)
        let program = try Programs(workload, stage, options, user)
        let ended = try program.run(setup, in: life, patience: 4)
        guard ended.isSuccess else {
            let what =
                ended.serverTrouble ?? "`\(setup.joined(separator: " "))` \(ended.outcome)"
            let advice = ended.mayLackSomething ? program.surroundings.droppedVariables() : nil
            throw failure("setting up", what, life, advice)
        }
        var (tree, recording) = try life.end()
        _ = tree.settle()
        return (tree, recording.output)
    }

    /// Ends the life of programs that came to nothing, and says why, with what they said.
    private func failure(
        _ doing: String, _ what: String, _ life: Life, _ advice: String? = nil
    ) -> HarnessError {
        let errors = life.errors(limit: 1000)
        _ = try? life.end()
        let said = errors.isEmpty ? "" : ": \(String(decoding: errors, as: UTF8.self))"
        return HarnessError(
            "\(doing) \(workload.name): \(what)\(said)" + (advice.map { "; \($0)" } ?? ""))
    }

    /// A recording that has begun. It takes the place of an older one only when it can be read itself: whenever the harness is
    /// killed, what has this name is a recording.
    private func newRecording(
        of base: FileTree, _ setupOutput: [UInt8], _ failing: FailingSync?, _ file: String
    ) throws -> (path: String, writer: RecordingWriter) {
        let path = try recordingPath(file)
        let unfinished = path + ".new"
        // Not to cut off one that another harness has mapped.
        unlink(unfinished)
        do {
            let writer = try RecordingWriter(
                arena: Arena(creating: unfinished), base: base, storesBase: true)
            try writer.note("workload", Array(workload.folder.utf8))
            try writer.note("setup", setupOutput)
            try writer.note(RecordedRun.requestNote, Array(request.text.utf8))
            try writer.note(RecordedRun.observerNote, Array(observerIdentity.text.utf8))
            try writer.note(RecordedRun.askedFaultsNote, Array(options.faults.text.utf8))
            if let failing {
                try writer.note(RecordedRun.failingSyncNote, Array(failing.error.utf8))
            }
            guard rename(unfinished, path) == 0 else { throw Errno(rawValue: errno) }
            return (path, writer)
        } catch {
            unlink(unfinished)
            throw HarnessError(
                "making the recording \(path): \(error); name another folder with --out")
        }
    }

    private func recordingPath(_ file: String) throws -> String {
        let path = "\(options.out)/recordings/\(file)"
        let folders = path.indices.dropFirst(options.out.count).filter { path[$0] == "/" }
        for path in folders.map({ String(path[..<$0]) }) {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw HarnessError(
                    "making the folder \(path) for recordings: \(Errno(rawValue: errno)); name another with --out"
                )
            }
        }
        return path
    }

    // MARK: Observing

    /// One alone where the store has kept what only one can have at a time: the number of its pid namespace, since in another
    /// one it would take itself for another machine; or, in a stage where each worker has another, the path of its directory.
    package func observers(_ count: Int, of recording: Recording) throws -> [any Observer] {
        let number = recording.namespaceNumber.flatMap { recording.mentions($0) ? $0 : nil } ?? 0
        let directory = try directory(keptBy: recording)
        if number != 0 { namespaceNumber.store(number, ordering: .relaxed) }
        let isAlone = number != 0 || directory != nil
        return try (0..<(isAlone ? 1 : count)).map {
            try observer(worker: $0, namespaceNumber: number, at: directory)
        }
    }

    /// The path of the data directory in which it was made, where that may be another one now and the store has kept it.
    private func directory(keptBy recording: Recording) throws -> String? {
        guard let directory = recording.directory else { return nil }
        let stage = try stage()
        defer { stage.close() }
        let isTheSame = stage.dataDirectory == directory && stage.hasFixedPlace
        return isTheSame || !recording.mentions(directory) ? nil : directory
    }

    private func observer(
        worker: Int, namespaceNumber: UInt32, at directory: String?
    ) throws -> any Observer {
        let stage = try stage(at: directory)
        var lived = lifeOptions
        lived.memoryLimit = StoreObserver.memoryLimit
        lived.processor = processors[worker % processors.count]
        lived.firstProcessID = 5000
        lived.namespaceNumber = namespaceNumber
        return StoreObserver(
            workload, try Programs(workload, stage, options, user, isRecovery: true), stage, lived)
    }
}

/// Starts the workload's observer, one mount for each tree.
private final class StoreObserver: Observer {
    private let workload: Workload
    private let programs: Programs
    private let stage: any Stage
    private let lived: LifeOptions

    init(
        _ workload: Workload, _ programs: Programs, _ stage: any Stage, _ lived: LifeOptions
    ) {
        self.workload = workload
        self.programs = programs
        self.stage = stage
        self.lived = lived
    }

    deinit {
        stage.close()
    }

    /// What a recovery may write, marks included, in bytes; more is an error, not the machine's end.
    static let memoryLimit = 2 << 30

    private func end(_ life: Life) throws -> (tree: FileTree, recording: Recording) {
        do {
            return try life.end()
        } catch is HarnessError where life.hasOutgrownItsMemory {
            throw HarnessError(
                "the observer of \(workload.name) wrote more than \(Self.memoryLimit >> 30) GiB, "
                    + "which is all that memory is kept for")
        }
    }

    func observe(_ tree: FileTree, patience: Double) throws -> Recovery {
        let life = try stage.life(on: tree, lived)
        let ended: Life.Ended
        switch workload.file.observer {
        case .command(let command), .check(let command):
            ended = try programs.run(command, in: life, patience: patience)
        case .serve(let command):
            ended = try programs.serveOnce(command, in: life, patience: patience)
        }
        let errors = life.errors()
        let (left, recording) = try end(life)
        var observation = Observation(output: recording.output, outcome: ended.outcome)
        if let trouble = ended.serverTrouble { observation.log += Array("\(trouble)\n".utf8) }
        observation.log += errors
        var tree = left
        tree.keep(recording.arena)
        return Recovery(observation: observation, tree: tree, recording: recording)
    }
}
