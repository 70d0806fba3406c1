import Basics
import FileTree
import Recording

/// A FUSE mount in a mount namespace of a keeper's.
package final class FuseStage: Stage {
    private let keeper: Keeper

    /// - Parameter folder: which the mount must not hide from programs.
    package init(avoiding folder: String) throws {
        keeper = try Keeper(root: Self.root(avoiding: folder))
    }

    /// Where, in the private mount namespace, the data directory lies: the same path in every life of every run, since stores
    /// write absolute paths into their files. An existing folder that hides nothing that programs need.
    private static func root(avoiding folder: String) -> String {
        let needed = [folder, Installation.folder ?? "/"]
        let candidates = ["/mnt", "/media", "/srv"]
        return candidates.first { candidate in
            isFolder(candidate)
                && !needed.contains { $0 == candidate || $0.hasPrefix(candidate + "/") }
        } ?? "/mnt"
    }

    deinit {
        close()
    }

    package var dataDirectory: String { keeper.dataDirectory }
    package var runDirectory: String { keeper.runDirectory }
    package var scratchNames: [String] { keeper.scratchNames }
    package var namespaceNumber: UInt32 { keeper.namespaceNumber }

    package func life(on tree: FileTree, _ options: LifeOptions) throws -> Life {
        let writer =
            if let writer = options.writer { writer } else {
                try RecordingWriter(
                    arena: Arena(memoryLimit: options.memoryLimit), base: tree, storesBase: false)
            }
        return try Life(keeper: keeper, tree: tree, writer: writer, options)
    }

    package func close() {
        keeper.close()
    }
}
