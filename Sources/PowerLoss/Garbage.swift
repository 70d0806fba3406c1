import Basics
import FileTree

/// What nobody wrote: the content of a sector that tore inside, or of a block that held something else before.
enum Garbage {
    /// A block of bytes that no store would write; always the same.
    static var block: Bytes { owner.bytes }

    /// Lives as long as the program, so trees need not keep it.
    private static let owner: OwnedBytes = {
        var random = RandomSource(seed: 0x6761_7262_6167_6521)
        return OwnedBytes(
            (0..<Block.size).map { _ in UInt8.random(in: 0x80...0xff, using: &random) })
    }()
}
