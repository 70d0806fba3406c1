import CFuse
import FileTree
import Glibc

import struct SystemPackage.Errno

/// Requests about the bytes of files, and their durability.
extension TreeService {
    /// Counts an open descriptor. The page cache may keep what it knows: only this mount changes the file.
    ///
    /// - Parameter flags: of open(2).
    func openFile(_ number: InodeNumber, flags: Int32) -> fuse_open_out {
        var open = fuse_open_out()
        if HiddenFile(number) == nil {
            addOpen(number)
            open.fh = OpenHandle(number: faults?.open(number) ?? 0, flags: flags).rawValue
            open.open_flags = UInt32(FOPEN_KEEP_CACHE)
        } else {
            // Past the page cache: one write(2) is one WRITE.
            open.open_flags = UInt32(FOPEN_DIRECT_IO)
        }
        return open
    }

    func open(_ number: InodeNumber, flags: Int32) throws(Errno) -> Reply {
        impliedSyncs.drop(by: caller.thread)
        if HiddenFile(number) == nil {
            try intercept(.before, .open) { [path(of: number)] }
            let inode = try tree.inode(number)
            if flags & O_TRUNC != 0 && inode.kind == .regular {
                try dropSetIDs(number, inode, unlessRoot: true)
                try perform(.setSize(number, 0))
            }
        }
        return .opened(openFile(number, flags: flags))
    }

    func closeFile(_ node: UInt64, _ handle: OpenHandle) -> Reply {
        faults?.close(handle.number)
        if let number = try? number(node), HiddenFile(number) == nil { release(number, opens: 1) }
        return .success
    }

    func read(_ number: InodeNumber, offset: UInt64, length: Int) throws(Errno) -> Reply {
        if HiddenFile(number) != nil { return .success }
        let inode = try tree.inode(number)
        guard inode.kind == .regular else { throw .invalidArgument }
        let injection = try intercept(.before, .read) { [path(of: number)] }
        let size = inode.content.size
        guard offset < size else { return .success }
        let count = min(length, scratch.count, Int(min(size - offset, UInt64(Int.max))))
        let place = injection == .misplaced ? offset + UInt64(Block.size) : offset
        inode.content.copy(place..<place + UInt64(count), to: scratch.baseAddress!)
        if injection == .flipped { scratch[count / 2] ^= 1 }
        return .bytes(UnsafeRawBufferPointer(rebasing: scratch[0..<count]))
    }

    /// - Parameters:
    ///   - bytes: part of the request, which lies at the writer's cursor.
    ///   - flags: of the descriptor, and of pwritev2(2).
    ///   - fromMapping: the kernel writes dirty pages of a shared mapping back.
    func write(
        _ number: InodeNumber, offset: UInt64, _ bytes: UnsafeRawBufferPointer, flags: Int32,
        fromMapping: Bool
    ) throws(Errno) -> Reply {
        if let hidden = HiddenFile(number) {
            return try write(hidden, bytes)
        }
        try checkChangeable()
        let writeFlags = request.loadUnaligned(
            fromByteOffset: MemoryLayout<fuse_in_header>.size + 20, as: UInt32.self)
        if writeFlags & UInt32(FUSE_WRITE_KILL_SUIDGID) != 0 {
            let inode = try tree.inode(number)
            if inode.modeWithoutSetIDs != inode.mode {
                // The record of the changed mode takes the place of the request: its bytes must move first.
                return try writeAfterDroppingSetIDs(number, inode, offset: offset, bytes, flags)
            }
        }
        if bytes.baseAddress != UnsafeRawPointer(writer.payloadAddress) {
            memmove(writer.payloadAddress, bytes.baseAddress!, bytes.count)
        }
        let isMapping = fromMapping || caller.thread == 0
        let isSynchronous = !isMapping && flags & O_DSYNC != 0
        let origin: WriteOrigin = isMapping ? .mapping : isSynchronous ? .synchronousCall : .call
        let count = try recordWriteInPlace(number, offset: offset, length: bytes.count, origin)
        if isSynchronous {
            impliedSyncs.note(offset..<offset + UInt64(count), of: number, by: caller.thread)
        } else {
            impliedSyncs.drop(by: caller.thread)
        }
        return .written(count)
    }

    private func writeAfterDroppingSetIDs(
        _ number: InodeNumber, _ inode: Inode, offset: UInt64, _ bytes: UnsafeRawBufferPointer,
        _ flags: Int32
    ) throws(Errno) -> Reply {
        let copy = OwnedBytes(Array(bytes))
        try dropSetIDs(number, inode, unlessRoot: false)
        let isSynchronous = flags & O_DSYNC != 0
        try copyToPayload(copy.bytes)
        let count = try recordWriteInPlace(
            number, offset: offset, length: bytes.count, isSynchronous ? .synchronousCall : .call)
        if isSynchronous {
            impliedSyncs.note(offset..<offset + UInt64(count), of: number, by: caller.thread)
        }
        return .written(count)
    }

    func copyToPayload(_ bytes: Bytes) throws(Errno) {
        try reservePayload(bytes.count)
        memcpy(writer.payloadAddress, bytes.start, bytes.count)
    }

    /// Makes the writer's payload address good for `count` bytes.
    private func reservePayload(_ count: Int) throws(Errno) {
        _ = receiveSpace()
        try checkChangeable()
        precondition(count <= Self.maximumTransfer, "a payload longer than the space reserved")
    }

    private func write(_ hidden: HiddenFile, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Reply
    {
        try checkChangeable()
        switch hidden {
        case .mark:
            try intercept(.before, .mark) { [] }
            if bytes.baseAddress != UnsafeRawPointer(writer.payloadAddress) {
                memmove(writer.payloadAddress, bytes.baseAddress!, bytes.count)
            }
            writer.appendMarkInPlace(length: bytes.count, thread: caller.thread)
            markSize += UInt64(bytes.count)
            noteInjected()
            try intercept(.after, .mark) { [] }
        case .control:
            try perform(.sync(.everything))
        }
        return .written(bytes.count)
    }

    func sync(_ number: InodeNumber, dataOnly: Bool, _ handle: OpenHandle) throws(Errno) -> Reply {
        guard HiddenFile(number) == nil else { return .success }
        let range = impliedSyncs.take(of: number, by: caller.thread)
        let sync =
            range.map { Sync.range(number, $0, dataOnly: dataOnly) }
            ?? .file(number, dataOnly: dataOnly)
        try reportOwed(sync, handle.number)
        faults?.handle = handle.number
        defer { faults?.handle = 0 }
        try record(.sync(sync))
        return .success
    }

    /// syncfs(2), which the kernel sends to block-device mounts only.
    func syncEverything() throws(Errno) -> Reply {
        try perform(.sync(.everything))
        return .success
    }

    func allocate(
        _ number: InodeNumber, mode: Int32, offset: UInt64, length: UInt64, _ handle: OpenHandle
    ) throws(Errno) -> Reply {
        let allocateMode: AllocateMode
        switch mode {
        case 0: allocateMode = .extend
        case LinuxConstants.keepSize: allocateMode = .keepSize
        case LinuxConstants.punchHole | LinuxConstants.keepSize: allocateMode = .punchHole
        case LinuxConstants.zeroRange: allocateMode = .zeroRange
        case LinuxConstants.zeroRange | LinuxConstants.keepSize: allocateMode = .zeroRangeKeepSize
        default: throw .notSupported
        }
        guard HiddenFile(number) == nil else { throw .notSupported }
        let (end, overflow) = offset.addingReportingOverflow(length)
        guard !overflow else { throw .fileTooLarge }
        try dropSetIDs(number, try tree.inode(number), unlessRoot: true)
        try perform(.allocate(number, allocateMode, offset..<end))
        if let dataOnly = handle.syncsDataOnly {
            // No request asked for it, so no fault meets it.
            try recordUnasked(.sync(.allocation(number, dataOnly: dataOnly)))
        }
        return .success
    }

    func seek(_ number: InodeNumber, from offset: Int64, whence: Int32) throws(Errno) -> Reply {
        let inode = try tree.inode(number)
        guard inode.kind == .regular,
            whence == LinuxConstants.seekData || whence == LinuxConstants.seekHole
        else {
            throw .invalidArgument
        }
        guard offset >= 0, UInt64(offset) < inode.content.size,
            let found = inode.content.seek(
                data: whence == LinuxConstants.seekData, from: UInt64(offset))
        else { throw .noSuchAddressOrDevice }
        return .position(found)
    }

    /// copy_file_range(2): one write of the bytes that the source has now, and its sync where the target was opened for that.
    /// A long copy is answered in part, as read(2) may.
    func copy(
        from source: InodeNumber, at sourceOffset: UInt64, to number: InodeNumber,
        at offset: UInt64, length: Int, _ handle: OpenHandle
    ) throws(Errno) -> Reply {
        guard HiddenFile(source) == nil && HiddenFile(number) == nil else { throw .notSupported }
        let content = try tree.inode(source).content
        guard sourceOffset < content.size else { return .written(0) }
        let count = min(length, Self.maximumTransfer, Int(content.size - sourceOffset))
        try dropSetIDs(number, try tree.inode(number), unlessRoot: true)
        impliedSyncs.drop(by: caller.thread)
        try reservePayload(count)
        content.copy(sourceOffset..<sourceOffset + UInt64(count), to: writer.payloadAddress)
        guard let dataOnly = handle.syncsDataOnly else {
            return .written(
                try recordWriteInPlace(number, offset: offset, length: count, .call))
        }
        let written = try recordWriteInPlace(
            number, offset: offset, length: count, .synchronousCall)
        impliedSyncs.note(offset..<offset + UInt64(written), of: number, by: caller.thread)
        _ = try sync(number, dataOnly: dataOnly, handle)
        return .written(written)
    }
}
