import CFuse
import FileTree
import Glibc

/// What a handler answers. Errors are thrown.
enum Reply {
    /// The kernel expects no answer (FORGET).
    case nothing
    case success
    case entry(fuse_entry_out)
    case attributes(fuse_attr_out)
    case opened(fuse_open_out)
    case created(fuse_entry_out, fuse_open_out)
    case written(Int)
    /// The bytes must stay good until the reply is sent.
    case bytes(UnsafeRawBufferPointer)
    /// Of an extended attribute, whose bytes were not asked for.
    case size(Int)
    case position(UInt64)
    case statistics(fuse_kstatfs)

    /// Calls `body` with the bytes that follow the reply's header.
    func withPayload(_ body: (UnsafeRawBufferPointer) -> Void) {
        switch self {
        case .nothing, .success: body(UnsafeRawBufferPointer(start: nil, count: 0))
        case .entry(let entry): withUnsafeBytes(of: entry, body)
        case .attributes(let attributes): withUnsafeBytes(of: attributes, body)
        case .opened(let open): withUnsafeBytes(of: open, body)
        case .created(let entry, let open):
            withUnsafeBytes(of: Created(entry: entry, open: open), body)
        case .written(let count):
            withUnsafeBytes(of: fuse_write_out(size: UInt32(count), padding: 0), body)
        case .bytes(let bytes): body(bytes)
        case .size(let size):
            withUnsafeBytes(of: fuse_getxattr_out(size: UInt32(size), padding: 0), body)
        case .position(let offset): withUnsafeBytes(of: fuse_lseek_out(offset: offset), body)
        case .statistics(let statistics):
            withUnsafeBytes(of: fuse_statfs_out(st: statistics), body)
        }
    }

    private struct Created {
        let entry: fuse_entry_out
        let open: fuse_open_out
    }
}

/// How long the kernel may keep names and attributes, in seconds: only the mount itself changes them.
let cacheSeconds: UInt64 = 3600

extension fuse_entry_out {
    /// The entry of an inode that the kernel now knows once more.
    ///
    /// - Parameters:
    ///   - node: by what number the kernel is to call it.
    ///   - seconds: how long the kernel may keep the name.
    init(_ attributes: fuse_attr, node: UInt64, seconds: UInt64 = cacheSeconds) {
        self.init()
        nodeid = node
        entry_valid = seconds
        attr_valid = cacheSeconds
        attr = attributes
    }

    /// "There is no such name": the kernel may keep that too.
    static func absent(seconds: UInt64) -> fuse_entry_out {
        var entry = fuse_entry_out()
        entry.entry_valid = seconds
        return entry
    }
}

extension fuse_attr_out {
    init(_ attributes: fuse_attr) {
        self.init()
        attr_valid = cacheSeconds
        attr = attributes
    }
}

extension fuse_attr {
    init(_ number: InodeNumber, _ inode: Inode) {
        self.init()
        ino = number.rawValue
        size = inode.size
        blocks = inode.sectorCount
        (atime, atimensec) = inode.accessed.parts
        (mtime, mtimensec) = inode.modified.parts
        (ctime, ctimensec) = inode.changed.parts
        mode = inode.kind.modeBits | inode.mode
        // A removed directory that somebody holds open has no links, not even its own `.`.
        let isGone = inode.nameCount == 0 && number != .root
        nlink = isGone ? 0 : inode.linkCount
        uid = inode.user
        gid = inode.group
        rdev = UInt32(truncatingIfNeeded: inode.device)
        blksize = UInt32(Block.size)
    }
}

extension Inode {
    /// `st_blocks`: units of 512 bytes.
    fileprivate var sectorCount: UInt64 {
        switch kind {
        case .regular: content.allocatedBlocks * UInt64(Block.size / 512)
        case .directory: UInt64(Block.size / 512)
        default: 0
        }
    }
}

extension FileKind {
    /// The file type bits of `st_mode`.
    var modeBits: UInt32 {
        switch self {
        case .regular: S_IFREG
        case .directory: S_IFDIR
        case .symbolicLink: S_IFLNK
        case .fifo: S_IFIFO
        case .socket: S_IFSOCK
        case .characterDevice: S_IFCHR
        case .blockDevice: S_IFBLK
        }
    }

    /// - Returns: nil when the type bits name no kind that mknod(2) makes.
    init?(modeBits mode: UInt32) {
        switch mode & S_IFMT {
        case S_IFREG, 0: self = .regular
        case S_IFIFO: self = .fifo
        case S_IFSOCK: self = .socket
        case S_IFCHR: self = .characterDevice
        case S_IFBLK: self = .blockDevice
        default: return nil
        }
    }
}

extension Timestamp {
    /// Seconds as the protocol carries them (the bits of a signed number), and nanoseconds within the second.
    fileprivate var parts: (UInt64, UInt32) {
        let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let borrow: Int64 = remainder < 0 ? 1 : 0
        return (
            UInt64(bitPattern: quotient - borrow), UInt32(remainder + borrow * 1_000_000_000)
        )
    }

    /// Clamped to what 64 bits of nanoseconds reach.
    init(_ time: timespec) {
        let (product, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, more) = product.addingReportingOverflow(Int64(time.tv_nsec))
        let limit: Int64 = time.tv_sec < 0 ? .min : .max
        self.init(nanoseconds: overflow || more ? limit : sum)
    }

    /// The wall clock: file times are for people and for the program under test, no choice of ours depends on them.
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(time)
    }
}
