import Campaign
import FileTree
import FuseMount
import Glibc
import Oracles
import PowerLoss
import Recording

import struct SystemPackage.Errno

/// The tree that one power loss left, for a person: to observe, to walk about in, to mount.
package struct CrashState {
    package let workload: Workload
    package let options: RunnerOptions
    package let storage: Storage
    package let plan: CrashPlan
    package let run: RecordedRun
    package let tree: FileTree
    /// The hash of `tree`.
    package let hash: UInt64

    /// - Throws: `RecordingError` when the plan does not fit the recording.
    package init(
        _ plan: CrashPlan, of run: RecordedRun, model: PersistenceModel, stack: Stack,
        workload: Workload, options: RunnerOptions
    ) throws {
        self.workload = workload
        self.options = options
        self.plan = plan
        self.run = run
        storage = Storage(log: try EffectLog(run.recording), model: model, stack: stack)
        let (pending, choice) = try storage.choice(plan)
        var tree = storage.tree(pending, choice)
        hash = tree.settle()
        self.tree = tree
    }

    /// What the store shows of it, and what its promise does not allow of that.
    package func observe() throws -> (observation: Observation, violations: [Violation]) {
        let subject = try WorkloadSubject(workload, options: options)
        let observer = try subject.observer(worker: 0)
        let first = try observer.observe(tree, patience: 4)
        let complete = try observer.observe(
            run.recording.tree(after: run.recording.count), patience: 4)
        let history = run.history
        let judge = Judge(
            history, promise: subject.promiseUnder[storage.stack.name] ?? subject.promise,
            vocabulary: Vocabulary(complete: complete.observation, history: history))
        let now = plan.crashPoint > 0 ? run.recording[plan.crashPoint - 1].time : 0
        var violations = judge.violations(
            judge.resolve(first.observation), cut: plan.crashPoint, now: now)
        if first.changed {
            var left = first.tree
            _ = left.settle()
            let second = try observer.observe(left, patience: 4)
            if let instability = compare(
                first: first.observation, second: second.observation)
            {
                violations.append(instability)
            }
        }
        return (first.observation, violations)
    }

    /// Starts the person's shell in it, on this terminal; what is changed there is lost when the shell ends.
    ///
    /// - Returns: the shell's exit status.
    package func shell() throws -> Int32 {
        let keeper = try Keeper(root: KeeperRoot.path(avoiding: workload.folder))
        defer { keeper.close() }
        let writer = try RecordingWriter(arena: Arena(), base: tree, storesBase: false)
        let life = try Life(keeper: keeper, tree: tree, writer: writer, processor: nil)
        let surroundings = Surroundings(
            folder: workload.folder, dataDirectory: keeper.dataDirectory,
            runDirectory: keeper.runDirectory, seed: options.seed, user: nil)
        let shell = getenv("SHELL").map { String(cString: $0) } ?? "/bin/sh"
        var command = try surroundings.resolve([shell])
        command.workingDirectory = keeper.dataDirectory
        command.environment["TERM"] = getenv("TERM").map { String(cString: $0) } ?? "dumb"
        let id = try life.startInteractive(command)
        let ended = try life.wait(id, seconds: 1e9, interrupt: nil)
        _ = try life.end()
        if case .exited(let status) = ended.outcome { return status }
        return 1
    }

    /// Mounts it at `folder`, for everybody's eyes, until `interrupt` becomes readable or somebody unmounts it.
    ///
    /// - Parameter ready: called when the mount is there.
    package func mount(at folder: String, until interrupt: CInt, ready: () -> Void) throws {
        guard Surroundings.isDirectory(folder) else {
            throw HarnessError("mounting on \(folder): there is no such folder; mkdir it first")
        }
        let writer = try RecordingWriter(arena: Arena(), base: tree, storesBase: false)
        let server = try MountServer(tree: tree, writer: writer)
        defer { server.stop() }
        let settings =
            "fd=\(server.fuseDescriptor),rootmode=40000,user_id=\(geteuid()),group_id=\(getegid()),default_permissions"
        guard Glibc.mount("perjury", folder, "fuse", UInt(MS_NOSUID | MS_NODEV), settings) == 0
        else {
            throw HarnessError(
                "mounting on \(folder): \(Errno(rawValue: errno)); it takes root to mount there")
        }
        defer { umount2(folder, CInt(MNT_DETACH)) }
        server.start(cpu: nil)
        ready()
        while !server.hasEnded {
            var wait = pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0)
            if poll(&wait, 1, 200) > 0 { return }
        }
    }
}
