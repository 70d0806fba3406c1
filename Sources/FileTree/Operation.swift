/// What a program asked of the filesystem and got: one successful request that changes the tree, or promises that
/// earlier changes are durable.
///
/// Reads are no operations. A failed request changes nothing and is none.
package enum Operation: Equatable, Sendable {
    /// A new object under a new name: create, mkdir, symlink, mknod.
    case create(InodeNumber, at: DirectoryEntry, NewInode)
    /// A new file without a name (`O_TMPFILE`).
    case createUnnamed(InodeNumber, NewInode)
    /// One more name for an existing file.
    case link(InodeNumber, at: DirectoryEntry)
    /// A name goes: unlink, or rmdir of an empty directory.
    case remove(at: DirectoryEntry, directory: Bool)
    case rename(from: DirectoryEntry, to: DirectoryEntry, RenameMode)
    /// `bytes` at `offset`. `origin` tells whose thread wrote.
    case write(InodeNumber, offset: UInt64, Bytes, WriteOrigin)
    /// truncate, ftruncate, open with `O_TRUNC`.
    case setSize(InodeNumber, UInt64)
    case allocate(InodeNumber, AllocateMode, Range<UInt64>)
    case setAttributes(InodeNumber, AttributeChange)
    /// An extended attribute set (`value`) or removed (nil).
    case setExtendedAttribute(InodeNumber, name: FileName, value: [UInt8]?)
    case sync(Sync)
}

/// How a write reached the filesystem.
package enum WriteOrigin: UInt8, Sendable {
    /// A thread called write, pwrite, copy_file_range or their like.
    case call = 0
    /// The kernel wrote dirty pages of a shared mapping back. The store itself may have been made any time before.
    case mapping = 1
    /// As `call`, on a descriptor (or with a flag) that asks for O_DSYNC or O_SYNC: a ranged sync follows.
    case synchronousCall = 2
    /// Nobody wrote yet: a dirty page of a shared mapping, as it was seen in the page cache. The kernel may write it at any
    /// moment from now on, or leave it until `mapping` tells that it did.
    case dirtyPage = 3
}

/// rename(2) and its flags.
package enum RenameMode: UInt8, Sendable {
    case replace = 0
    /// `RENAME_NOREPLACE`: fails with EEXIST when the new name is taken.
    case noReplace = 1
    /// `RENAME_EXCHANGE`: both names stay and change their objects.
    case exchange = 2
}

/// fallocate(2) and its flags.
package enum AllocateMode: UInt8, Sendable {
    /// Mode 0: space is reserved, and the file grows to the end of the range.
    case extend = 0
    /// `FALLOC_FL_KEEP_SIZE`: space only, nothing that can be seen.
    case keepSize = 1
    /// `FALLOC_FL_PUNCH_HOLE` (always with KEEP_SIZE): the range reads zero.
    case punchHole = 2
    /// `FALLOC_FL_ZERO_RANGE`: the range reads zero, and the file grows to its end.
    case zeroRange = 3
    /// `FALLOC_FL_ZERO_RANGE` with KEEP_SIZE.
    case zeroRangeKeepSize = 4
}

/// Which earlier changes a program asked to be made durable.
package enum Sync: Hashable, Sendable {
    /// fsync, or fdatasync when `dataOnly`; msync(MS_SYNC) arrives as the latter.
    case file(InodeNumber, dataOnly: Bool)
    /// The implied sync of one O_DSYNC (`dataOnly`) or O_SYNC write: that write's range only.
    case range(InodeNumber, Range<UInt64>, dataOnly: Bool)
    case directory(InodeNumber, dataOnly: Bool)
    /// What some filesystems do at the end of an fallocate(2) on an O_DSYNC (`dataOnly`) or O_SYNC descriptor: store what it
    /// changed, the allocation that is the record before.
    case allocation(InodeNumber, dataOnly: Bool)
    /// sync(2) or syncfs(2).
    case everything
}

package enum FileKind: UInt8, Sendable {
    case regular = 0
    case directory = 1
    case symbolicLink = 2
    case fifo = 3
    case socket = 4
    case characterDevice = 5
    case blockDevice = 6
}

/// What is born together with an inode.
package struct NewInode: Equatable, Sendable {
    package var kind: FileKind
    /// Permission bits, set-id bits and the sticky bit; no file type.
    package var mode: UInt32
    package var user: UInt32
    package var group: UInt32
    /// The text of a symbolic link; else empty.
    package var target: [UInt8]
    /// The device number of a device file; else 0.
    package var device: UInt64

    package init(
        _ kind: FileKind, mode: UInt32 = 0o644, user: UInt32 = 0, group: UInt32 = 0,
        target: [UInt8] = [], device: UInt64 = 0
    ) {
        self.kind = kind
        self.mode = mode
        self.user = user
        self.group = group
        self.target = target
        self.device = device
    }

    package static let file = NewInode(.regular)
    package static let directory = NewInode(.directory, mode: 0o755)
}

/// A moment in nanoseconds since 1970, as far as 64 bits reach.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// The time that objects of a crash state bear unless a program set another: 2020-01-01 UTC. One time for all, so that
    /// no recovery can depend on when the harness ran.
    package static let ofCrashStates = Timestamp(nanoseconds: 1_577_836_800_000_000_000)

    package static func < (a: Timestamp, b: Timestamp) -> Bool {
        a.nanoseconds < b.nanoseconds
    }
}

/// chmod, chown, utimens in one: a field that is nil stays as it is.
package struct AttributeChange: Hashable, Sendable {
    package var mode: UInt32?
    package var user: UInt32?
    package var group: UInt32?
    package var accessed: Timestamp?
    package var modified: Timestamp?
    /// Whether a program chose the time; else it is the clock's (`UTIME_NOW`).
    package var accessedIsSet: Bool
    package var modifiedIsSet: Bool

    package init(
        mode: UInt32? = nil, user: UInt32? = nil, group: UInt32? = nil,
        accessed: Timestamp? = nil, modified: Timestamp? = nil, accessedIsSet: Bool = false,
        modifiedIsSet: Bool = false
    ) {
        self.mode = mode
        self.user = user
        self.group = group
        self.accessed = accessed
        self.modified = modified
        self.accessedIsSet = accessedIsSet
        self.modifiedIsSet = modifiedIsSet
    }
}
