import CFuse
import FileTree
import Glibc

import struct SystemPackage.Errno

/// Requests about attributes: of inodes, extended ones, and the filesystem's.
extension TreeService {
    func getAttributes(_ number: InodeNumber) throws(Errno) -> Reply {
        .attributes(fuse_attr_out(try attributes(number)))
    }

    /// chmod, chown, utimens, truncate.
    ///
    /// - Parameter valid: which fields of `new` count (`FATTR_…`), as the kernel sent it.
    func setAttributes(_ number: InodeNumber, _ new: stat, valid: UInt32) throws(Errno) -> Reply {
        guard HiddenFile(number) == nil else { return try getAttributes(number) }
        let inode = try tree.inode(number)
        if valid & UInt32(FATTR_SIZE) != 0 {
            guard let size = UInt64(exactly: new.st_size) else { throw .fileTooLarge }
            try perform(.setSize(number, size))
        }
        let change = attributeChange(inode, new, valid)
        if change != AttributeChange() { try perform(.setAttributes(number, change)) }
        return try getAttributes(number)
    }

    private func attributeChange(_ inode: Inode, _ new: stat, _ valid: UInt32) -> AttributeChange {
        func has(_ flag: Int32) -> Bool { valid & UInt32(flag) != 0 }
        var change = AttributeChange()
        if has(FATTR_MODE) { change.mode = new.st_mode & 0o7777 }
        if has(FATTR_UID) { change.user = new.st_uid }
        if has(FATTR_GID) { change.group = new.st_gid }
        // We asked for FUSE_HANDLE_KILLPRIV_V2: with a chown or truncate, set-ID bits are ours to clear.
        let changesOwner = (has(FATTR_UID) || has(FATTR_GID)) && inode.kind != .directory
        if changesOwner || has(FATTR_KILL_SUIDGID), change.mode == nil,
            inode.modeWithoutSetIDs != inode.mode
        {
            change.mode = inode.modeWithoutSetIDs
        }
        let now = Timestamp.now
        if has(FATTR_ATIME) {
            change.accessedIsSet = !has(FATTR_ATIME_NOW)
            change.accessed = change.accessedIsSet ? Timestamp(new.st_atim) : now
        }
        // With a new size the kernel asks for the current time too: that is no time a program set.
        if has(FATTR_MTIME), !(has(FATTR_SIZE) && has(FATTR_MTIME_NOW)) {
            change.modifiedIsSet = !has(FATTR_MTIME_NOW)
            change.modified = change.modifiedIsSet ? Timestamp(new.st_mtim) : now
        }
        return change
    }

    /// Clears the set-ID bits of a file that is about to be written to, as an operation of its own.
    ///
    /// - Parameter unlessRoot: where the kernel does not say whether the caller may keep them, user 0 may.
    func dropSetIDs(_ number: InodeNumber, _ inode: Inode, unlessRoot: Bool) throws(Errno) {
        guard !(unlessRoot && caller.user == 0), inode.kind == .regular,
            inode.modeWithoutSetIDs != inode.mode
        else { return }
        try perform(.setAttributes(number, AttributeChange(mode: inode.modeWithoutSetIDs)))
    }

    // MARK: Extended attributes

    /// - Parameter flags: `XATTR_CREATE`, `XATTR_REPLACE` or 0.
    func setExtendedAttribute(
        _ number: InodeNumber, _ name: FileName, _ value: [UInt8], flags: Int32
    ) throws(Errno) -> Reply {
        guard HiddenFile(number) == nil else { throw .notPermitted }
        try checkNamespace(name)
        let exists = try tree.inode(number).extendedAttributes[name] != nil
        if flags & LinuxConstants.createAttribute != 0 && exists { throw .fileExists }
        if flags & LinuxConstants.replaceAttribute != 0 && !exists { throw .noData }
        try perform(.setExtendedAttribute(number, name: name, value: value))
        return .success
    }

    /// - Parameter limit: of the caller's buffer, in bytes; 0 asks for the length only.
    func getExtendedAttribute(_ number: InodeNumber, _ name: FileName, limit: Int)
        throws(Errno) -> Reply
    {
        guard HiddenFile(number) == nil else { throw .noData }
        guard let value = try tree.inode(number).extendedAttributes[name] else {
            try checkNamespace(name)
            throw .noData
        }
        return try limited(value, limit)
    }

    func listExtendedAttributes(_ number: InodeNumber, limit: Int) throws(Errno) -> Reply {
        guard HiddenFile(number) == nil else { return limit == 0 ? .size(0) : .success }
        var names = try tree.inode(number).extendedAttributes.keys.sorted()
        if caller.user != 0 { names.removeAll { $0.bytes.starts(with: "trusted.".utf8) } }
        return try limited(names.flatMap { $0.bytes + [0] }, limit)
    }

    func removeExtendedAttribute(_ number: InodeNumber, _ name: FileName) throws(Errno) -> Reply {
        guard HiddenFile(number) == nil else { throw .notPermitted }
        try checkNamespace(name)
        try perform(.setExtendedAttribute(number, name: name, value: nil))
        return .success
    }

    private func limited(_ bytes: [UInt8], _ limit: Int) throws(Errno) -> Reply {
        if limit == 0 { return .size(bytes.count) }
        guard bytes.count <= limit else { throw .outOfRange }
        return .bytes(copyToScratch(bytes))
    }

    /// Only what is plain storage. Access control lists (`system.posix_acl_…`) would have to be obeyed, not just kept.
    private func checkNamespace(_ name: FileName) throws(Errno) {
        for prefix in ["user.", "security.", "trusted."]
        where name.bytes.starts(with: prefix.utf8) {
            guard name.bytes.count > prefix.utf8.count else { throw .invalidArgument }
            return
        }
        throw .notSupported
    }

    // MARK: The filesystem

    func statistics() -> Reply {
        var result = fuse_kstatfs()
        let unit = UInt64(Block.size)
        result.blocks = options.totalBytes / unit
        result.bfree = options.freeBytes / unit
        result.bavail = options.freeBytes / unit
        result.files = 1 << 22
        result.ffree = 1 << 21
        result.bsize = UInt32(Block.size)
        result.frsize = UInt32(Block.size)
        result.namelen = UInt32(FileName.maximumLength)
        return .statistics(result)
    }
}

extension Inode {
    /// Its mode as a write or a chown leaves it: set-user-ID goes; set-group-ID goes where the group may execute, else it
    /// is no privilege (but a mark for mandatory locks).
    var modeWithoutSetIDs: UInt32 {
        var mode = mode & ~S_ISUID
        if mode & S_IXGRP != 0 { mode &= ~S_ISGID }
        return mode
    }
}
