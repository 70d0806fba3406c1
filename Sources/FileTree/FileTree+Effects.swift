import struct SystemPackage.Errno

extension FileTree {
    /// What `operation` changes, as the smallest changes that can persist alone; in log order.
    ///
    /// The lowering is the same under every persistence model; what binds effects to each other is not.
    ///
    /// - Throws: the `Errno` the kernel is to see. A throw means the operation changes nothing.
    package func effects(of operation: Operation) throws(Errno) -> [Effect] {
        switch operation {
        case .create(let number, let entry, let new):
            try checkNew(number, new)
            try checkFree(entry)
            return [
                Effect(number, .birth(new)), Effect(number, .name(entry, present: true)),
            ]
        case .createUnnamed(let number, let new):
            try checkNew(number, new)
            return [Effect(number, .birth(new))]
        case .link(let number, let entry):
            guard try inode(number).kind != .directory else { throw .notPermitted }
            try checkFree(entry)
            return [Effect(number, .name(entry, present: true))]
        case .remove(let entry, let isDirectory):
            return try effectsOfRemoving(entry, directory: isDirectory)
        case .rename(let from, let to, let mode):
            return try effectsOfRenaming(from, to, mode)
        case .write(let number, let offset, let bytes, _):
            return try effectsOfWriting(number, offset, bytes)
        case .setSize(let number, let size):
            return try effectsOfResizing(number, size)
        case .allocate(let number, let mode, let range):
            return try effectsOfAllocating(number, mode, range)
        case .setAttributes(let number, let change):
            _ = try inode(number)
            if let mode = change.mode { try check(mode: mode) }
            return [Effect(number, .attributes(change))]
        case .setExtendedAttribute(let number, let name, let value):
            let inode = try inode(number)
            guard value != nil || inode.extendedAttributes[name] != nil else { throw .noData }
            return [Effect(number, .extendedAttribute(name: name, value: value))]
        case .sync:
            return []
        }
    }

    /// A recording may ask for any number; giving one out twice would let a directory come to lie below itself.
    private func checkNew(_ number: InodeNumber, _ new: NewInode) throws(Errno) {
        try check(mode: new.mode)
        guard number.rawValue > 0, number.rawValue <= UInt64(Int64.max) else {
            throw .invalidArgument
        }
        guard self[number] == nil else { throw .fileExists }
    }

    private func check(mode: UInt32) throws(Errno) {
        guard mode <= 0o7777 else { throw .invalidArgument }
    }

    private func check(_ name: FileName) throws(Errno) {
        guard name.bytes.count <= FileName.maximumLength else { throw .fileNameTooLong }
        guard name.canBeEntry else { throw .invalidArgument }
    }

    private func checkFree(_ entry: DirectoryEntry) throws(Errno) {
        try check(entry.name)
        let directory = try directory(entry.directory)
        guard directory.nameCount > 0 || entry.directory == .root else {
            throw .noSuchFileOrDirectory
        }
        guard directory.entries[entry.name] == nil else { throw .fileExists }
    }

    private func effectsOfRemoving(
        _ entry: DirectoryEntry, directory isDirectory: Bool
    ) throws(Errno) -> [Effect] {
        guard let number = try directory(entry.directory).entries[entry.name] else {
            throw .noSuchFileOrDirectory
        }
        let inode = try inode(number)
        if isDirectory {
            guard inode.kind == .directory else { throw .notDirectory }
            guard inode.entries.isEmpty else { throw .directoryNotEmpty }
        } else if inode.kind == .directory {
            throw .isDirectory
        }
        return [Effect(number, .name(entry, present: false))]
    }

    /// The checks stand in the order of Linux' `do_renameat2` and `vfs_rename`.
    private func effectsOfRenaming(
        _ from: DirectoryEntry, _ to: DirectoryEntry, _ mode: RenameMode
    ) throws(Errno) -> [Effect] {
        try check(to.name)
        guard let moved = try directory(from.directory).entries[from.name] else {
            throw .noSuchFileOrDirectory
        }
        let target = try directory(to.directory)
        guard target.nameCount > 0 || to.directory == .root else { throw .noSuchFileOrDirectory }
        let replaced = target.entries[to.name]
        if mode == .noReplace, replaced != nil { throw .fileExists }
        if mode == .exchange, replaced == nil { throw .noSuchFileOrDirectory }
        let movedInode = try inode(moved)
        if movedInode.kind == .directory, isWithin(to.directory, moved) { throw .invalidArgument }
        if let replaced {
            let replacedInode = try inode(replaced)
            if replacedInode.kind == .directory, isWithin(from.directory, replaced) {
                throw mode == .exchange ? .invalidArgument : .directoryNotEmpty
            }
            // Two names of one inode: rename(2) does nothing and succeeds.
            if replaced == moved { return [] }
            if mode == .exchange {
                return [
                    Effect(moved, .name(to, present: true)),
                    Effect(replaced, .name(from, present: true)),
                ]
            }
            switch (movedInode.kind == .directory, replacedInode.kind == .directory) {
            case (true, false): throw .notDirectory
            case (false, true): throw .isDirectory
            case (true, true):
                guard replacedInode.entries.isEmpty else { throw .directoryNotEmpty }
            case (false, false): break
            }
        }
        return [
            Effect(moved, .name(to, present: true)), Effect(moved, .name(from, present: false)),
        ]
    }

    /// Whether `inner` is the directory `outer` or lies below it.
    private func isWithin(_ inner: InodeNumber, _ outer: InodeNumber) -> Bool {
        var number = inner
        // A plan from a file can make parents go round in a ring.
        var seen: Set<InodeNumber> = []
        while number != outer {
            guard number != .root, seen.insert(number).inserted, let inode = self[number] else {
                return false
            }
            number = inode.parent
        }
        return true
    }

    private func file(_ number: InodeNumber) throws(Errno) -> Inode {
        let inode = try inode(number)
        guard inode.kind == .regular else {
            throw inode.kind == .directory ? .isDirectory : .invalidArgument
        }
        return inode
    }

    /// The largest file, in bytes: what 63 bits count.
    package static let maximumFileSize = UInt64(Int64.max)

    private func effectsOfWriting(
        _ number: InodeNumber, _ offset: UInt64, _ bytes: Bytes
    ) throws(Errno) -> [Effect] {
        var size = try file(number).content.size
        let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
        guard !overflow, end <= Self.maximumFileSize else { throw .fileTooLarge }
        var effects: [Effect] = []
        effects.reserveCapacity(bytes.count / Block.size + 3)
        Block.forEach(in: offset..<end) { block, part in
            let start = block * UInt64(Block.size)
            let first = Int(start + UInt64(part.lowerBound) - offset)
            let piece = bytes.slice(first..<first + part.count)
            effects.append(Effect(number, .data(block: block, range: part, piece)))
            let partEnd = start + UInt64(part.upperBound)
            if partEnd > size {
                effects.append(Effect(number, .grow(to: partEnd)))
                size = partEnd
            }
        }
        return effects
    }

    private func effectsOfResizing(_ number: InodeNumber, _ size: UInt64) throws(Errno) -> [Effect]
    {
        let old = try file(number).content.size
        guard size <= Self.maximumFileSize else { throw .fileTooLarge }
        var effects = [Effect(number, .setSize(size))]
        let tail = Int(size % UInt64(Block.size))
        if size < old && tail > 0 {
            effects.append(
                Effect(number, .zero(block: Block.index(of: size), range: tail..<Block.size)))
        }
        return effects
    }

    private func effectsOfAllocating(
        _ number: InodeNumber, _ mode: AllocateMode, _ range: Range<UInt64>
    ) throws(Errno) -> [Effect] {
        let size = try file(number).content.size
        guard !range.isEmpty else { throw .invalidArgument }
        guard range.upperBound <= Self.maximumFileSize else { throw .fileTooLarge }
        var effects: [Effect] = []
        switch mode {
        case .keepSize:
            return []
        case .extend:
            break
        case .punchHole, .zeroRange, .zeroRangeKeepSize:
            let whole =
                Block.indexRoundedUp(
                    range.lowerBound)..<max(
                    Block.indexRoundedUp(range.lowerBound), Block.index(of: range.upperBound))
            if !whole.isEmpty {
                effects.append(Effect(number, .punch(blocks: whole, frees: mode == .punchHole)))
            }
            let edges = range.lowerBound..<min(range.upperBound, max(size, range.lowerBound))
            forEachEdge(of: edges, outside: whole) { block, part in
                effects.append(Effect(number, .zero(block: block, range: part)))
            }
        }
        if mode == .extend || mode == .zeroRange, range.upperBound > size {
            effects.append(Effect(number, .setSize(range.upperBound)))
        }
        return effects
    }

    /// The parts of blocks at both ends of a range that its whole blocks leave.
    private func forEachEdge(
        of range: Range<UInt64>, outside whole: Range<UInt64>, _ body: (UInt64, Range<Int>) -> Void
    ) {
        guard !range.isEmpty else { return }
        let size = UInt64(Block.size)
        let firstEnd = min(range.upperBound, Block.indexRoundedUp(range.lowerBound) * size)
        Block.forEach(in: range.lowerBound..<firstEnd, body)
        let lastStart = max(firstEnd, Block.index(of: range.upperBound) * size)
        if lastStart < range.upperBound { Block.forEach(in: lastStart..<range.upperBound, body) }
    }
}
