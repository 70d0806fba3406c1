import Basics
import CSupport
import FileTree
import Glibc
import Recording

import struct SystemPackage.Errno

/// Serves a tree as a FUSE filesystem and records every operation that changes it, in the order in which they happened.
///
/// One mount, one thread. The mount(2) itself is done by somebody else, in the mount namespace of the workload, with
/// `fuseDescriptor`. Never touch the mount from a thread that the server waits for.
package final class MountServer: @unchecked Sendable {
    /// An open `/dev/fuse`. A copy goes to whoever calls mount(2) with `fd=N`, who then closes it: when the server closes its
    /// own at the end, the connection is gone and nobody hangs on it. Do not use it after `stop`.
    package let fuseDescriptor: CInt
    let loop: RequestLoop
    private let control = Lock()
    /// Under `control`.
    private var thread: PosixThread?
    private var isStopped = false

    /// The program's standard output, in the mount's root: every write(2) to it becomes a mark. Hidden: found by name only.
    package static var markFile: String { HiddenFile.markName.description }
    /// In the mount's root: a write says that a program called sync(2) or syncfs(2). Hidden too.
    package static var controlFile: String { HiddenFile.controlName.description }

    /// Whether `/dev/fuse` can be opened.
    package static var isAvailable: Bool {
        (try? Self.openDevice()) != nil
    }

    private static func openDevice() throws(MountError) -> Descriptor {
        do throws(Errno) {
            return try Descriptor(opening: "/dev/fuse", O_RDWR)
        } catch {
            throw MountError("opening /dev/fuse failed: \(error)")
        }
    }

    /// - Parameters:
    ///   - tree: what the mount shows at first.
    ///   - writer: where records go. From now on it belongs to the server. With nil the bytes written go to memory of the
    ///     server's own and are lost with it.
    ///   - device: an open `/dev/fuse`; nil: it opens one. The kernel mounts only what was opened in the user namespace of the
    ///     mount.
    package init(
        tree: FileTree, writer: RecordingWriter?, device: consuming Descriptor? = nil,
        options: MountOptions = MountOptions()
    ) throws(MountError) {
        let device = if let device { device } else { try Self.openDevice() }
        fuseDescriptor = device.number
        loop = try Self.loop(tree, writer, device, options)
    }

    private static func loop(
        _ tree: FileTree, _ writer: RecordingWriter?, _ device: consuming Descriptor,
        _ options: MountOptions
    ) throws(MountError) -> RequestLoop {
        let limit = options.isWatched ? TreeService.inodeLimit : HiddenFile.mark.rawValue
        guard tree.nextInode.rawValue < limit else {
            throw MountError("the tree's inode numbers reach into those of the mount's own files")
        }
        let target: RecordingWriter
        do throws(Errno) {
            target =
                if let writer { writer } else {
                    try RecordingWriter(arena: Arena(), base: FileTree(), storesBase: false)
                }
            if !options.mounts.isEmpty {
                try target.note(
                    Recording.mountsNote, Array(options.mounts.joined(separator: "\n").utf8))
            }
            if options.looksAtDirtyPages, !options.isWatched {
                try target.note(Recording.dirtyPagesNote, Recording.dirtyPagesSeen)
            }
        } catch {
            throw MountError("reserving memory for what the mount writes failed: \(error)")
        }
        let watch =
            options.isWatched ? Watch(options.syncFailure, device: device.number) : nil
        let service = TreeService(tree: tree, writer: target, options: options, watch: watch)
        return try RequestLoop(service: service, device: device)
    }

    deinit {
        stop()
    }

    /// Starts serving, before or after mount(2).
    ///
    /// - Parameter cpu: the core to run on, which should be the workload's: a request's way to another core and back takes
    ///   ten times as long. With nil the scheduler chooses.
    package func start(cpu: Int?) {
        control.hold {
            precondition(thread == nil && !isStopped, "a mount server starts once")
            _ = RequestLoop.wakeSignal
            thread = PosixThread(for: "a mount") { [loop] in
                Self.prepareThread(cpu: cpu)
                loop.run()
            }
        }
    }

    private static func prepareThread(cpu: Int?) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, RequestLoop.wakeSignal)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        // Best effort: a wrong core costs time only.
        _ = perjury_name_and_pin_thread("perjury-mount", CInt(cpu ?? -1))
    }

    /// Ends the thread, and the connection of a mount that still stands: calls on it fail from then on. Never hangs; may be
    /// called again.
    package func stop() {
        control.hold {
            isStopped = true
            guard let thread else { return }
            self.thread = nil
            loop.stop(thread)
        }
    }

    /// The thread that serves the mount, while it does.
    var servingThread: PosixThread? { control.hold { thread } }

    /// Whether the thread has ended: after `stop`, after the unmount, or after an error (see `failure`).
    package var hasEnded: Bool { loop.hasEnded }

    /// From the return of this call on, nothing in the mount changes and nothing is recorded: requests that would are answered
    /// with EIO.
    package func freeze() {
        loop.lock.hold { loop.service.isFrozen = true }
    }

    /// The tree as it is now.
    package var tree: FileTree {
        loop.lock.hold { loop.service.tree }
    }

    /// The recording so far. With `tree` taken after `freeze`, both describe the same moment.
    package func recording() -> Recording {
        loop.lock.hold { loop.service.writer.recording() }
    }

    /// Why the run had to end, in one sentence; nil while all is well.
    package var failure: String? {
        loop.lock.hold { loop.service.failure ?? loop.failure }
    }

    /// Why the recording could not grow, where that is why the run had to end: EFBIG past the memory set aside for it.
    package var growthError: Errno? {
        loop.lock.hold { loop.service.growthError }
    }
}
