import CFuse
import FileTree
import Glibc

import struct SystemPackage.Errno

/// Where a reply goes.
enum Recipient {
    /// A request that libfuse decoded.
    case decoded(fuse_req_t?)
    /// A request that libfuse does not know, to be answered on the device itself.
    case raw(device: CInt, unique: UInt64)

    func send(_ reply: Reply) {
        switch (self, reply) {
        case (.decoded(let request), .nothing): fuse_reply_none(request)
        case (.decoded(let request), .success): fuse_reply_err(request, 0)
        case (.decoded(let request), _):
            reply.withPayload {
                _ = fuse_reply_buf(
                    request, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
            }
        case (.raw(let device, let unique), _):
            reply.withPayload { Self.write(device, unique, error: 0, $0) }
        }
    }

    func send(_ payload: [UInt8]) {
        payload.withUnsafeBytes { bytes in
            switch self {
            case .decoded(let request):
                if bytes.isEmpty {
                    fuse_reply_err(request, 0)
                } else {
                    _ = fuse_reply_buf(
                        request, bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                        bytes.count)
                }
            case .raw(let device, let unique):
                Self.write(device, unique, error: 0, bytes)
            }
        }
    }

    func send(_ error: Errno) {
        switch self {
        case .decoded(let request): fuse_reply_err(request, error.rawValue)
        case .raw(let device, let unique):
            Self.write(
                device, unique, error: -error.rawValue, UnsafeRawBufferPointer(start: nil, count: 0)
            )
        }
    }

    private static func write(
        _ device: CInt, _ unique: UInt64, error: Int32, _ payload: UnsafeRawBufferPointer
    ) {
        var header = fuse_out_header()
        let headerSize = MemoryLayout<fuse_out_header>.size
        header.len = UInt32(headerSize + payload.count)
        header.error = error
        header.unique = unique
        withUnsafeMutableBytes(of: &header) { bytes in
            let parts = [
                iovec(iov_base: bytes.baseAddress, iov_len: headerSize),
                iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: payload.baseAddress),
                    iov_len: payload.count),
            ]
            // It fails when the caller was killed or the mount is gone: then nobody waits for it.
            _ = writev(device, parts, payload.isEmpty ? 1 : 2)
        }
    }
}

/// Runs a handler and answers its request: the one place where that happens, exactly once.
@inline(__always)
func respond(
    _ recipient: Recipient, _ service: TreeService, _ handle: () throws(Errno) -> Reply
) {
    let reply: Reply
    do throws(Errno) {
        reply = try handle()
    } catch {
        if !service.answerLate(recipient, .failure(error)) { recipient.send(error) }
        return
    }
    if !service.answerLate(recipient, .success(reply)) { recipient.send(reply) }
}

extension TreeService {
    /// - Returns: whether the answer is to be late, and will be given.
    @inline(__always)
    fileprivate func answerLate(_ recipient: Recipient, _ result: Result<Reply, Errno>) -> Bool {
        guard let watch, case let lateness = watch.faults.lateness, !lateness.isNone else {
            return false
        }
        watch.faults.lateness = Lateness()
        switch result {
        case .failure(let error): watch.lateAnswers.add(lateness, recipient, .failure(error))
        case .success(.nothing): return false
        case .success(let reply):
            reply.withPayload { watch.lateAnswers.add(lateness, recipient, .success(Array($0))) }
        }
        return true
    }
}

@inline(__always)
private func respond(
    _ request: fuse_req_t?, _ handle: (TreeService) throws(Errno) -> Reply
) {
    let service = Unmanaged<TreeService>.fromOpaque(fuse_req_userdata(request)!)
        .takeUnretainedValue()
    respond(.decoded(request), service) { () throws(Errno) in try handle(service) }
}

private func fileName(_ name: UnsafePointer<CChar>?) -> FileName {
    FileName(bytes: bytes(name))
}

private func bytes(_ string: UnsafePointer<CChar>?) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: string, count: string.map(strlen) ?? 0))
}

/// An offset or a length. The kernel sends none beyond 63 bits; such a value gets EINVAL instead of a trap.
private func unsigned(_ value: off_t) throws(Errno) -> UInt64 {
    guard let value = UInt64(exactly: value) else { throw .invalidArgument }
    return value
}

/// The table that libfuse calls.
///
/// Not in it on purpose: flush (its ENOSYS stops the kernel from sending a request for every close; the kernel still
/// writes dirty pages back first), access (the kernel checks permissions itself), locks (they stay the kernel's own),
/// ioctl, poll and bmap.
func makeOperations() -> fuse_lowlevel_ops {
    var table = fuse_lowlevel_ops()
    table.`init` = { _, connection in configure(&connection!.pointee) }
    addNameHandlers(&table)
    addFileHandlers(&table)
    addAttributeHandlers(&table)
    addDirectoryHandlers(&table)
    return table
}

private func configure(_ connection: inout fuse_conn_info) {
    connection.max_write = UInt32(TreeService.maximumTransfer)
    // Splicing would put requests into pipes instead of the arena; the writeback cache merges and delays writes;
    // asynchronous direct I/O ends a write after its thread has gone on. What changes a file tells the kernel, so it need
    // not guess from times that its pages are stale.
    let unwanted =
        FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE
        | FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_ASYNC_DIO | FUSE_CAP_AUTO_INVAL_DATA
        | FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS | FUSE_CAP_HANDLE_KILLPRIV
        | FUSE_CAP_POSIX_ACL | FUSE_CAP_DONT_MASK
    let wanted =
        FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_CACHE_SYMLINKS
        | FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ASYNC_READ
    connection.want &= ~UInt32(unwanted)
    connection.want |= connection.capable & UInt32(wanted)
}

private func addNameHandlers(_ table: inout fuse_lowlevel_ops) {
    table.lookup = { request, parent, name in
        respond(request) { (s) throws(Errno) in try s.lookUp(s.entry(parent, fileName(name))) }
    }
    table.forget = { request, number, count in
        respond(request) { (s) throws(Errno) in s.forget(number, count: count) }
    }
    table.forget_multi = { request, count, forgets in
        respond(request) { (s) throws(Errno) in
            for one in UnsafeBufferPointer(start: forgets, count: count) {
                _ = s.forget(one.ino, count: one.nlookup)
            }
            return .nothing
        }
    }
    table.mknod = { request, parent, name, mode, device in
        respond(request) { (s) throws(Errno) in
            guard let kind = FileKind(modeBits: mode) else { throw .invalidArgument }
            return try s.make(
                s.entry(parent, fileName(name)), kind, mode: mode,
                device: UInt32(truncatingIfNeeded: device))
        }
    }
    table.mkdir = { request, parent, name, mode in
        respond(request) { (s) throws(Errno) in
            try s.make(s.entry(parent, fileName(name)), .directory, mode: mode)
        }
    }
    table.symlink = { request, target, parent, name in
        respond(request) { (s) throws(Errno) in
            try s.symbolicLink(s.entry(parent, fileName(name)), target: bytes(target))
        }
    }
    table.link = { request, number, parent, name in
        respond(request) { (s) throws(Errno) in
            try s.link(s.number(number), at: s.entry(parent, fileName(name)))
        }
    }
    table.unlink = { request, parent, name in
        respond(request) { (s) throws(Errno) in
            try s.remove(s.entry(parent, fileName(name)), directory: false)
        }
    }
    table.rmdir = { request, parent, name in
        respond(request) { (s) throws(Errno) in
            try s.remove(s.entry(parent, fileName(name)), directory: true)
        }
    }
    table.rename = { request, parent, name, newParent, newName, flags in
        respond(request) { (s) throws(Errno) in
            try s.rename(
                s.entry(parent, fileName(name)), s.entry(newParent, fileName(newName)), flags: flags
            )
        }
    }
    table.readlink = { request, number in
        respond(request) { (s) throws(Errno) in try s.readLink(s.number(number)) }
    }
}

private func addFileHandlers(_ table: inout fuse_lowlevel_ops) {
    table.create = { request, parent, name, mode, info in
        let flags = info!.pointee.flags
        respond(request) { (s) throws(Errno) in
            try s.createAndOpen(s.entry(parent, fileName(name)), mode: mode, flags: flags)
        }
    }
    table.open = { request, number, info in
        let flags = info!.pointee.flags
        respond(request) { (s) throws(Errno) in try s.open(s.number(number), flags: flags) }
    }
    table.release = { request, number, info in
        let handle = OpenHandle(rawValue: info!.pointee.fh)
        respond(request) { (s) throws(Errno) in s.closeFile(number, handle) }
    }
    table.read = { request, number, size, offset, _ in
        respond(request) { (s) throws(Errno) in
            try s.read(s.number(number), offset: unsigned(offset), length: size)
        }
    }
    table.write = { request, number, buffer, size, offset, info in
        let bytes = UnsafeRawBufferPointer(start: buffer, count: size)
        let flags = info!.pointee.flags
        let fromMapping = info!.pointee.writepage != 0
        respond(request) { (s) throws(Errno) in
            try s.write(
                s.number(number), offset: unsigned(offset), bytes, flags: flags,
                fromMapping: fromMapping)
        }
    }
    table.fsync = { request, number, dataOnly, info in
        let handle = OpenHandle(rawValue: info!.pointee.fh)
        respond(request) { (s) throws(Errno) in
            try s.sync(s.number(number), dataOnly: dataOnly != 0, handle)
        }
    }
    table.fallocate = { request, number, mode, offset, length, info in
        let handle = OpenHandle(rawValue: info!.pointee.fh)
        respond(request) { (s) throws(Errno) in
            try s.allocate(
                s.number(number), mode: mode, offset: unsigned(offset), length: unsigned(length),
                handle)
        }
    }
    table.lseek = { request, number, offset, whence, _ in
        respond(request) { (s) throws(Errno) in
            try s.seek(s.number(number), from: Int64(offset), whence: whence)
        }
    }
    table.copy_file_range = { request, source, from, _, target, to, info, length, _ in
        let handle = OpenHandle(rawValue: info!.pointee.fh)
        respond(request) { (s) throws(Errno) in
            try s.copy(
                from: s.number(source), at: unsigned(from), to: s.number(target),
                at: unsigned(to), length: Int(clamping: UInt(bitPattern: length)), handle)
        }
    }
}

private func addAttributeHandlers(_ table: inout fuse_lowlevel_ops) {
    table.getattr = { request, number, _ in
        respond(request) { (s) throws(Errno) in try s.getAttributes(s.number(number)) }
    }
    table.setattr = { request, number, attributes, _, _ in
        let new = attributes!.pointee
        respond(request) { (s) throws(Errno) in
            // libfuse hides the flag that says whose set-ID bits to clear.
            let valid = s.requestBody(fuse_setattr_in.self).valid
            return try s.setAttributes(s.number(number), new, valid: valid)
        }
    }
    table.setxattr = { request, number, name, value, size, flags in
        respond(request) { (s) throws(Errno) in
            try s.setExtendedAttribute(
                s.number(number), fileName(name),
                Array(UnsafeRawBufferPointer(start: value, count: size)), flags: flags)
        }
    }
    table.getxattr = { request, number, name, size in
        respond(request) { (s) throws(Errno) in
            try s.getExtendedAttribute(s.number(number), fileName(name), limit: size)
        }
    }
    table.listxattr = { request, number, size in
        respond(request) { (s) throws(Errno) in
            try s.listExtendedAttributes(s.number(number), limit: size)
        }
    }
    table.removexattr = { request, number, name in
        respond(request) { (s) throws(Errno) in
            try s.removeExtendedAttribute(s.number(number), fileName(name))
        }
    }
    table.statfs = { request, _ in
        respond(request) { (s) throws(Errno) in s.statistics() }
    }
}

private func addDirectoryHandlers(_ table: inout fuse_lowlevel_ops) {
    table.opendir = { request, number, _ in
        respond(request) { (s) throws(Errno) in try s.openDirectory(s.number(number)) }
    }
    table.releasedir = { request, number, info in
        let handle = info!.pointee.fh
        respond(request) { (s) throws(Errno) in
            s.closeDirectory(number, handle: handle)
        }
    }
    table.readdir = { request, number, size, offset, info in
        let handle = info!.pointee.fh
        respond(request) { (s) throws(Errno) in
            try s.list(
                s.number(number), handle: handle, offset: unsigned(offset), length: size,
                attributes: false)
        }
    }
    table.readdirplus = { request, number, size, offset, info in
        let handle = info!.pointee.fh
        respond(request) { (s) throws(Errno) in
            try s.list(
                s.number(number), handle: handle, offset: unsigned(offset), length: size,
                attributes: true)
        }
    }
    table.fsyncdir = { request, number, dataOnly, _ in
        respond(request) { (s) throws(Errno) in
            try s.syncDirectory(s.number(number), dataOnly: dataOnly != 0)
        }
    }
}
