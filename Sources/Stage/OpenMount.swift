import Basics
import FileTree
import FuseMount
import Glibc
import Recording

/// A tree on a mount that everybody sees, for programs of any kind; it goes when this process ends.
package final class OpenMount {
    package let server: MountServer
    private var mount: PublicMount?

    /// Mounts; nothing is served before `server.start`.
    ///
    /// - Parameter allowOther: whether other users than the caller see it.
    package init(
        _ tree: FileTree, at folder: String, allowOther: Bool = false,
        options: MountOptions = MountOptions()
    ) throws {
        guard isFolder(folder) else { throw Self.noFolder(folder) }
        let writer = try RecordingWriter(arena: Arena(), base: tree, storesBase: false)
        if geteuid() == 0 {
            server = try MountServer(tree: tree, writer: writer, options: options)
            mount = try PublicMount(
                device: server.fuseDescriptor, at: folder, allowOther: allowOther)
        } else {
            let made = try PublicMount(device: nil, at: folder, allowOther: allowOther)
            mount = made
            server = try MountServer(
                tree: tree, writer: writer, device: made.takeDevice(), options: options)
        }
    }

    package static func noFolder(_ folder: String) -> HarnessError {
        HarnessError("mounting on \(folder): there is no such folder; mkdir it first")
    }

    /// Whether it is gone: `end`, or somebody's umount.
    package var hasEnded: Bool { server.hasEnded }

    /// Unmounts. May be called again.
    package func end() {
        guard let mount else { return }
        self.mount = nil
        mount.end(isUnmounted: server.hasEnded)
        server.stop()
    }
}
