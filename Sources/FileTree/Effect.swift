/// The smallest change of a tree that can persist alone.
///
/// An operation lowers to effects (`FileTree.effects(of:)`). All of them in order give the live tree; a crash state is
/// the base tree with a subset. Every effect holds absolute values, so every subset applies, in log order.
/// Times are not effects, save those that a program set itself.
package struct Effect: Equatable, Sendable {
    /// The inode that changes; for a name, the inode that gains or loses it.
    package let inode: InodeNumber
    package let change: Change

    package init(_ inode: InodeNumber, _ change: Change) {
        self.inode = inode
        self.change = change
    }

    package var isBirth: Bool {
        if case .birth = change { true } else { false }
    }

    package enum Change: Equatable, Sendable {
        /// The inode comes to be, without a name: nobody can see it before a name refers to it.
        case birth(NewInode)
        /// New bytes in `range` (bytes within the block) of one block.
        case data(block: UInt64, range: Range<Int>, Bytes)
        /// Zeros in `range` (bytes within the block) of one block.
        case zero(block: UInt64, range: Range<Int>)
        /// Whole blocks read zero from now on: one change of metadata, never half. `frees` is true for a punched hole,
        /// false for a zeroed range, which keeps its blocks.
        case punch(blocks: Range<UInt64>, frees: Bool)
        /// The size becomes the greater of itself and this.
        case grow(to: UInt64)
        /// The size becomes this, and every byte from the next block boundary on is dropped.
        case setSize(UInt64)
        /// The entry refers to the inode (`present`), or to nothing.
        case name(DirectoryEntry, present: Bool)
        case attributes(AttributeChange)
        case extendedAttribute(name: FileName, value: [UInt8]?)

        /// The block whose bytes it changes; nil for what changes no bytes of one block.
        package var block: UInt64? {
            switch self {
            case .data(let block, _, _), .zero(let block, _): block
            default: nil
            }
        }
    }
}

/// Blocks, the unit in which filesystems place and page caches write data.
package enum Block {
    /// Bytes in a block. 4096: the page size of the kernels we run on, and what mkfs chooses.
    package static let size = 4096

    package static func index(of offset: UInt64) -> UInt64 { offset / UInt64(size) }

    /// `offset` rounded up to the next multiple of the block size, as a block index.
    package static func indexRoundedUp(_ offset: UInt64) -> UInt64 {
        offset / UInt64(size) + (offset % UInt64(size) == 0 ? 0 : 1)
    }

    /// Calls `body` with each block that `range` touches, and the touched part of it.
    package static func forEach(
        in range: Range<UInt64>, _ body: (_ block: UInt64, _ part: Range<Int>) -> Void
    ) {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let block = index(of: offset)
            let start = block * UInt64(size)
            let end = min(range.upperBound, start + UInt64(size))
            body(block, Int(offset - start)..<Int(end - start))
            offset = end
        }
    }
}
