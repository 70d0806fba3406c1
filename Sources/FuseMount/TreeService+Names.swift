import CFuse
import FileTree
import Glibc

import struct SystemPackage.Errno

/// Requests about names: looking up, making, moving and removing them.
extension TreeService {
    func lookUp(_ entry: DirectoryEntry) throws(Errno) -> Reply {
        if let hidden = HiddenFile(entry) {
            return .entry(
                fuse_entry_out(try attributes(InodeNumber(hidden.rawValue)), node: hidden.rawValue))
        }
        guard entry.name.bytes.count <= FileName.maximumLength else { throw .fileNameTooLong }
        guard let number = try tree.directory(entry.directory).entries[entry.name] else {
            return .entry(.absent(seconds: watch?.entrySeconds ?? cacheSeconds))
        }
        watch?.knownNames.note(number, at: entry)
        return .entry(try self.entry(number))
    }

    func forget(_ node: UInt64, count: UInt64) -> Reply {
        if let number = try? number(node) { release(number, lookups: count) }
        return .nothing
    }

    func make(_ entry: DirectoryEntry, _ kind: FileKind, mode: UInt32, device: UInt32 = 0)
        throws(Errno) -> Reply
    {
        .entry(try self.entry(try create(entry, kind, mode: mode, device: UInt64(device))))
    }

    func symbolicLink(_ entry: DirectoryEntry, target: [UInt8]) throws(Errno) -> Reply {
        .entry(
            try self.entry(try create(entry, .symbolicLink, mode: 0o777, target: target)))
    }

    func createAndOpen(_ entry: DirectoryEntry, mode: UInt32, flags: Int32) throws(Errno) -> Reply {
        let number = try create(entry, .regular, mode: mode)
        return .created(try self.entry(number), openFile(number, flags: flags))
    }

    /// `O_TMPFILE`.
    func createUnnamedAndOpen(
        in directory: InodeNumber, mode: UInt32, flags: Int32
    ) throws(Errno) -> Reply {
        let number = tree.nextInode
        let new = newInode(.regular, mode: mode, in: try tree.directory(directory))
        guard borders == nil || directory != .root else { throw .readOnlyFileSystem }
        try perform(.createUnnamed(number, new))
        borders?.add(number, in: directory)
        return .created(try entry(number), openFile(number, flags: flags))
    }

    private func create(
        _ entry: DirectoryEntry, _ kind: FileKind, mode: UInt32, target: [UInt8] = [],
        device: UInt64 = 0
    ) throws(Errno) -> InodeNumber {
        try checkNotHidden(entry)
        var new = newInode(kind, mode: mode, in: try tree.directory(entry.directory))
        new.target = target
        new.device = device
        let number = tree.nextInode
        try perform(.create(number, at: entry, new))
        return number
    }

    /// A directory with the set-group-ID bit hands its group down, and to directories the bit too (inode(7)). The kernel has
    /// applied the umask.
    private func newInode(_ kind: FileKind, mode: UInt32, in directory: Inode) -> NewInode {
        var new = NewInode(kind, mode: mode & 0o7777, user: caller.user, group: caller.group)
        if directory.mode & S_ISGID != 0 {
            new.group = directory.group
            if kind == .directory { new.mode |= S_ISGID }
        }
        return new
    }

    func link(_ number: InodeNumber, at entry: DirectoryEntry) throws(Errno) -> Reply {
        try checkNotHidden(entry)
        guard HiddenFile(number) == nil else { throw .notPermitted }
        try perform(.link(number, at: entry))
        return .entry(try self.entry(number))
    }

    func remove(_ entry: DirectoryEntry, directory: Bool) throws(Errno) -> Reply {
        try checkNotHidden(entry)
        let victim = tree.lookUp(entry)
        try perform(.remove(at: entry, directory: directory))
        if let victim { dropIfUnused(victim) }
        return .success
    }

    func rename(_ from: DirectoryEntry, _ to: DirectoryEntry, flags: UInt32) throws(Errno) -> Reply
    {
        let mode: RenameMode
        switch flags {
        case 0: mode = .replace
        case 1: mode = .noReplace
        case 2: mode = .exchange
        default: throw .invalidArgument
        }
        try checkNotHidden(from)
        try checkNotHidden(to)
        let victim = tree.lookUp(to)
        try perform(.rename(from: from, to: to, mode))
        if let victim { dropIfUnused(victim) }
        return .success
    }

    func readLink(_ number: InodeNumber) throws(Errno) -> Reply {
        let inode = try tree.inode(number)
        guard inode.kind == .symbolicLink else { throw .invalidArgument }
        return .bytes(copyToScratch(inode.target))
    }

    func copyToScratch(_ bytes: [UInt8]) -> UnsafeRawBufferPointer {
        scratch.copyBytes(from: bytes)
        return UnsafeRawBufferPointer(rebasing: scratch[0..<bytes.count])
    }

    private func checkNotHidden(_ entry: DirectoryEntry) throws(Errno) {
        guard HiddenFile(entry) == nil else { throw .notPermitted }
    }
}
