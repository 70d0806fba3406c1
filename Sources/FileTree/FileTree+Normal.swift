import Basics

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
        // Not recursive: nothing limits how deep directories lie in each other.
        var pending: [(name: FileName?, inode: InodeNumber, depth: Int)] = [(nil, .root, 0)]
        var path: [FileName] = []
        // The directories above what `path` leads to: one more than names, save at the root.
        var ancestors: [InodeNumber] = []
        while let (name, number, depth) = pending.popLast() {
            ancestors.removeLast(ancestors.count - depth)
            path.removeLast(path.count - max(0, depth - 1))
            if let name { path.append(name) }
            body(Visited(path: path, inode: number, directory: ancestors.last ?? .root))
            guard let inode = self[number], inode.kind == .directory,
                !closesRing(number, inode, ancestors)
            else { continue }
            ancestors.append(number)
            for entry in inode.sortedEntries.reversed() where self[entry.inode] != nil {
                pending.append((entry.name, entry.inode, depth + 1))
            }
        }
    }

    /// Whether a directory lies below itself. No model lets that come about; a plan from a file could ask for it.
    private func closesRing(
        _ number: InodeNumber, _ inode: Inode, _ ancestors: [InodeNumber]
    ) -> Bool {
        (inode.nameCount > 1 || number == .root) && ancestors.contains(number)
    }

    /// Makes the tree what is found when power returns (no bytes beyond any file's size, no name counted that cannot be
    /// reached) and hashes everything that a program can tell two such trees apart by: names, kinds, modes, owners,
    /// extended attributes, sizes, bytes, link targets, which names share an inode, and times that a program set. Not: other
    /// times, inode numbers, inodes that no name reaches.
    ///
    /// Cost follows the number of reachable names and the bytes that changed since the hash was last taken.
    package mutating func settle() -> UInt64 {
        var sum: UInt64 = 0
        var shared: [InodeNumber: Shared] = [:]
        var pending: [(inode: InodeNumber, pathHash: UInt64, depth: Int)] = [(.root, 1, 0)]
        var ancestors: [InodeNumber] = []
        while let (number, pathHash, depth) = pending.popLast() {
            guard let inode = self[number] else { continue }
            let own: UInt64
            if inode.nameCount > 1 {
                own = shared[number]?.own ?? hashOfInode(number, inode)
                shared[number, default: Shared(own: own)].add(pathHash)
            } else {
                own = hashOfInode(number, inode)
            }
            sum &+= StableHash.mix(pathHash, own)
            guard inode.kind == .directory else { continue }
            ancestors.removeLast(ancestors.count - depth)
            guard !closesRing(number, inode, ancestors) else { continue }
            ancestors.append(number)
            for (name, child) in inode.entries {
                let childHash = StableHash.mix(StableHash.of(name.bytes), pathHash)
                pending.append((child, childHash, depth + 1))
            }
        }
        for (number, names) in shared {
            if names.count > 1 { sum &+= StableHash.mix(names.sum, 0x2d) }
            // The other names stand in directories that the power loss took.
            lowerNameCount(number, to: names.count)
        }
        return sum
    }

    /// What is known of an inode with several names.
    private struct Shared {
        let own: UInt64
        var count: UInt32 = 0
        /// Tells one set of names from another.
        var sum: UInt64 = 0

        init(own: UInt64) {
            self.own = own
        }

        mutating func add(_ pathHash: UInt64) {
            count += 1
            sum &+= StableHash.mix(pathHash, 0x1d)
        }
    }

    private static func mix(_ hash: UInt64, _ time: Timestamp, _ kind: UInt64) -> UInt64 {
        StableHash.mix(hash, StableHash.mix(UInt64(bitPattern: time.nanoseconds), kind))
    }

    private mutating func hashOfInode(_ number: InodeNumber, _ inode: Inode) -> UInt64 {
        var hash = StableHash.mix(UInt64(inode.kind.rawValue) << 32 | UInt64(inode.mode), 3)
        hash = StableHash.mix(hash, UInt64(inode.user) << 32 | UInt64(inode.group))
        if inode.accessedIsSet { hash = Self.mix(hash, inode.accessed, 7) }
        if inode.modifiedIsSet { hash = Self.mix(hash, inode.modified, 11) }
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
