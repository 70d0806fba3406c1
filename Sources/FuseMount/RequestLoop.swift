import Basics
import CFuse
import FileTree
import Glibc
import Recording
import Synchronization

import struct SystemPackage.Errno

/// Receives the requests of one mount, one after the other, on a thread of its own.
///
/// Requests are received into the recording's arena at its cursor, so that the payload of a write is where its record wants it.
final class RequestLoop: @unchecked Sendable {
    let service: TreeService
    /// Held while a request is answered, and by whoever looks at the service from another thread.
    let lock = Lock()
    private let device: CInt
    private let session: OpaquePointer
    private let stopRequested = Atomic(false)
    private let ended = Atomic(false)
    private var isDestroyed = false
    /// nil on a watched mount, where requests may wait for other reasons.
    private let dirtyPages: DirtyPages?
    /// Closed while the power is going: nothing is answered.
    let gate = Gate()
    /// What is to be done between two requests, on the loop's thread; under the lock.
    private var jobs: [() -> Void] = []
    /// Why the loop ended before the mount did; under the lock.
    private(set) var failure: String?

    /// - Parameter device: an open `/dev/fuse`, closed when the loop ends.
    init(service: TreeService, device owned: consuming Descriptor) throws(MountError) {
        let device = owned.number
        self.service = service
        self.device = device
        let looks = service.options.looksAtDirtyPages && !service.options.isWatched
        dirtyPages = looks ? DirtyPages(device: device, service) : nil
        let name = strdup("perjury")
        defer { free(name) }
        var operations = makeOperations()
        var arguments: [UnsafeMutablePointer<CChar>?] = [name, nil]
        let made = arguments.withUnsafeMutableBufferPointer { buffer in
            var list = fuse_args(argc: 1, argv: buffer.baseAddress, allocated: 0)
            return fuse_session_new(
                &list, &operations, MemoryLayout<fuse_lowlevel_ops>.size,
                Unmanaged.passUnretained(service).toOpaque())
        }
        guard let made else { throw MountError("libfuse could not make a session") }
        session = made
        var io = fuse_custom_io()
        io.read = { device, buffer, size, _ in Glibc.read(device, buffer, size) }
        io.writev = { device, parts, count, service in
            RequestLoop.send(device, parts!, count, service!)
        }
        guard fuse_session_custom_io(made, &io, device) == 0 else {
            fuse_session_destroy(made)
            throw MountError("libfuse did not take the device")
        }
        // It is closed with the session from now on.
        _ = owned.release()
        let lock = lock
        let gate = gate
        service.watch?.waitForRelease = {
            gate.close()
            lock.unlock()
            gate.wait()
            lock.lock()
        }
    }

    deinit {
        destroy()
    }

    /// Ends the session and closes the device: whoever still waits on the mount gets an error.
    private func destroy() {
        guard !isDestroyed else { return }
        isDestroyed = true
        service.watch?.lateAnswers.finish()
        fuse_session_destroy(session)
    }

    /// Sends a reply. Failures are swallowed: the caller was killed, or the mount is gone, and nobody waits.
    private static func send(
        _ device: CInt, _ parts: UnsafeMutablePointer<iovec>, _ count: Int32,
        _ userData: UnsafeMutableRawPointer
    ) -> Int {
        let service = Unmanaged<TreeService>.fromOpaque(userData).takeUnretainedValue()
        if service.offeredCapabilities != 0 && count > 1 {
            // libfuse does not know FUSE_HANDLE_KILLPRIV_V2. Without it the kernel asks for `security.capability`
            // before every single write.
            let wanted = service.offeredCapabilities & UInt32(FUSE_HANDLE_KILLPRIV_V2)
            let flags = parts[1].iov_base.assumingMemoryBound(to: fuse_init_out.self)
            flags.pointee.flags |= wanted
            service.offeredCapabilities = 0
        }
        let sent = writev(device, parts, count)
        if sent >= 0 { return sent }
        return UnsafeBufferPointer(start: parts, count: Int(count)).reduce(0) { $0 + $1.iov_len }
    }

    // MARK: Running

    func run() {
        waitForMount()
        var buffer = fuse_buf()
        while !stopRequested.load(ordering: .relaxed) {
            lock.lock()
            runJobs()
            let request = service.receiveSpace()
            lock.unlock()
            buffer.mem = request.start
            let count = fuse_session_receive_buf(session, &buffer)
            if count == -EINTR || count == -EAGAIN { continue }
            if count <= 0 {
                if count < 0 { end("receiving requests failed: \(Errno(rawValue: -count))") }
                break
            }
            gate.wait()
            lock.lock()
            answer(request, &buffer)
            lock.unlock()
        }
        destroy()
        ended.store(true, ordering: .releasing)
    }

    private func end(_ reason: String) {
        lock.lock()
        failure = reason
        lock.unlock()
    }

    /// - Parameter buffer: where the request is.
    private func answer(_ request: consuming ReceivedRequest, _ buffer: inout fuse_buf) {
        guard let dirtyPages else { return process(request, &buffer) }
        if request.header.opcode == DirtyPages.reply {
            if let look = dirtyPages.take(request, buffer.size) { process(look) }
        } else if let look = dirtyPages.look(before: request, buffer.size) {
            // It may record something already, where the request is.
            _ = consume request
            if !dirtyPages.ask(look) { process(look) }
        } else {
            process(request, &buffer)
        }
    }

    /// Processes what has waited, from where requests are received.
    private func process(_ look: DirtyPages.Look) {
        let request = service.receiveSpace()
        var buffer = fuse_buf()
        buffer.mem = request.start
        buffer.size = look.request.count
        request.start.copyMemory(from: look.request.baseAddress!, byteCount: buffer.size)
        process(request, &buffer)
    }

    private func process(_ request: consuming ReceivedRequest, _ buffer: inout fuse_buf) {
        let header = request.header
        service.begin(request)
        switch Opcode(rawValue: header.opcode) {
        case .initialise:
            service.offeredCapabilities = service.requestBody(fuse_init_in.self).flags
            fuse_session_process_buf(session, &buffer)
            service.offeredCapabilities = 0
        case .syncFilesystem:
            respond(.raw(device: device, unique: header.unique), service) { () throws(Errno) in
                try service.syncEverything()
            }
        case .createUnnamed:
            let create = service.requestBody(fuse_create_in.self)
            respond(.raw(device: device, unique: header.unique), service) { () throws(Errno) in
                try service.createUnnamedAndOpen(
                    in: service.number(header.nodeid), mode: create.mode,
                    flags: Int32(bitPattern: create.flags))
            }
        case nil:
            fuse_session_process_buf(session, &buffer)
        }
    }

    /// The requests that are not left to libfuse alone. To those that neither knows (STATX, COPY_FILE_RANGE_64) libfuse
    /// answers ENOSYS, and the kernel falls back to older ones.
    private enum Opcode: UInt32 {
        case initialise = 26
        case syncFilesystem = 50
        case createUnnamed = 51
    }

    /// Before mount(2) took the device there is nothing to receive, and nothing that could wake us.
    private func waitForMount() {
        var waits = 0
        while !stopRequested.load(ordering: .relaxed) {
            var poll = pollfd(fd: device, events: Int16(POLLIN), revents: 0)
            _ = Glibc.poll(&poll, 1, 0)
            if poll.revents & Int16(POLLERR) == 0 { return }
            usleep(waits < 500 ? 100 : 1000)
            waits += 1
        }
    }

    // MARK: Stopping

    /// Makes the loop end, whatever it waits for, and returns when it has.
    func stop(_ thread: PosixThread) {
        stopRequested.store(true, ordering: .relaxed)
        gate.open()
        // A signal that comes just before the read is lost, hence the repetition.
        while !ended.load(ordering: .acquiring) {
            thread.signal(RequestLoop.wakeSignal)
            usleep(200)
        }
        thread.join()
    }

    // MARK: Work between requests

    /// Does `job` between two requests. Only there may something be appended to the recording: at all other times the space
    /// behind it is where a request is being received.
    ///
    /// - Returns: false when the loop has ended, or ends before it came to that.
    func perform(_ thread: PosixThread, _ job: @escaping () -> Void) -> Bool {
        var isDone = false
        lock.hold {
            jobs.append {
                job()
                isDone = true
            }
        }
        // A signal that comes just before the read is lost, hence the repetition.
        var waits = 0
        while true {
            if lock.hold({ isDone }) { return true }
            if ended.load(ordering: .acquiring) {
                return lock.hold {
                    jobs = []
                    return isDone
                }
            }
            thread.signal(RequestLoop.wakeSignal)
            usleep(waits < 100 ? 20 : 500)
            waits += 1
        }
    }

    private func runJobs() {
        guard !jobs.isEmpty else { return }
        let waiting = jobs
        jobs = []
        for job in waiting { job() }
    }

    /// Interrupts the loop's read. By default this signal does nothing.
    static let wakeSignal: CInt = {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        sigaction(SIGURG, &action, nil)
        return SIGURG
    }()

    var hasEnded: Bool { ended.load(ordering: .acquiring) }
}
