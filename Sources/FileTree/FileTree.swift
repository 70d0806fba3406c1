import struct SystemPackage.Errno

/// A file tree as a value: O(1) to fork, changed only by effects.
///
/// It is an index. The bytes of files lie in arenas, which the tree keeps alive through `owners`. Inodes without a name
/// stay until `forget`, as unlinked open files do.
package struct FileTree: Sendable {
    package private(set) var inodes = SparseArray<Inode>()
    /// Every inode born so far has a smaller number.
    package private(set) var nextInode = InodeNumber(2)
    /// What keeps the bytes alive.
    package private(set) var owners: [any AnyObject & Sendable] = []

    /// A tree with nothing but an empty root directory.
    package init(rootMode: UInt32 = 0o755, time: Timestamp = .ofCrashStates) {
        let root = Inode(NewInode(.directory, mode: rootMode), at: time)
        inodes.update(InodeNumber.root.rawValue) { $0 = root }
    }

    /// Makes the tree keep `owner` alive, whose bytes its effects are about to bring.
    package mutating func keep(_ owner: any AnyObject & Sendable) {
        if !owners.contains(where: { $0 === owner }) { owners.append(owner) }
    }

    package subscript(number: InodeNumber) -> Inode? {
        inodes[number.rawValue]
    }

    /// - Throws: ENOENT when no such inode exists.
    package func inode(_ number: InodeNumber) throws(Errno) -> Inode {
        guard let inode = inodes[number.rawValue] else { throw .noSuchFileOrDirectory }
        return inode
    }

    /// - Throws: ENOENT, or ENOTDIR when it is no directory.
    package func directory(_ number: InodeNumber) throws(Errno) -> Inode {
        let inode = try inode(number)
        guard inode.kind == .directory else { throw .notDirectory }
        return inode
    }

    /// The inode that the entry refers to.
    package func lookUp(_ entry: DirectoryEntry) -> InodeNumber? {
        inodes[entry.directory.rawValue]?.entries[entry.name]
    }

    /// The inode at `path`, its components separated by `/`; symbolic links are not followed.
    package func lookUp(path: String) -> InodeNumber? {
        var number = InodeNumber.root
        for part in path.split(separator: "/") {
            guard let next = lookUp(DirectoryEntry(number, FileName(String(part)))) else {
                return nil
            }
            number = next
        }
        return number
    }

    // MARK: Changing

    /// Applies effects in their order. `time` becomes the time of what they change.
    package mutating func apply(_ effects: [Effect], at time: Timestamp = .ofCrashStates) {
        for effect in effects { apply(effect, at: time) }
    }

    package mutating func apply(_ effect: Effect, at time: Timestamp = .ofCrashStates) {
        switch effect.change {
        case .birth(let new):
            nextInode = max(nextInode, InodeNumber(effect.inode.rawValue + 1))
            inodes.update(effect.inode.rawValue) { $0 = Inode(new, at: time) }
        case .name(let entry, let present):
            applyName(entry, effect.inode, present: present, at: time)
        default:
            inodes.update(effect.inode.rawValue) { inode in
                guard inode != nil else { return }
                inode!.apply(effect.change, at: time)
            }
        }
    }

    private mutating func applyName(
        _ entry: DirectoryEntry, _ number: InodeNumber, present: Bool, at time: Timestamp
    ) {
        // In a subset the directory, or what is named, may never have come to be.
        guard self[entry.directory]?.kind == .directory else { return }
        let old = lookUp(entry)
        let new = present && self[number] != nil ? number : nil
        guard old != new else { return }
        if let old { adjust(old, names: -1, in: entry.directory, at: time) }
        if let new { adjust(new, names: 1, in: entry.directory, at: time) }
        inodes.update(entry.directory.rawValue) { directory in
            directory?.entries[entry.name] = new
            directory?.modified = time
            directory?.modifiedIsSet = false
            directory?.changed = time
        }
    }

    private mutating func adjust(
        _ number: InodeNumber, names: Int32, in directory: InodeNumber, at time: Timestamp
    ) {
        var isDirectory = false
        inodes.update(number.rawValue) { inode in
            guard inode != nil else { return }
            isDirectory = inode!.kind == .directory
            inode!.nameCount = UInt32(max(0, Int32(inode!.nameCount) + names))
            inode!.changed = time
            if isDirectory && names > 0 { inode!.parent = directory }
        }
        guard isDirectory else { return }
        inodes.update(directory.rawValue) { parent in
            guard parent != nil else { return }
            parent!.subdirectoryCount = UInt32(max(0, Int32(parent!.subdirectoryCount) + names))
        }
    }

    /// Drops the bytes beyond a file's size, and answers the hash of what is left. The tree remembers the hashes of
    /// blocks, so that only what changes later is hashed again.
    mutating func settleContent(_ index: UInt64) -> UInt64 {
        inodes.update(index) { inode in
            inode?.content.trim()
            return inode?.content.hash() ?? 0
        }
    }

    /// Gives a file the content of an earlier moment.
    package mutating func restore(
        _ number: InodeNumber, _ content: FileContent, modified: Inode.Modification?
    ) {
        inodes.update(number.rawValue) { inode in
            inode?.content = content
            if let modified {
                inode?.modified = modified.time
                inode?.modifiedIsSet = modified.isSet
            }
        }
    }

    /// Takes the hashes of the files' blocks now, so that forks need not.
    package mutating func rememberHashes(of numbers: Set<InodeNumber>) {
        for number in numbers { inodes.update(number.rawValue) { _ = $0?.content.hash() } }
    }

    mutating func lowerNameCount(_ number: InodeNumber, to count: UInt32) {
        guard self[number].map({ $0.nameCount > count }) ?? false else { return }
        inodes.update(number.rawValue) { $0?.nameCount = count }
    }

    mutating func drop(_ number: InodeNumber) {
        inodes.update(number.rawValue) { $0 = nil }
    }

    /// Makes every inode that is born from now on have this number or a greater one.
    package mutating func reserveInodes(below next: InodeNumber) {
        nextInode = max(nextInode, next)
    }

    /// Drops an inode that has no name any more and that nobody holds open.
    package mutating func forget(_ number: InodeNumber) {
        guard let inode = self[number], inode.nameCount == 0, number != .root else { return }
        inodes.update(number.rawValue) { $0 = nil }
    }
}

extension Inode {
    fileprivate mutating func apply(_ change: Effect.Change, at time: Timestamp) {
        switch change {
        case .data, .zero, .punch, .setSize:
            content.apply(change)
            modified = time
            modifiedIsSet = false
        case .grow:
            content.apply(change)
        case .attributes(let attributes):
            if let value = attributes.mode { mode = value }
            if let value = attributes.user { user = value }
            if let value = attributes.group { group = value }
            if let value = attributes.accessed {
                accessed = value
                accessedIsSet = attributes.accessedIsSet
            }
            if let value = attributes.modified {
                modified = value
                modifiedIsSet = attributes.modifiedIsSet
            }
        case .extendedAttribute(let name, let value):
            extendedAttributes[name] = value
        case .birth, .name:
            preconditionFailure("not a change of one inode's own state")
        }
        changed = time
    }
}

extension FileContent {
    /// Applies a change of content; others are none.
    package mutating func apply(_ change: Effect.Change) {
        switch change {
        case .data(let block, let range, let bytes):
            write(block: block, range: range, bytes: bytes.start)
        case .zero(let block, let range): zero(block: block, range: range)
        case .punch(let blocks, _): punch(blocks: blocks)
        case .grow(let size): grow(to: size)
        case .setSize(let size): setSize(size)
        case .birth, .name, .attributes, .extendedAttribute: break
        }
    }
}
