import FileTree
import FuseMount
import Recording

/// Where lives are lived: one worker's place for a mount and the programs on it, one life after the other.
///
/// It says of what kind the storage is that programs see. Whoever wants a life names the tree that it begins on and gets the
/// tree and the recording that it leaves: what is in between (namespaces, mounts, devices) is the stage's own.
package protocol Stage: AnyObject {
    /// Where programs find the storage: the same path in every life.
    var dataDirectory: String { get }
    /// Whether it is the same path on every other stage of this kind, too.
    var hasFixedPlace: Bool { get }
    /// Scratch space that no power loss touches, empty in each life.
    var runDirectory: String { get }
    /// The names in `runDirectory`, as the programs of this life have left it.
    var scratchNames: [String] { get }
    /// Of the pid namespace of the latest program, as programs see it; 0 before.
    var namespaceNumber: UInt32 { get }

    /// Begins a life. The one before it has ended.
    func life(on tree: FileTree, _ options: LifeOptions) throws -> Life

    /// Ends it, with all that is left on it. May be called again; it is closed when it goes, too.
    func close()
}

/// How a life is lived.
package struct LifeOptions {
    /// Where it is recorded; nil: in memory.
    package var writer: RecordingWriter?
    /// What may be written where it is recorded in memory, marks included, in bytes; more is an error.
    package var memoryLimit = 64 << 30
    /// The core for programs and mount alike; nil: any.
    package var processor: Int?
    /// Where the process numbers of this life begin. A recovery gets others than the run before it, so that no pid file from
    /// before the power loss names a living process.
    package var firstProcessID: UInt32 = 0
    /// Of the pid namespace, as an earlier life had it; 0: any.
    package var namespaceNumber: UInt32 = 0
    package var mount = MountOptions()
    /// See `Life.PowerGone`; stays the caller's.
    package var trip: CInt?

    package init(processor: Int? = nil) {
        self.processor = processor
    }
}
