import FileTree

/// All that a program can tell two trees apart by, one entry for each name, in the order of the paths.
package struct TreeDump: Equatable, Sendable, CustomStringConvertible {
    package struct Entry: Equatable, Sendable {
        package var path: [FileName]
        package var kind: FileKind
        package var mode: UInt32
        package var user: UInt32
        package var group: UInt32
        package var linkCount: UInt32
        package var device: UInt64
        package var target: [UInt8]
        package var attributes: [FileName: [UInt8]]
        package var size: UInt64
        /// The file's blocks that are not all zeros; the last one ends where the file ends.
        package var blocks: [UInt64: [UInt8]]
        /// The first path that leads to the same inode.
        package var sharedWith: [FileName]
    }

    package var entries: [Entry] = []

    package init(_ tree: FileTree) {
        var firstPaths: [InodeNumber: [FileName]] = [:]
        tree.visit { visited in
            guard let inode = tree[visited.inode] else { return }
            let first = firstPaths[visited.inode] ?? visited.path
            firstPaths[visited.inode] = first
            entries.append(
                Entry(
                    path: visited.path, kind: inode.kind, mode: inode.mode, user: inode.user,
                    group: inode.group, linkCount: inode.linkCount, device: inode.device,
                    target: inode.target, attributes: inode.extendedAttributes,
                    size: inode.content.size, blocks: Self.blocks(of: inode.content),
                    sharedWith: first))
        }
    }

    package init(_ tree: NaiveTree) {
        var firstPaths: [InodeNumber: [FileName]] = [:]
        func walk(_ number: InodeNumber, _ path: [FileName]) {
            let node = tree.nodes[number]!
            let first = firstPaths[number] ?? path
            firstPaths[number] = first
            let children = node.entries.sorted { $0.key < $1.key }
            let subdirectories = children.count { tree.nodes[$0.value]!.kind == .directory }
            let linkCount =
                node.kind == .directory ? 2 + subdirectories : tree.nameCount(of: number)
            entries.append(
                Entry(
                    path: path, kind: node.kind, mode: node.mode, user: node.user,
                    group: node.group, linkCount: UInt32(linkCount), device: node.device,
                    target: node.target, attributes: node.attributes,
                    size: UInt64(node.data.count), blocks: Self.blocks(of: node.data),
                    sharedWith: first))
            for child in children { walk(child.value, path + [child.key]) }
        }
        walk(.root, [])
    }

    private static func blocks(of content: FileContent) -> [UInt64: [UInt8]] {
        // Small files are read as a whole, holes too, as a program would.
        if content.size <= 1 << 20 { return blocks(of: content.allBytes) }
        var blocks: [UInt64: [UInt8]] = [:]
        content.forEachBlock { block in
            let start = block * UInt64(Block.size)
            guard start < content.size else { return }
            let bytes = content.bytes(start..<min(content.size, start + UInt64(Block.size)))
            if bytes.contains(where: { $0 != 0 }) { blocks[block] = bytes }
        }
        return blocks
    }

    private static func blocks(of data: [UInt8]) -> [UInt64: [UInt8]] {
        var blocks: [UInt64: [UInt8]] = [:]
        for start in stride(from: 0, to: data.count, by: Block.size) {
            let bytes = data[start..<min(data.count, start + Block.size)]
            if bytes.contains(where: { $0 != 0 }) {
                blocks[UInt64(start / Block.size)] = Array(bytes)
            }
        }
        return blocks
    }

    package var description: String {
        entries.map { entry in
            let path = "/" + entry.path.map(\.description).joined(separator: "/")
            let shared = entry.sharedWith == entry.path ? "" : " same as \(entry.sharedWith)"
            return "\(path): \(entry.kind) mode \(String(entry.mode, radix: 8)) "
                + "\(entry.user):\(entry.group) links \(entry.linkCount) size \(entry.size) "
                + "blocks \(entry.blocks.keys.sorted()) xattrs \(entry.attributes.count)\(shared)"
        }.joined(separator: "\n")
    }

    /// The first difference in words, or nil when there is none. For messages: whole dumps are long.
    package func difference(from other: TreeDump) -> String? {
        for (mine, theirs) in zip(entries, other.entries) where mine != theirs {
            let blocks = Set(mine.blocks.keys).union(theirs.blocks.keys).sorted()
            for block in blocks where mine.blocks[block] != theirs.blocks[block] {
                let a = mine.blocks[block] ?? []
                let b = theirs.blocks[block] ?? []
                let at =
                    zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
                return "\(mine.path): block \(block) differs from byte \(at) on"
            }
            var (short, other) = (mine, theirs)
            short.blocks = [:]
            other.blocks = [:]
            return "\(short)\nagainst\n\(other)"
        }
        guard entries.count != other.entries.count else { return nil }
        return "\(entries.count) names against \(other.entries.count)"
    }
}
