import CFuse
import FileTree
import Glibc

import struct SystemPackage.Errno

/// What each open directory lists: its names when the listing (re)began, so that positions stay good while names come and go.
struct DirectoryListings {
    private var names: [UInt64: [(name: FileName, inode: InodeNumber)]] = [:]
    private var latest: UInt64 = 0

    /// - Returns: the handle of a listing that has not begun.
    mutating func open() -> UInt64 {
        latest += 1
        names[latest] = []
        return latest
    }

    mutating func close(_ handle: UInt64) {
        names[handle] = nil
    }

    mutating func begin(_ handle: UInt64, _ entries: [(name: FileName, inode: InodeNumber)]) {
        if names[handle] != nil { names[handle] = entries }
    }

    /// nil where no such listing is open.
    subscript(_ handle: UInt64) -> [(name: FileName, inode: InodeNumber)]? { names[handle] }
}

extension TreeService {
    func openDirectory(_ number: InodeNumber) throws(Errno) -> Reply {
        impliedSyncs.drop(by: caller.thread)
        _ = try tree.directory(number)
        addOpen(number)
        var open = fuse_open_out()
        open.fh = listings.open()
        return .opened(open)
    }

    func closeDirectory(_ node: UInt64, handle: UInt64) -> Reply {
        listings.close(handle)
        if let number = try? number(node) { release(number, opens: 1) }
        return .success
    }

    func syncDirectory(_ number: InodeNumber, dataOnly: Bool) throws(Errno) -> Reply {
        try perform(.sync(.directory(number, dataOnly: dataOnly)))
        return .success
    }

    /// Names from position `offset` on, as many as fit `length` bytes. Positions: 1 follows `.`, 2 follows `..`, then one
    /// for each name of the snapshot. A name that is gone by now is left out, or the kernel would cache it as present.
    ///
    /// - Parameter attributes: whether each name comes with its entry (READDIRPLUS), which counts as a lookup.
    func list(
        _ number: InodeNumber, handle: UInt64, offset: UInt64, length: Int, attributes: Bool
    ) throws(Errno) -> Reply {
        let directory = try tree.directory(number)
        if offset == 0 {
            try intercept(.before, .readdir) { [path(of: number)] }
            listings.begin(handle, directory.sortedEntries)
        }
        guard let names = listings[handle] else { throw .badFileDescriptor }
        var buffer = DirectoryBuffer(scratch, limit: length, hasEntries: attributes)
        var position = offset
        while position < UInt64(names.count) + 2 {
            let next = position + 1
            switch position {
            case 0: guard buffer.add(".", number, .directory, next, nil) else { break }
            case 1:
                let parent = number == .root ? .root : directory.parent
                guard buffer.add("..", parent, .directory, next, nil) else { break }
            default:
                let (name, child) = names[Int(position) - 2]
                if directory.entries[name] == child, let inode = tree[child] {
                    let entry = attributes ? entryOut(self.attributes(child, inode)) : nil
                    guard buffer.add(name, child, inode.kind, next, entry) else { break }
                    if attributes {
                        watch?.knownNames.note(child, at: DirectoryEntry(number, name))
                        addLookup(child)
                    }
                }
            }
            if buffer.isFull { break }
            position = next
        }
        return .bytes(buffer.filled)
    }
}

/// Fills memory with `fuse_dirent` or `fuse_direntplus` structures.
private struct DirectoryBuffer {
    private let memory: UnsafeMutableRawBufferPointer
    private let limit: Int
    private let hasEntries: Bool
    private var used = 0
    private(set) var isFull = false

    init(_ memory: UnsafeMutableRawBufferPointer, limit: Int, hasEntries: Bool) {
        self.memory = memory
        self.limit = min(limit, memory.count)
        self.hasEntries = hasEntries
    }

    var filled: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: memory[0..<used])
    }

    /// - Returns: false, and `isFull` from then on, when there is no room.
    mutating func add(
        _ name: FileName, _ number: InodeNumber, _ kind: FileKind, _ next: UInt64,
        _ entry: fuse_entry_out?
    ) -> Bool {
        let headerSize = MemoryLayout<fuse_dirent>.size
        let entrySize = hasEntries ? MemoryLayout<fuse_entry_out>.size : 0
        let end = (used + entrySize + headerSize + name.bytes.count + 7) & ~7
        guard end <= limit else {
            isFull = true
            return false
        }
        var cursor = memory.baseAddress! + used
        memset(cursor, 0, end - used)
        if hasEntries {
            // `.` and `..` come with an empty entry: node 0 is no lookup.
            cursor.storeBytes(of: entry ?? fuse_entry_out(), as: fuse_entry_out.self)
            cursor += entrySize
        }
        var header = fuse_dirent()
        header.ino = number.rawValue
        header.off = next
        header.namelen = UInt32(name.bytes.count)
        header.type = kind.modeBits >> 12
        cursor.storeBytes(of: header, as: fuse_dirent.self)
        name.bytes.withUnsafeBytes { (cursor + headerSize).copyMemory(from: $0) }
        used = end
        return true
    }
}

extension UnsafeMutableRawPointer {
    fileprivate func copyMemory(from bytes: UnsafeRawBufferPointer) {
        if let start = bytes.baseAddress { copyMemory(from: start, byteCount: bytes.count) }
    }
}
