import Basics
import Glibc
import Oracles
import Stage

import struct SystemPackage.Errno

/// Runs a workload's commands in a life, with its server around them where it has one.
struct Programs {
    let workload: Workload
    let surroundings: Surroundings
    let interrupt: CInt?

    /// - Parameter isRecovery: they start after a power loss: `after` is how long it lasted.
    init(
        _ workload: Workload, _ stage: any Stage, _ options: RunnerOptions, _ user: Keeper.User?,
        isRecovery: Bool = false
    ) throws {
        let after = workload.file.afterNanoseconds
        self.workload = workload
        interrupt = options.interrupt
        surroundings = Surroundings(
            folder: workload.folder, dataDirectory: stage.dataDirectory,
            runDirectory: stage.runDirectory, seed: options.seed, user: user, life: options.life,
            mounts: workload.file.mounts,
            clock: isRecovery && after > 0 ? LaterClock(nanoseconds: after) : nil,
            environment: workload.file.environment)
    }

    /// Runs a command to its end, or kills it when its time is over.
    func run(_ command: [String], in life: Life, patience: Double) throws -> Life.Ended {
        try run(command, in: life, patience: patience, input: nil)
    }

    /// Runs a persistent observer for one directory: its name on standard input, then the end of it.
    func serveOnce(_ command: [String], in life: Life, patience: Double) throws -> Life.Ended {
        let line = try directoryLine()
        return try run(command, in: life, patience: patience, input: line.number)
    }

    /// A pipe that holds the directory's name as a line.
    func directoryLine() throws -> Descriptor {
        var ends: DescriptorPair
        do throws(Errno) {
            ends = try .pipe()
        } catch {
            throw HarnessError("making a pipe for the observer: \(error)")
        }
        let writing = ends.takeSecond()
        do throws(Errno) {
            try writing.writeAll("\(surroundings.dataDirectory)\n")
        } catch {
            throw HarnessError("naming the directory to the observer: \(error)")
        }
        return ends.takeFirst()
    }

    private func run(
        _ command: [String], in life: Life, patience: Double, input: CInt?
    ) throws -> Life.Ended {
        let seconds = Double(workload.file.timeoutNanoseconds) / 1e9 * patience
        guard let server = workload.file.server else {
            let id = try start(command, in: life, input: input)
            return try life.wait(id, seconds: seconds, interrupt: interrupt)
        }
        let daemon = try start(server.command, in: life, marks: false)
        if let ended = try waitUntilReady(server, daemon, in: life, seconds: seconds) {
            return ended
        }
        let id = try start(command, in: life, input: input)
        let ended = try life.wait(id, seconds: seconds, interrupt: interrupt)
        guard ended.outcome != .timedOut else { return ended }
        try stop(server, daemon, in: life, seconds: seconds)
        return ended
    }

    private func start(
        _ command: [String], in life: Life, marks: Bool = true, input: CInt? = nil
    ) throws -> Keeper.ProgramID {
        let resolved = try surroundings.resolve(command)
        do {
            return try life.start(resolved, marks: marks, input: input)
        } catch let error as KeeperError where error.cause == .noSuchFileOrDirectory {
            // The file is there: what is missing is the interpreter that it names.
            let sentences = ["\(error)", surroundings.droppedVariables()].compactMap(\.self)
            throw HarnessError(sentences.joined(separator: "; "))
        }
    }

    /// Waits for the processes that a program has left behind.
    ///
    /// - Parameter waitsForAll: for as long as a program may take; otherwise only for those that are about to end.
    /// - Returns: the names of those that still run.
    func processesLeft(in life: Life, waitsForAll: Bool) throws -> [String] {
        let patience = waitsForAll ? Double(workload.file.timeoutNanoseconds) / 1e9 : 0.3
        let deadline = MonotonicClock.seconds + patience
        while true {
            let names = life.namesOfOrphans
            guard !names.isEmpty, MonotonicClock.seconds < deadline else { return names }
            if let interrupt { try Self.pause(unless: interrupt) } else { usleep(10_000) }
        }
    }

    private static func pause(unless interrupt: CInt) throws {
        var wait = pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0)
        if poll(&wait, 1, 10) > 0 { throw HarnessError("interrupted") }
    }

    /// - Returns: how the server ended, when it did not become ready.
    func waitUntilReady(
        _ server: WorkloadFile.Server, _ daemon: Keeper.ProgramID, in life: Life, seconds: Double
    ) throws -> Life.Ended? {
        guard let ready = server.ready else { return nil }
        let command = try surroundings.resolve(ready)
        let start = MonotonicClock.seconds
        let deadline = start + seconds
        while true {
            let probe = try life.start(command, marks: false)
            let left = max(0, deadline - MonotonicClock.seconds)
            let answer = try life.pollEnd(probe, seconds: left, interrupt: interrupt)
            if answer?.isSuccess ?? false { return nil }
            // Waiting for the server's own end is the pause between two probes. Of how long it takes a tenth is not felt.
            let pause = min(0.05, max(0.002, (MonotonicClock.seconds - start) / 10))
            let ended = try life.pollEnd(daemon, seconds: pause, interrupt: interrupt)
            if let ended { return Life.Ended(unreadyServer: ended.outcome) }
            if MonotonicClock.seconds >= deadline { return Life.Ended(unreadyServer: .timedOut) }
        }
    }

    private func stop(
        _ server: WorkloadFile.Server, _ daemon: Keeper.ProgramID, in life: Life, seconds: Double
    ) throws {
        if let stop = server.stop {
            let id = try life.start(try surroundings.resolve(stop), marks: false)
            _ = try life.wait(id, seconds: seconds, interrupt: interrupt)
        } else {
            try life.terminate(daemon)
        }
        _ = try life.pollEnd(daemon, seconds: seconds, interrupt: interrupt)
    }
}
