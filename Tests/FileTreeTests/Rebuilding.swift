import FileTree
import TestSupport

extension TreeDump {
    /// A tree with this dump that came to be in another way: other inode numbers, bytes in other pieces and another order,
    /// zeros written where there were holes, names that had been others.
    func rebuilt(_ random: inout TestRandom) throws -> FileTree {
        let pool = BytePool()
        var tree = FileTree(rootMode: entries[0].mode)
        tree.keep(pool)
        func run(_ operation: Operation) throws { tree.apply(try tree.effects(of: operation)) }
        var numbers: [[FileName]: InodeNumber] = [[]: .root]
        var free = (2..<UInt64(entries.count + 2)).map { InodeNumber($0) }
        random.shuffle(&free)

        for entry in entries {
            if let name = entry.path.last {
                let parent = numbers[Array(entry.path.dropLast())]!
                let place = DirectoryEntry(parent, name)
                if let known = numbers[entry.sharedWith] {
                    try run(.link(known, at: place))
                    continue
                }
                let number = free.removeLast()
                numbers[entry.path] = number
                let new = NewInode(
                    entry.kind, mode: 0, user: 9, target: entry.target, device: entry.device)
                let first = random.oneIn(2) ? DirectoryEntry(parent, "other name") : place
                try run(.create(number, at: first, new))
                if first != place { try run(.rename(from: first, to: place, .replace)) }
            }
            let number = numbers[entry.path]!
            if entry.kind == .regular { try write(entry, number, &random, pool, run) }
            for (name, value) in entry.attributes {
                try run(.setExtendedAttribute(number, name: name, value: value))
            }
            let change = AttributeChange(mode: entry.mode, user: entry.user, group: entry.group)
            try run(.setAttributes(number, change))
        }
        return tree
    }

    private func write(
        _ entry: Entry, _ number: InodeNumber, _ random: inout TestRandom, _ pool: BytePool,
        _ run: (Operation) throws -> Void
    ) throws {
        var blocks = Array(0..<(entry.size + 4095) / 4096)
        random.shuffle(&blocks)
        for block in blocks {
            let start = block * 4096
            let length = Int(min(4096, entry.size - start))
            let bytes = entry.blocks[block] ?? [UInt8](repeating: 0, count: length)
            if entry.blocks[block] == nil && random.oneIn(2) { continue }
            if random.oneIn(2) {
                try run(.write(number, offset: start, pool.add(bytes), .call))
                continue
            }
            var cuts = Set([0, length])
            for _ in 0..<random.below(20) { cuts.insert(random.below(length + 1)) }
            for (a, b) in zip(cuts.sorted(), cuts.sorted().dropFirst()) {
                let piece = pool.add(Array(bytes[a..<b]))
                try run(.write(number, offset: start + UInt64(a), piece, .call))
            }
        }
        try run(.setSize(number, entry.size))
    }
}
