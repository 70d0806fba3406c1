import Basics
import FileTree
import Recording

/// A FUSE mount of a keeper's, most often in a mount namespace of its own.
package final class FuseStage: Stage {
    private let keeper: Keeper
    private let kind: StageKind

    /// - Parameters:
    ///   - folder: which the mount must not hide from programs.
    ///   - kind: nil: the best that can be had here.
    ///   - directory: where the data directory must be, as the store has kept its path; nil: anywhere.
    package init(
        avoiding folder: String, kind: StageKind? = nil, at directory: String? = nil
    ) throws {
        let kind = try kind ?? StageChoice.chosen()
        self.kind = kind
        switch kind {
        case .root, .userNamespace:
            keeper = try Keeper(kind, root: Self.root(avoiding: folder))
        case .fusermount:
            let tool = try Fusermount.path()
            let wanted = directory.map { String($0.dropLast(Keeper.dataName.count + 1)) }
            keeper = try Keeper(at: RuntimePlace(wanted), mountingBy: tool)
        }
        guard directory == nil || directory == dataDirectory else {
            throw HarnessError(
                "the store has kept the path \(directory!) of its data directory, which is \(dataDirectory) in the stage "
                    + "\(kind.rawValue): record it anew, or take the stage that it was recorded in with --stage"
            )
        }
    }

    /// Mounts and unmounts.
    func tryMount() throws {
        let device = try keeper.openDevice()
        try keeper.mount(fuse: device.number)
        _ = consume device
        try keeper.unmount()
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
    package var hasFixedPlace: Bool { kind != .fusermount }
    package var runDirectory: String { keeper.runDirectory }
    package var scratchNames: [String] { keeper.scratchNames }
    package var namespaceNumber: UInt32 { keeper.namespaceNumber }

    package func life(on tree: FileTree, _ options: LifeOptions) throws -> Life {
        let writer =
            if let writer = options.writer { writer } else {
                try RecordingWriter(
                    arena: Arena(memoryLimit: options.memoryLimit), base: tree, storesBase: false)
            }
        var options = options
        options.mount.owner = .ordinaryCaller
        return try Life(keeper: keeper, tree: tree, writer: writer, options)
    }

    package func close() {
        keeper.close()
    }
}
