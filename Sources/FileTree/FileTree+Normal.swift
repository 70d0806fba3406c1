extension FileTree {
    /// One name in the tree, as `visit` meets it.
    package struct Visited {
        /// The components from the root; empty for the root itself.
        package let path: [FileName]
        package let inode: InodeNumber
        /// Where the name stands.
        package let directory: InodeNumber
    }

    /// Calls `body` for the root and every name below it, parents first, names in order.
    package func visit(_ body: (Visited) -> Void) {
        visit(.root, in: .root, path: [], ancestors: [], body)
    }

    private func visit(
        _ number: InodeNumber, in directory: InodeNumber, path: [FileName],
        ancestors: Set<InodeNumber>, _ body: (Visited) -> Void
    ) {
        body(Visited(path: path, inode: number, directory: directory))
        guard let inode = self[number], inode.kind == .directory else { return }
        // No model lets a directory come to lie below itself; a plan from a file could ask for it.
        guard !ancestors.contains(number) else { return }
        for entry in inode.sortedEntries where self[entry.inode] != nil {
            visit(
                entry.inode, in: number, path: path + [entry.name],
                ancestors: ancestors.union([number]), body)
        }
    }

    /// Makes the tree what is found when power returns (no bytes beyond any file's size) and hashes everything that a
    /// program can tell two such trees apart by: names, kinds, modes, owners, extended attributes, sizes, bytes, link
    /// targets, and which names share an inode. Not: times, inode numbers, inodes that no name reaches.
    ///
    /// Cost follows the number of reachable names and the bytes that changed since the hash was last taken.
    package mutating func settle() -> UInt64 {
        var sum: UInt64 = 0
        var names: [InodeNumber: UInt64] = [:]
        var contents: [InodeNumber: UInt64] = [:]
        func walk(_ number: InodeNumber, _ pathHash: UInt64, _ depth: Int) {
            guard let inode = self[number], depth < 256 else { return }
            let own: UInt64
            if let known = contents[number] {
                own = known
            } else {
                own = hashOfInode(number, inode)
                contents[number] = own
            }
            sum &+= StableHash.mix(pathHash, own)
            if inode.kind != .directory && inode.nameCount > 1 {
                names[number, default: 0] &+= StableHash.mix(pathHash, 0x1d)
            }
            for (name, child) in inode.entries {
                walk(child, StableHash.mix(StableHash.of(name.bytes), pathHash), depth + 1)
            }
        }
        walk(.root, 1, 0)
        for shared in names.values { sum &+= StableHash.mix(shared, 0x2d) }
        return sum
    }

    private mutating func hashOfInode(_ number: InodeNumber, _ inode: Inode) -> UInt64 {
        var hash = StableHash.mix(UInt64(inode.kind.rawValue) << 32 | UInt64(inode.mode), 3)
        hash = StableHash.mix(hash, UInt64(inode.user) << 32 | UInt64(inode.group))
        var attributes: UInt64 = 0
        for (name, value) in inode.extendedAttributes {
            attributes &+= StableHash.of(value, seed: StableHash.of(name.bytes, seed: 5))
        }
        hash = StableHash.mix(hash, attributes)
        switch inode.kind {
        case .regular: return StableHash.mix(hash, settleContent(number.rawValue))
        case .symbolicLink: return StableHash.mix(hash, StableHash.of(inode.target))
        default: return StableHash.mix(hash, inode.device)
        }
    }
}
