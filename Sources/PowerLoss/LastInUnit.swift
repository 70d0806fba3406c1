import FileTree

/// The last effect on each atomic unit of each block, while the log is read.
struct LastInUnit {
    private var files: [InodeNumber: OfFile] = [:]

    private struct OfFile {
        /// By block: for each of its units the effect, or -1.
        var owners: [UInt64: [Int32]] = [:]
        /// Beyond all of these blocks.
        var end: UInt64 = 0
    }

    subscript(_ key: EffectGraphBuilder.BlockKey) -> [Int32]? {
        get { files[key.inode]?.owners[key.block] }
        set {
            guard let newValue else {
                files[key.inode]?.owners[key.block] = nil
                return
            }
            files[key.inode, default: OfFile()].owners[key.block] = newValue
            files[key.inode]!.end = max(files[key.inode]!.end, key.block + 1)
        }
    }

    /// Blocks that are freed start a new life: what was in them binds nothing that comes later.
    mutating func forget(_ inode: InodeNumber, _ blocks: Range<UInt64>) {
        guard let end = files[inode]?.end, blocks.lowerBound < end else { return }
        let range = blocks.lowerBound..<min(blocks.upperBound, end)
        if range.upperBound - range.lowerBound < UInt64(files[inode]!.owners.count) {
            for block in range { files[inode]!.owners[block] = nil }
        } else {
            files[inode]!.owners = files[inode]!.owners.filter { !range.contains($0.key) }
        }
        if range.upperBound == end { files[inode]!.end = range.lowerBound }
    }
}
