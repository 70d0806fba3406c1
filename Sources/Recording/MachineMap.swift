import FileTree

import struct SystemPackage.Errno

/// To which machine's storage each inode belongs, where one tree holds the storage of several: each is a directory of the root,
/// a mount of its own to the programs.
package struct MachineMap: Sendable {
    /// Of the directories, in the order of the machines.
    package let names: [String]
    private var machines: [InodeNumber: Int] = [:]

    package init(_ names: [String], in tree: FileTree) {
        self.names = names
        for (path, inode) in tree.paths {
            machines[inode] = names.firstIndex(of: String(path.prefix { $0 != "/" }))
        }
    }

    /// nil for the root, which is no machine's, and for what is not known.
    package subscript(_ inode: InodeNumber) -> Int? { machines[inode] }

    /// The machine that does this; nil for what all do.
    package func machine(of operation: Operation) -> Int? {
        switch operation {
        case .create(_, let entry, _), .link(_, let entry), .remove(let entry, _),
            .rename(let entry, _, _):
            machines[entry.directory]
        case .createUnnamed(let number, _), .write(let number, _, _, _), .setSize(let number, _),
            .allocate(let number, _, _), .setAttributes(let number, _),
            .setExtendedAttribute(let number, _, _):
            machines[number]
        case .sync(let sync): sync.inode.flatMap { machines[$0] }
        }
    }

    /// Takes note of what the operation made.
    package mutating func follow(_ operation: Operation) {
        switch operation {
        case .create(let number, let entry, _): machines[number] = machines[entry.directory]
        case .link(let number, let entry) where machines[number] == nil:
            // It was made without a name.
            machines[number] = machines[entry.directory]
        default: break
        }
    }

    package mutating func add(_ number: InodeNumber, in directory: InodeNumber) {
        machines[number] = machines[directory]
    }

    /// What the borders of mounts do not allow: nothing crosses them, mount points stay, and beside them there is no storage.
    package func check(_ operation: Operation) throws(Errno) {
        switch operation {
        case .create(_, let entry, _):
            guard entry.directory != .root else { throw .readOnlyFileSystem }
        case .remove(let entry, _):
            guard entry.directory != .root else { throw .resourceBusy }
        case .link(let number, let entry):
            guard machines[number] == machines[entry.directory] else { throw .improperLink }
        case .rename(let from, let to, _):
            guard machines[from.directory] == machines[to.directory] else { throw .improperLink }
            guard from.directory != .root else { throw .resourceBusy }
        case .setAttributes(.root, _), .setExtendedAttribute(.root, _, _):
            throw .readOnlyFileSystem
        default: break
        }
    }
}

extension Recording {
    /// The note that names the mounts.
    package static let mountsNote = "mounts"

    /// The names of its mounts, where there are several: each is the storage of a machine of its own. Else empty.
    package var mounts: [String] {
        notes[Self.mountsNote].map {
            String(decoding: $0, as: UTF8.self).split(separator: "\n").map(String.init)
        } ?? []
    }
}
