import Basics
import CSupport
import FileTree
import FuseMount
import Glibc
import Oracles
import Recording

import struct SystemPackage.Errno

/// One power-on: a tree served on a mount, and the programs that run on it, until they are all gone.
package final class Life {
    private let keeper: Keeper
    package let server: MountServer
    private let processor: Int?
    private let errorOutput: Descriptor
    private var nextProgram: UInt32 = 1
    private var hasEnded = false
    /// Becomes readable when the power goes while programs run: whatever waits for one of them then throws `PowerGone`.
    private let trip: CInt?
    /// Why sync(2) was not seen, when a program asked that it be.
    package private(set) var syncUnseenReason: String?

    /// - Parameter writer: where the life is recorded.
    init(keeper: Keeper, tree: FileTree, writer: RecordingWriter, _ options: LifeOptions) throws {
        self.keeper = keeper
        trip = options.trip
        processor = options.processor
        let memory = perjury_memory_file("perjury-stderr")
        guard memory >= 0 else {
            throw HarnessError(
                "making a place for programs' error output failed: \(Errno(rawValue: errno))")
        }
        errorOutput = Descriptor(owning: memory)
        server = try MountServer(
            tree: tree, writer: writer, device: keeper.openDevice(), options: options.mount)
        // Before the mount there is nothing to receive: reading the device would be an error.
        try keeper.mount(
            fuse: server.fuseDescriptor, firstProcessID: options.firstProcessID,
            namespaceNumber: options.namespaceNumber)
        server.start(cpu: options.processor)
    }

    deinit {
        if !hasEnded { abandon() }
    }

    /// How one program ended.
    package struct Ended {
        /// For a program that was not started since its server was not ready: never success.
        package let outcome: Observation.Outcome
        /// What became of the server, in words, when it was not ready in its time.
        package let serverTrouble: String?

        package init(outcome: Observation.Outcome) {
            self.outcome = outcome
            serverTrouble = nil
        }

        /// - Parameter outcome: of the server; `.timedOut` when it still runs.
        package init(unreadyServer outcome: Observation.Outcome) {
            self.outcome = outcome == .exited(0) ? .exited(1) : outcome
            serverTrouble =
                outcome == .timedOut
                ? "the server was not ready in its time"
                : "the server \(outcome) before it was ready"
        }

        package var isSuccess: Bool { outcome == .exited(0) }

        /// It ended as a program does that a shell or the dynamic linker could not start.
        package var mayLackSomething: Bool { outcome == .exited(126) || outcome == .exited(127) }
    }

    /// The power went while a program ran, or was being started.
    package struct PowerGone: Error {
        package init() {}
    }

    private func isTripped() -> Bool {
        trip.map(Self.isReadable) ?? false
    }

    private static func isReadable(_ descriptor: CInt) -> Bool {
        var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wait, 1, 0) > 0
    }

    /// Starts a program; its standard output is the mark file of the mount, unless `marks` is false: then it is `output`, or
    /// goes where the errors go.
    package func start(
        _ command: ResolvedCommand, marks: Bool = true, input: CInt? = nil, output: CInt? = nil
    ) throws -> Keeper.ProgramID {
        let id = Keeper.ProgramID(nextProgram)
        nextProgram += 1
        let mount = keeper.dataDirectory
        let program = Keeper.Command(
            command.arguments, environment: command.environment,
            workingDirectory: command.workingDirectory, user: command.user,
            standardInput: input,
            standardOutput: marks
                ? .path("\(mount)/\(MountServer.markFile)")
                : .descriptor(output ?? errorOutput.number),
            standardError: errorOutput.number,
            syncControl: "\(mount)/\(MountServer.controlFile)",
            processors: processor.map { [$0] } ?? [])
        let spawned: Keeper.Spawned
        do {
            spawned = try keeper.spawn(program, id: id, interruptedBy: trip)
        } catch {
            if error.cause == .interrupted && isTripped() { throw PowerGone() }
            throw error
        }
        if !spawned.syncSeen { syncUnseenReason = spawned.syncUnseenReason }
        return id
    }

    /// Starts a program on the harness's own terminal, or whatever its standard input, output and error are.
    package func startInteractive(_ command: ResolvedCommand) throws -> Keeper.ProgramID {
        let id = Keeper.ProgramID(nextProgram)
        nextProgram += 1
        _ = try keeper.spawn(
            Keeper.Command(
                command.arguments, environment: command.environment,
                workingDirectory: command.workingDirectory, user: command.user, standardInput: 0,
                standardOutput: .descriptor(1), standardError: 2),
            id: id)
        return id
    }

    /// Waits for a program; what outlives its time is killed, with all that it started.
    ///
    /// - Throws: when a person interrupted the campaign.
    package func wait(_ id: Keeper.ProgramID, seconds: Double, interrupt: CInt?) throws -> Ended {
        if let ended = try pollEnd(id, seconds: seconds, interrupt: interrupt) { return ended }
        try keeper.killAll()
        return Ended(outcome: .timedOut)
    }

    /// Waits for a program that may go on: nil when it still runs.
    package func pollEnd(_ id: Keeper.ProgramID, seconds: Double, interrupt: CInt?) throws -> Ended?
    {
        let deadline = MonotonicClock.seconds + seconds
        while true {
            let left = max(0, deadline - MonotonicClock.seconds)
            let slice = min(left, Self.errorCheckSeconds)
            switch try keeper.wait(id, timeoutSeconds: slice, interruptedBy: trip ?? interrupt) {
            case .exited(let status): return Ended(outcome: .exited(Int32(status)))
            case .signaled(let signal): return Ended(outcome: .killed(signal: Int32(signal)))
            case .interrupted:
                if isTripped() { throw PowerGone() }
                throw HarnessError("interrupted")
            case .timedOut:
                if trip != nil, let interrupt, Self.isReadable(interrupt) {
                    throw HarnessError("interrupted")
                }
                forgetOldErrors()
                if slice == left { return nil }
            }
        }
    }

    /// How long a program may print errors without end before the oldest of them are forgotten.
    private static let errorCheckSeconds = 0.1

    /// Gives back the memory of all but the end of what was printed to standard error. Programs see a file that keeps its
    /// size, so that they need not be told.
    private func forgetOldErrors() {
        // Not lseek: the position is the programs' own.
        var status = stat()
        guard fstat(errorOutput.number, &status) == 0, status.st_size > 1 << 20 else { return }
        perjury_forget_start(errorOutput.number, Int64(status.st_size) - (64 << 10))
    }

    /// Names of the processes whose parents have ended.
    package var namesOfOrphans: [String] { keeper.namesOfOrphans }

    /// Asks a program to end: SIGTERM.
    package func terminate(_ id: Keeper.ProgramID) throws {
        try keeper.signal(id, SIGTERM)
    }

    /// Ends the life: whatever still runs is killed, the mount goes.
    package func end() throws -> (tree: FileTree, recording: Recording) {
        hasEnded = true
        server.hurry()
        try keeper.killAll()
        server.freeze()
        let result = (server.tree, server.recording())
        try keeper.unmount()
        server.stop()
        if let failure = server.failure { throw HarnessError(failure) }
        return result
    }

    /// Whether programs wrote more than the recorder's memory holds: why `end` throws then.
    package var hasOutgrownItsMemory: Bool { server.growthError == .fileTooLarge }

    /// The power goes: from here on nothing that programs do is stored, or answered before they are dead. The mount goes.
    ///
    /// What is held already, by a verdict of the server's interceptor, was the first.
    package func cut() throws -> (tree: FileTree, recording: Recording) {
        hasEnded = true
        server.hold()
        // A process that waits for us dies when it has its answer, and answers are errors now.
        try keeper.killAll(whenSignalled: { server.release() })
        let result = server.withState { ($0, $1.recording()) }
        try keeper.unmount()
        server.stop()
        if let failure = server.failure { throw HarnessError(failure) }
        return result
    }

    private func abandon() {
        hasEnded = true
        server.hurry()
        try? keeper.killAll()
        try? keeper.unmount()
        server.stop()
    }

    /// The last `limit` bytes that programs wrote to their standard error.
    package func errors(limit: Int = 16 << 10) -> [UInt8] {
        let size = lseek(errorOutput.number, 0, SEEK_END)
        guard size > 0 else { return [] }
        let start = max(0, size - limit)
        return [UInt8](unsafeUninitializedCapacity: size - start) { buffer, count in
            count = max(0, pread(errorOutput.number, buffer.baseAddress, buffer.count, start))
        }
    }
}
