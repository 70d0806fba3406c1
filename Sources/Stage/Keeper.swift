import Basics
import Glibc
import SystemPackage

/// One worker's mounts and processes, held by a small process of their own, `perjury-keeper`, in such
/// a way that the kernel removes all of them when that process, or this one, dies.
///
/// A life: `mount`, any number of `spawn` and `wait`, `killAll`, `unmount`. Then the next.
///
/// The programs see the mount at `dataDirectory` and an empty scratch directory at `runDirectory`. They
/// are in a mount namespace of the keeper, so these are the same paths for every keeper with the same
/// root, and nobody else sees anything there.
///
/// For one thread: calls wait, as long as their timeouts say, and must not come from a thread that
/// serves the mount.
package final class Keeper {
    package let dataDirectory: String
    package let runDirectory: String
    /// Of the keeper itself.
    package let processID: CInt
    /// What programs are children of, which is not the process that was started where a guard is that.
    package let parentOfPrograms: pid_t

    /// The inode number of the pid namespace of the latest program, which it sees in `/proc/self/ns/pid`; 0 before.
    package private(set) var namespaceNumber: UInt32 = 0

    private var socket: KeeperSocket?
    private var lastTag: UInt32 = 0
    private var running: Set<ProgramID> = []
    /// Of those that have started in this life.
    private(set) var processIDs: Set<pid_t> = []
    private var ended: [ProgramID: CInt] = [:]

    static let dataName = "data"

    /// Starts a keeper and waits until it has its namespaces.
    ///
    /// - Parameters:
    ///   - kind: one with namespaces.
    ///   - root: an absolute path of an existing directory, over which the keeper mounts; what is in it
    ///     is hidden from the programs.
    ///   - keeperPath: the executable; `nil` looks for it, see `executablePath()`.
    package convenience init(
        _ kind: StageKind = .root, root: String, keeperPath: String? = nil
    ) throws(KeeperError) {
        precondition(kind != .fusermount, "that takes a place")
        try self.init(keeperPath, [kind.rawValue, root], root: root, passing: []) {
            Keeper.advice(kind, root: root)
        }
    }

    /// Starts a keeper without namespaces.
    ///
    /// - Parameter tool: fusermount3.
    package convenience init(
        at place: borrowing RuntimePlace, mountingBy tool: String, keeperPath: String? = nil
    ) throws(KeeperError) {
        try self.init(
            keeperPath, [StageKind.fusermount.rawValue, place.path, tool], root: place.path,
            passing: [place.lock.number]
        ) { "" }
    }

    private init(
        _ keeperPath: String?, _ arguments: [String], root: String, passing descriptors: [CInt],
        advice: () -> String
    ) throws(KeeperError) {
        let path = if let keeperPath { keeperPath } else { try Keeper.executablePath() }
        dataDirectory = "\(root)/\(Keeper.dataName)"
        runDirectory = root + "/run"
        let process = try Keeper.launch(path, arguments, passing: descriptors)
        let socket = KeeperSocket(owning: process.socket)
        processID = process.processID
        do throws(KeeperError) {
            let hello = try socket.receive(by: KeeperDeadline(secondsFromNow: 10))
            guard case .answer(let answer) = hello, answer.kind == .hello else {
                throw KeeperError(
                    "\(path) did not start as a keeper", advice: "is PERJURY_KEEPER set to it?")
            }
            guard answer.error == 0 else {
                throw KeeperError(
                    "keeper: \(answer.text)", cause: Errno(rawValue: answer.error),
                    advice: advice())
            }
            parentOfPrograms = answer.value
        } catch {
            kill(process.processID, SIGKILL)
            ChildProcess.wait(process.processID)
            throw error
        }
        self.socket = consume socket
    }

    deinit {
        close()
    }

    // MARK: - The mount

    /// A new `/dev/fuse`, to serve and to `mount`.
    ///
    /// Opened by the keeper, since the kernel mounts only what was opened in the same user namespace. So
    /// this works with and without privileges.
    package func openDevice() throws(KeeperError) -> Descriptor {
        let answer = try call(.open, "opening /dev/fuse", by: KeeperDeadline(secondsFromNow: 10))
        guard let descriptor = answer.descriptor else {
            throw KeeperError("the keeper opened /dev/fuse and did not pass it on")
        }
        return Descriptor(owning: descriptor)
    }

    /// Mounts at `dataDirectory` what is served through `fuse`. Returns at once; the kernel's first
    /// request, INIT, comes in its own time.
    ///
    /// - Parameters:
    ///   - fuse: an open `/dev/fuse`, which stays the caller's.
    ///   - maximumRead: bytes in one READ; 0: the kernel's choice.
    ///   - firstProcessID: where the numbers begin that the programs of this life have for themselves
    ///     (getpid()); below 2: small ones, as they come. A recovery that is given another range than
    ///     the run before it cannot take a pid file from before the power loss for a living process.
    ///   - namespaceNumber: the inode number that the pid namespace of this life is to have; 0: any. Where it is not to be had
    ///     in two seconds, no program starts.
    package func mount(
        fuse: CInt, maximumRead: UInt32 = 0, firstProcessID: UInt32 = 0, namespaceNumber: UInt32 = 0
    ) throws(KeeperError) {
        ended = [:]
        processIDs = []
        var request = KeeperProtocol.Request(.mount, tag: newTag())
        request.append(maximumRead, firstProcessID, namespaceNumber)
        request.descriptors = [fuse]
        try reply(to: request, "mounting", by: KeeperDeadline(secondsFromNow: 10))
    }

    /// Detaches the mount and gives the programs of the next life an empty `runDirectory`.
    ///
    /// - Throws: also when programs live; `killAll` comes first.
    package func unmount() throws(KeeperError) {
        _ = try call(.unmount, "unmounting", by: KeeperDeadline(secondsFromNow: 10))
    }

    // MARK: - Programs

    /// Starts a program and waits until it is the program: a missing file is an error of this call.
    ///
    /// - Parameter interruptedBy: a descriptor that ends the waiting when it becomes readable.
    /// - Precondition: no program of this name is running.
    /// - Throws: `.timedOut` and `.interrupted` when the program may still start, for it waits for the
    ///   mount; its end can then be waited for, as that of a program that did start.
    package func spawn(
        _ command: Command, id: ProgramID, timeoutSeconds: Double = 30, interruptedBy: CInt? = nil
    ) throws(KeeperError) -> Spawned {
        precondition(!running.contains(id), "program \(id.rawValue) is running already")
        try Keeper.check(command)
        let request = KeeperProtocol.Request(spawning: command, id: id, tag: newTag())
        let size = request.bytes.count
        guard size <= KeeperProtocol.maximumRequest else {
            throw KeeperError(
                "starting \(command.arguments[0]): its arguments and environment are \(size) bytes",
                cause: .argListTooLong,
                advice: "at most \(KeeperProtocol.maximumRequest) bytes can be passed")
        }
        ended[id] = nil
        // From now on, whatever happens: an answer that comes too late for us is still an end to tell.
        running.insert(id)
        let deadline = KeeperDeadline(secondsFromNow: timeoutSeconds)
        let answer: KeeperProtocol.Answer
        do throws(KeeperError) {
            answer = try reply(
                to: request, "starting \(command.arguments[0])", by: deadline,
                interruptedBy: interruptedBy)
        } catch {
            if error.cause != .timedOut && error.cause != .interrupted { running.remove(id) }
            throw error
        }
        namespaceNumber = answer.id
        processIDs.insert(answer.value)
        return Spawned(
            processID: answer.value, syncSeen: answer.syncSeen,
            syncUnseenReason: command.syncControl == nil ? "" : answer.text)
    }

    /// Waits until a program ends; tells the end again when asked again in the same life.
    ///
    /// - Throws: also when no program of this name was started in this life.
    package func wait(
        _ id: ProgramID, timeoutSeconds: Double, interruptedBy: CInt? = nil
    ) throws(KeeperError) -> WaitResult {
        guard running.contains(id) || ended[id] != nil else {
            throw KeeperError("waiting for program \(id.rawValue), which was not started")
        }
        let deadline = KeeperDeadline(secondsFromNow: timeoutSeconds)
        while true {
            if let status = ended[id] { return WaitResult(waitStatus: status) }
            switch try receive(by: deadline, interruptedBy: interruptedBy) {
            case .answer, .ended: continue
            case .timedOut: return .timedOut
            case .interrupted: return .interrupted
            }
        }
    }

    /// Sends a signal to a program, but not to those it has started; nothing happens when it has ended.
    package func signal(_ id: ProgramID, _ number: CInt) throws(KeeperError) {
        var request = KeeperProtocol.Request(.signal, tag: newTag())
        request.append(id.rawValue, UInt32(number))
        do throws(KeeperError) {
            try reply(to: request, "signalling", by: KeeperDeadline(secondsFromNow: 10))
        } catch {
            guard error.cause == .noSuchProcess else { throw error }
        }
    }

    /// Kills whatever lives, and returns when nothing does. What each program ended of, `wait` tells.
    ///
    /// - Parameter whenSignalled: called when no process can execute another instruction of its own,
    ///   though some may still wait for an answer of the mount, which they then must get (any answer)
    ///   for this call to return.
    /// - Throws: `.timedOut` if processes are still there: one waits for a mount.
    package func killAll(
        timeoutSeconds: Double = 10, whenSignalled: () -> Void = {}
    ) throws(KeeperError) {
        let deadline = KeeperDeadline(secondsFromNow: timeoutSeconds)
        _ = try call(.kill, "killing all programs", by: deadline, whenSignalled: whenSignalled)
        // Those that are known to have ended are in `ended`; the rest never came to be.
        running = []
    }

    /// Ends the keeper, and with it all that is left. Further calls fail.
    package func close() {
        guard socket != nil else { return }
        socket!.endRequests()
        // Its end of the socket is closed by its death.
        let deadline = KeeperDeadline(secondsFromNow: 5)
        while let received = try? socket!.receive(by: deadline), case .answer = received {}
        socket = nil
        kill(processID, SIGKILL)
        ChildProcess.wait(processID)
    }

    // MARK: - Requests and answers

    private func newTag() -> UInt32 {
        lastTag &+= 1
        return lastTag
    }

    private func call(
        _ kind: KeeperProtocol.RequestKind, _ doing: String, by deadline: KeeperDeadline,
        whenSignalled: () -> Void = {}
    ) throws(KeeperError) -> KeeperProtocol.Answer {
        let request = KeeperProtocol.Request(kind, tag: newTag())
        return try reply(to: request, doing, by: deadline, whenSignalled: whenSignalled)
    }

    @discardableResult
    private func reply(
        to request: KeeperProtocol.Request, _ doing: String, by deadline: KeeperDeadline,
        interruptedBy: CInt? = nil, whenSignalled: () -> Void = {}
    ) throws(KeeperError) -> KeeperProtocol.Answer {
        // The request was numbered just before, and only one is under way.
        let tag = lastTag
        guard socket != nil else { throw KeeperError("\(doing): the keeper has been closed") }
        try socket!.send(request)
        while true {
            switch try receive(by: deadline, interruptedBy: interruptedBy) {
            case .answer(let answer) where answer.tag == tag && answer.kind == .signalled:
                whenSignalled()
            case .answer(let answer) where answer.tag == tag && answer.kind == .reply:
                guard answer.error == 0 else {
                    throw KeeperError(
                        "\(doing): \(answer.text)", cause: Errno(rawValue: answer.error))
                }
                return answer
            case .answer, .ended:
                continue  // the end of a program; a reply that came after its timeout
            case .interrupted:
                throw KeeperError("\(doing): interrupted", cause: .interrupted)
            case .timedOut:
                throw KeeperError("\(doing): no answer in time", cause: .timedOut)
            }
        }
    }

    /// Receives one answer, noting which program it says has ended.
    private func receive(
        by deadline: KeeperDeadline, interruptedBy: CInt? = nil
    ) throws(KeeperError) -> KeeperSocket.Received {
        guard socket != nil else { throw KeeperError("the keeper has been closed") }
        let received = try socket!.receive(by: deadline, interruptedBy: interruptedBy)
        switch received {
        case .answer(let answer) where answer.kind == .exit:
            let id = ProgramID(answer.id)
            running.remove(id)
            ended[id] = answer.value
        case .answer(let answer) where answer.kind == .failed:
            throw KeeperError(
                "the keeper gave up: \(answer.text)", cause: Errno(rawValue: answer.error))
        case .ended:
            throw KeeperError("the keeper (pid \(processID)) ended unexpectedly")
        case .answer, .timedOut, .interrupted:
            break
        }
        return received
    }
}
