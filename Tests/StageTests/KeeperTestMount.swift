import CFuse
import Glibc
import Synchronization

/// A filesystem of three files, just enough to see what a keeper does with a mount: each write is kept as a
/// line of a log, and it can be frozen, which leaves writes without an answer.
final class KeeperTestMount: @unchecked Sendable {
    /// Inode numbers are 2 and up, in this order.
    static let names = ["out", "control", "data"]

    struct State {
        /// "NAME: what was written", in the order of arrival.
        var log: [String] = []
        var contents = [[UInt8]](repeating: [], count: KeeperTestMount.names.count)
        var frozen = false
        var holdsOpens = false
        var held: [UInt] = []
    }

    let device: CInt
    /// User and group of all files. A keeper's user namespace knows one user only, and nobody may write
    /// to a file whose owner it does not know.
    let owner: UInt32
    let state = Mutex(State())
    private let heldEvent = Pipe()
    private let endedEvent = Pipe()
    private var thread = pthread_t()

    /// - Parameter device: a `/dev/fuse` that is mounted (read before that, it says EPERM); now owned by
    ///   this object.
    init(device: CInt, owner: UInt32 = 0) {
        self.device = device
        self.owner = owner
        let context = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                let mount = Unmanaged<KeeperTestMount>.fromOpaque(context!).takeRetainedValue()
                mount.serve()
                return nil
            }, context)
    }

    /// Waits until the kernel has let go of the mount (ENODEV). Call it once, after which the device is
    /// closed.
    func ends(withinSeconds seconds: Double) -> Bool {
        let ended = endedEvent.isReadable(withinSeconds: seconds)
        if ended { pthread_join(thread, nil) }
        return ended
    }

    /// Becomes readable when something is held.
    var heldDescriptor: CInt { heldEvent.readEnd }

    /// Waits until a write is held by `freeze`.
    func holds(withinSeconds seconds: Double) -> Bool {
        heldEvent.isReadable(withinSeconds: seconds)
    }

    var log: [String] { state.withLock { $0.log } }

    func text(of name: String) -> String {
        let index = KeeperTestMount.names.firstIndex(of: name)!
        return state.withLock { String(decoding: $0.contents[index], as: UTF8.self) }
    }

    func freeze() {
        state.withLock { $0.frozen = true }
    }

    /// Answers EIO to what is held, and to all later writes.
    func releaseHeld() {
        let held = state.withLock { state in
            defer { state.held = [] }
            return state.held
        }
        for request in held { fuse_reply_err(OpaquePointer(bitPattern: request), EIO) }
    }

    // MARK: - Serving

    private func serve() {
        var operations = fuse_lowlevel_ops()
        operations.lookup = { request, parent, name in
            guard let index = KeeperTestMount.names.firstIndex(of: String(cString: name!)) else {
                fuse_reply_err(request, ENOENT)
                return
            }
            var entry = fuse_entry_param()
            entry.ino = fuse_ino_t(index + 2)
            entry.attr = KeeperTestMount.of(request).attributes(of: entry.ino)
            fuse_reply_entry(request, &entry)
        }
        operations.getattr = { request, inode, _ in
            var attributes = KeeperTestMount.of(request).attributes(of: inode)
            fuse_reply_attr(request, &attributes, 0)
        }
        operations.setattr = { request, inode, _, _, _ in
            var attributes = KeeperTestMount.of(request).attributes(of: inode)
            fuse_reply_attr(request, &attributes, 0)
        }
        operations.open = { request, inode, info in
            guard !KeeperTestMount.of(request).holdsOpen(request!) else { return }
            // The data file keeps its page cache, for mmap.
            info!.pointee.direct_io = inode == 4 ? 0 : 1
            fuse_reply_open(request, info)
        }
        operations.read = { request, inode, size, offset, _ in
            let content = KeeperTestMount.of(request).state.withLock { $0.contents[Int(inode) - 2] }
            let part = content.dropFirst(Int(offset)).prefix(size)
            part.withContiguousStorageIfAvailable {
                $0.withMemoryRebound(to: CChar.self) {
                    _ = fuse_reply_buf(request, $0.baseAddress, $0.count)
                }
            }
        }
        operations.write = { request, inode, bytes, size, offset, _ in
            let written = UnsafeRawBufferPointer(start: bytes, count: size)
            KeeperTestMount.of(request).write(written, at: Int(offset), to: inode, request!)
        }

        var arguments = [strdup("keeper-test"), nil]
        defer { free(arguments[0]) }
        var session: OpaquePointer?
        arguments.withUnsafeMutableBufferPointer { buffer in
            var arguments = fuse_args(argc: 1, argv: buffer.baseAddress, allocated: 0)
            session = fuse_session_new(
                &arguments, &operations, MemoryLayout<fuse_lowlevel_ops>.size,
                Unmanaged.passUnretained(self).toOpaque())
        }
        fuse_session_mount(session, "/dev/fd/\(device)")
        var buffer = fuse_buf()
        while fuse_session_exited(session) == 0 {
            let count = fuse_session_receive_buf(session, &buffer)
            if count == -EINTR { continue }
            if count <= 0 { break }
            fuse_session_process_buf(session, &buffer)
        }
        free(buffer.mem)
        fuse_session_destroy(session)
        endedEvent.signal()
    }

    private func holdsOpen(_ request: OpaquePointer) -> Bool {
        let holds = state.withLock { state in
            if state.holdsOpens { state.held.append(UInt(bitPattern: request)) }
            return state.holdsOpens
        }
        if holds { heldEvent.signal() }
        return holds
    }

    private static func of(_ request: OpaquePointer?) -> KeeperTestMount {
        Unmanaged.fromOpaque(fuse_req_userdata(request)!).takeUnretainedValue()
    }

    private func attributes(of inode: fuse_ino_t) -> stat {
        var attributes = stat()
        attributes.st_ino = UInt(inode)
        attributes.st_nlink = 1
        attributes.st_uid = owner
        attributes.st_gid = owner
        attributes.st_mode = inode == 1 ? S_IFDIR | 0o755 : S_IFREG | 0o666
        if inode > 1 {
            attributes.st_size = state.withLock { $0.contents[Int(inode) - 2].count }
        }
        return attributes
    }

    private func write(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, to inode: fuse_ino_t,
        _ request: OpaquePointer
    ) {
        let index = Int(inode) - 2
        let held = state.withLock { state in
            if state.frozen {
                state.held.append(UInt(bitPattern: request))
                return true
            }
            let text = String(decoding: bytes.prefix { $0 != 0 && $0 != 10 }, as: UTF8.self)
            state.log.append("\(KeeperTestMount.names[index]): \(text)")
            let missing = offset + bytes.count - state.contents[index].count
            if missing > 0 { state.contents[index] += [UInt8](repeating: 0, count: missing) }
            state.contents[index].replaceSubrange(offset..<offset + bytes.count, with: bytes)
            return false
        }
        if held {
            heldEvent.signal()
        } else {
            fuse_reply_write(request, bytes.count)
        }
    }
}

/// Two connected descriptors that programs do not inherit; also an event that stays, once signalled.
final class Pipe: Sendable {
    let readEnd: CInt
    let writeEnd: CInt

    init(type: __socket_type = SOCK_STREAM) {
        var ends: [CInt] = [-1, -1]
        socketpair(AF_UNIX, CInt(type.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// What comes in one read.
    func read() -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = max(0, Glibc.read(readEnd, &bytes, bytes.count))
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    func signal() {
        var byte: UInt8 = 1
        _ = Glibc.write(writeEnd, &byte, 1)
    }

    func isReadable(withinSeconds seconds: Double) -> Bool {
        var events = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        return poll(&events, 1, CInt(seconds * 1000)) == 1
    }
}
