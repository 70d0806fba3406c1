import Glibc
import Recording

/// What a mount tells about itself.
package struct MountOptions: Sendable {
    /// What statfs(2) calls the size of the filesystem, in bytes. It is constant, so that no program's behaviour depends
    /// on the machine.
    package var totalBytes: UInt64 = 64 << 30
    /// What statfs(2) calls free, in bytes; constant too.
    package var freeBytes: UInt64 = 48 << 30

    /// Whether the mount can be cut while it stands (`MountServer.exchange`) and asked of each request
    /// (`MountServer.setInterceptor`).
    package var isWatched = false
    /// Whether dirty pages of shared mappings are looked for (`DirtyPages`); never on a watched mount.
    package var looksAtDirtyPages = true
    /// What becomes of the data that a sync should have written which an interceptor made fail; on a watched mount.
    package var syncFailure = SyncFailure.markedClean

    /// Directories of the root, each of them the storage of a machine of its own: nothing can be moved or linked from one to
    /// another, and beside them nothing can be made. Empty: there is one machine, whose storage is the tree.
    package var mounts: [String] = []

    /// Whom programs see as the owner of every file, whoever is recorded as such; nil: who is recorded.
    ///
    /// For programs of an ordinary user, whose kernel lets them change only what is theirs: what root recorded, or somebody
    /// else, is as much theirs as what they have made themselves.
    package var owner: Owner?

    package struct Owner: Sendable {
        package var user: UInt32
        package var group: UInt32

        package init(user: UInt32, group: UInt32) {
            self.user = user
            self.group = group
        }

        /// Who calls perjury; nil for root, who may change what is anybody's.
        package static var ordinaryCaller: Owner? {
            geteuid() == 0 ? nil : Owner(user: geteuid(), group: getegid())
        }
    }

    package init() {}
}

/// Why a mount could not be made; one sentence.
package struct MountError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
