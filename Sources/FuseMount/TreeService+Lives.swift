import CFuse
import FileTree
import Recording

import struct SystemPackage.Errno

/// How the kernel's numbers are told from those of the tree, on a mount that outlives power losses.
///
/// The kernel's number of a directory is its inode number, in every life. That of anything else bears the life in which the
/// kernel learnt of it, so that a descriptor from before a power loss gets ESTALE and never another file.
extension TreeService {
    private static let lifeShift: UInt64 = 40
    /// Inode numbers of a watched mount are below this.
    static let inodeLimit: UInt64 = 1 << lifeShift

    private var life: UInt64 { watch?.life ?? 0 }

    func node(_ number: InodeNumber, isDirectory: Bool) -> UInt64 {
        isDirectory || life == 0 ? number.rawValue : life << Self.lifeShift | number.rawValue
    }

    /// - Throws: ESTALE when it is of an earlier life.
    func number(_ node: UInt64) throws(Errno) -> InodeNumber {
        guard life > 0, HiddenFile(InodeNumber(node)) == nil else { return InodeNumber(node) }
        let number = InodeNumber(node & (Self.inodeLimit - 1))
        switch node >> Self.lifeShift {
        case 0: guard tree[number]?.kind == .directory else { throw .staleNFSFileHandle }
        case life: break
        default: throw .staleNFSFileHandle
        }
        return number
    }

    func entry(_ parent: UInt64, _ name: FileName) throws(Errno) -> DirectoryEntry {
        DirectoryEntry(try number(parent), name)
    }

    /// Everything that the kernel may know something of.
    var knownNodes: [UInt64] {
        [InodeNumber.root.rawValue]
            + nodes.keys.filter { $0 != .root }.map {
                node($0, isDirectory: tree[$0]?.kind == .directory)
            }
    }
}

/// Asking the interceptor.
extension TreeService {
    func path(of number: InodeNumber) -> String { watch?.knownNames.path(of: number) ?? "" }

    func path(of entry: DirectoryEntry) -> String {
        let parent = path(of: entry.directory)
        return parent.isEmpty ? "\(entry.name)" : "\(parent)/\(entry.name)"
    }

    /// - Parameter request: what `event` is to be recorded in; nil when a fault is recorded in its place.
    @inline(__always)
    @discardableResult
    func intercept(
        _ moment: Interception.Moment, _ event: Record.Event, _ request: inout ReceivedRequest?
    ) throws(Errno) -> Injection {
        guard watch != nil else { return .none }
        guard case .operation(let operation) = event else {
            return try intercept(moment, .mark, sync: nil, &request) { [] }
        }
        var sync: Sync?
        if case .sync(let asked) = operation { sync = asked }
        return try intercept(moment, OperationKind(operation), sync: sync, &request) {
            paths(of: operation)
        }
    }

    /// For a request of which nothing is recorded.
    @inline(__always)
    @discardableResult
    func intercept(
        _ moment: Interception.Moment, _ kind: OperationKind, _ paths: () -> [String]
    ) throws(Errno) -> Injection {
        guard watch != nil else { return .none }
        var none: ReceivedRequest?
        return try intercept(moment, kind, sync: nil, &none, paths)
    }

    private func paths(of operation: Operation) -> [String] {
        switch operation {
        case .create(_, let entry, _), .link(_, let entry), .remove(let entry, _):
            [path(of: entry)]
        case .rename(let from, let to, _): [path(of: from), path(of: to)]
        case .createUnnamed, .sync(.everything): []
        case .write(let number, _, _, _), .setSize(let number, _), .allocate(let number, _, _),
            .setAttributes(let number, _), .setExtendedAttribute(let number, _, _),
            .sync(.file(let number, _)), .sync(.range(let number, _, _)),
            .sync(.directory(let number, _)), .sync(.allocation(let number, _)):
            [path(of: number)]
        }
    }

    private func intercept(
        _ moment: Interception.Moment, _ kind: OperationKind, sync: Sync?,
        _ request: inout ReceivedRequest?, _ paths: () -> [String]
    ) throws(Errno) -> Injection {
        guard let watch, let interceptor = watch.interceptor, !isFrozen else { return .none }
        let names = paths()
        let verdict = interceptor(Interception(moment, kind, names, self))
        switch verdict {
        case .proceed: return .none
        case .fault(let effect): return try inject(effect, kind, names, sync, &request)
        case .hold:
            isFrozen = true
            watch.waitForRelease()
            throw .ioError
        case .exchange(let next):
            exchange(next)
            throw .ioError
        }
    }
}

/// The name by which each inode was last known: inodes know their names no more than on a disk.
struct KnownNames {
    private var entries: [InodeNumber: DirectoryEntry] = [:]

    mutating func note(_ number: InodeNumber, at entry: DirectoryEntry) {
        entries[number] = entry
    }

    mutating func follow(_ operation: Operation, in tree: FileTree) {
        switch operation {
        case .create(let number, let entry, _), .link(let number, let entry):
            note(number, at: entry)
        case .rename(let from, let to, let mode):
            if let moved = tree.lookUp(to) { note(moved, at: to) }
            if mode == .exchange, let other = tree.lookUp(from) { note(other, at: from) }
        default: break
        }
    }

    mutating func forget(_ number: InodeNumber) {
        entries[number] = nil
    }

    mutating func keepOnly(_ isKept: (InodeNumber) -> Bool) {
        entries = entries.filter { isKept($0.key) }
    }

    /// Below the root, which is the empty path.
    func path(of number: InodeNumber) -> String {
        var parts: [String] = []
        var next = number
        // Names of different moments could make a ring.
        while next != .root, parts.count < 1000, let entry = entries[next] {
            parts.append("\(entry.name)")
            next = entry.directory
        }
        return parts.reversed().joined(separator: "/")
    }
}
