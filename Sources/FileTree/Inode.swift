import HashTreeCollections

/// One object of the tree: what stat(2) tells, and what it holds. Only the properties of its kind are used: parted by kinds, each
/// access would ask for the kind.
package struct Inode: Sendable {
    package let kind: FileKind
    /// Permission bits, set-id bits and the sticky bit.
    package var mode: UInt32
    package var user: UInt32
    package var group: UInt32
    package var accessed: Timestamp
    package var modified: Timestamp
    package var changed: Timestamp
    /// Whether a program chose the time, and nothing has moved it since.
    package var accessedIsSet = false
    package var modifiedIsSet = false
    /// Names that refer to it.
    package var nameCount: UInt32 = 0
    package var extendedAttributes: [FileName: [UInt8]] = [:]
    /// Of a regular file.
    package var content = FileContent()
    /// Of a directory.
    package var entries = TreeDictionary<FileName, InodeNumber>()
    /// Of a directory: the one that holds its name. The root is its own parent.
    package var parent = InodeNumber.root
    /// Of a directory: how many of its entries are directories.
    package var subdirectoryCount: UInt32 = 0
    /// Of a symbolic link.
    package let target: [UInt8]
    /// Of a device file.
    package let device: UInt64

    package init(_ new: NewInode, at time: Timestamp) {
        kind = new.kind
        mode = new.mode
        user = new.user
        group = new.group
        accessed = time
        modified = time
        changed = time
        target = new.target
        device = new.device
    }

    package var modification: Modification {
        Modification(time: modified, isSet: modifiedIsSet)
    }

    /// When a file was last written to.
    package struct Modification: Sendable {
        package let time: Timestamp
        package let isSet: Bool
    }

    /// What it would be born as, had it been born as it is now.
    package var asNew: NewInode {
        NewInode(kind, mode: mode, user: user, group: group, target: target, device: device)
    }

    /// In bytes, as stat(2) tells it.
    package var size: UInt64 {
        switch kind {
        case .regular: content.size
        case .symbolicLink: UInt64(target.count)
        case .directory: 4096
        default: 0
        }
    }

    /// `st_nlink`: for a directory its own name, its `.` and each subdirectory's `..`.
    package var linkCount: UInt32 {
        kind == .directory ? 2 + subdirectoryCount : nameCount
    }

    /// The names of a directory in one order for all runs.
    package var sortedEntries: [(name: FileName, inode: InodeNumber)] {
        entries.map { (name: $0.key, inode: $0.value) }.sorted { $0.name < $1.name }
    }
}
