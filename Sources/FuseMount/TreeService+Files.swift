import CFuse
import FileTree
import Glibc
import Recording

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
            open.fh = OpenHandle(number: watch?.faults.open(number) ?? 0, flags: flags).rawValue
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
        watch?.faults.close(handle.number)
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
    ///   - bytes: part of the request.
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
        let isMapping = fromMapping || caller.thread == 0
        let isSynchronous = !isMapping && flags & O_DSYNC != 0
        let origin: WriteOrigin = isMapping ? .mapping : isSynchronous ? .synchronousCall : .call
        let killsSetIDs =
            requestBody(fuse_write_in.self).write_flags & UInt32(FUSE_WRITE_KILL_SUIDGID) != 0
        if killsSetIDs, case let inode = try tree.inode(number),
            inode.modeWithoutSetIDs != inode.mode
        {
            // The record of the changed mode takes the place of the request: its bytes must move first.
            let copy = OwnedBytes(Array(bytes))
            try dropSetIDs(number, inode, unlessRoot: false)
            let space = try space(bytes.count)
            let moved = space.place(copy.bytes.buffer)
            return .written(try write(number, offset: offset, moved, origin, in: space))
        }
        let request = takeRequest()
        let placed = request.place(bytes)
        return .written(try write(number, offset: offset, placed, origin, in: request))
    }

    /// - Parameter request: whose payload the bytes are.
    /// - Returns: how many bytes were taken.
    private func write(
        _ number: InodeNumber, offset: UInt64, _ bytes: Bytes, _ origin: WriteOrigin,
        in request: consuming ReceivedRequest
    ) throws(Errno) -> Int {
        let count = try commit(
            .operation(.write(number, offset: offset, bytes, origin)), in: request)
        if origin == .synchronousCall {
            impliedSyncs.note(offset..<offset + UInt64(count), of: number, by: caller.thread)
        } else {
            impliedSyncs.drop(by: caller.thread)
        }
        return count
    }

    private func write(_ hidden: HiddenFile, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Reply
    {
        switch hidden {
        case .mark:
            try checkChangeable()
            let request = takeRequest()
            let placed = request.place(bytes)
            try commit(.mark(placed), in: request)
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
        watch?.faults.handle = handle.number
        defer { watch?.faults.handle = 0 }
        try commit(.operation(.sync(sync)))
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
            try store(.operation(.sync(.allocation(number, dataOnly: dataOnly))))
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
        let space = try space(count)
        content.copy(sourceOffset..<sourceOffset + UInt64(count), to: space.payload)
        let dataOnly = handle.syncsDataOnly
        let written = try write(
            number, offset: offset, Bytes(start: UnsafeRawPointer(space.payload), count: count),
            dataOnly == nil ? .call : .synchronousCall, in: space)
        if let dataOnly { _ = try sync(number, dataOnly: dataOnly, handle) }
        return .written(written)
    }
}
