import CFuse
import FileTree
import Glibc
import Recording

import struct SystemPackage.Errno

/// Answers the requests of one mount against its tree, and records what changes it.
///
/// Not thread-safe: `MountServer` calls it under its lock. Handlers (in the extensions, by topic) return a `Reply` or throw
/// the `Errno` that the kernel is to see; a throw means that nothing changed.
final class TreeService {
    private(set) var tree: FileTree
    private(set) var writer: RecordingWriter
    let options: MountOptions
    /// From now on nothing changes and nothing is recorded; requests that would change something get EIO.
    var isFrozen = false
    /// Why nothing can be recorded any more; one sentence.
    private(set) var failure: String?
    /// Why the recording could not grow, where that is the failure.
    private(set) var growthError: Errno?

    /// Who sent the request at hand.
    var caller = Caller()
    /// The request at hand, as the kernel wrote it. Gone as soon as a record is appended, which takes its place.
    var request: UnsafeRawPointer
    /// The capabilities that the kernel offered with its INIT request, while that is being answered; else 0.
    var offeredCapabilities: UInt32 = 0

    /// The number of the life since the mount began, on a watched mount; else 0.
    private(set) var life: UInt64
    /// How long the kernel may keep names.
    var entrySeconds = cacheSeconds
    /// Asked of each request, on a watched mount.
    var interceptor: ((Interception) -> InterceptionVerdict)?
    /// What the interceptor's verdicts need of the loop: waiting for the release.
    var waitForRelease: () -> Void = {}
    /// What faults have left to do; on a watched mount.
    var faults: FaultState?
    var lateAnswers: LateAnswers?
    /// What the kernel is to forget: known before the latest power loss.
    var staleNodes: [UInt64] = []
    /// Where each machine's storage ends, where there are several.
    var borders: MachineMap?
    /// By what names inodes are known; on a watched mount.
    var knownNames: KnownNames?

    var nodes: [InodeNumber: NodeUse] = [:]
    var listings: [UInt64: DirectoryListing] = [:]
    var nextListing: UInt64 = 1
    var impliedSyncs = ImpliedSyncs()
    /// Bytes written to the mark file so far, which is the size it shows.
    var markSize: UInt64 = 0

    /// Where replies are put together: one request is answered at a time.
    let scratch: UnsafeMutableRawBufferPointer
    /// Receives requests when the recording has no room for them any more.
    let spare: UnsafeMutableRawBufferPointer

    /// The longest payload of one request, in bytes: what the kernel's default of 256 pages allows.
    static let maximumTransfer = 1 << 20
    /// What receiving a request needs: libfuse reserves a page for the headers.
    static let requestSpace = maximumTransfer + 4096

    init(tree: FileTree, writer: RecordingWriter, options: MountOptions) {
        self.tree = tree
        self.tree.keep(writer.arena)
        self.writer = writer
        self.options = options
        life = options.isWatched ? 1 : 0
        knownNames = options.isWatched ? KnownNames() : nil
        faults = options.isWatched ? FaultState(options.syncFailure) : nil
        borders = options.mounts.isEmpty ? nil : MachineMap(options.mounts, in: tree)
        scratch = .allocate(byteCount: Self.maximumTransfer, alignment: 4096)
        spare = .allocate(byteCount: Self.requestSpace, alignment: 4096)
        request = UnsafeRawPointer(spare.baseAddress!)
    }

    deinit {
        scratch.deallocate()
        spare.deallocate()
    }

    struct Caller {
        var user: UInt32 = 0
        var group: UInt32 = 0
        /// 0 when the kernel writes dirty pages back.
        var thread: UInt32 = 0
    }

    /// What keeps an inode without a name in the tree.
    struct NodeUse {
        /// How often the kernel was told of it and has not forgotten.
        var lookups: UInt64 = 0
        var opens: UInt64 = 0
    }

    // MARK: Recording

    /// Where the next request is to be received.
    func receiveSpace() -> UnsafeMutableRawPointer {
        if failure == nil {
            do throws(Errno) {
                return try writer.space(Self.requestSpace)
            } catch {
                fail(error)
            }
        }
        return spare.baseAddress!
    }

    private func fail(_ error: Errno) {
        growthError = error
        failure =
            "the recording cannot grow (\(error)): the run ends here, what was recorded is kept"
    }

    /// - Throws: EIO when changes are over.
    func checkChangeable() throws(Errno) {
        guard !isFrozen && failure == nil else { throw .ioError }
    }

    /// Does `operation` and records it: both, or neither.
    func perform(_ operation: Operation) throws(Errno) {
        impliedSyncs.drop(by: caller.thread)
        try record(operation)
    }

    /// `perform`, without the belief that the caller's thread has gone on to something else.
    func record(_ operation: Operation) throws(Errno) {
        try checkChangeable()
        try borders?.check(operation)
        if try intercept(.before, operation) == .answered { return }
        try recordUnasked(operation)
        try intercept(.after, operation)
    }

    /// Records what no request of its own asked for: no fault meets it.
    func recordUnasked(_ operation: Operation) throws(Errno) {
        try checkChangeable()
        let effects = try tree.effects(of: operation)
        do throws(Errno) {
            try writer.append(.operation(operation), thread: caller.thread)
        } catch {
            fail(error)
            throw .ioError
        }
        faults?.follow(operation, effects, in: tree)
        if !effects.isEmpty { tree.apply(effects, at: .now) }
        borders?.follow(operation)
        knownNames?.follow(operation, in: tree)
    }

    /// Does and records a write whose bytes lie at the writer's payload address: nothing is copied.
    ///
    /// - Returns: how many bytes were taken.
    @discardableResult
    func recordWriteInPlace(
        _ number: InodeNumber, offset: UInt64, length asked: Int, _ origin: WriteOrigin
    ) throws(Errno) -> Int {
        try checkChangeable()
        var length = asked
        if case .shortened(let count) = try intercept(.before, .write, { [path(of: number)] }) {
            length = min(length, count)
        }
        try appendWriteInPlace(number, offset: offset, length: length, origin)
        noteInjected()
        try intercept(.after, .write) { [path(of: number)] }
        return length
    }

    /// Does and records a write that no request of its own asked for: no fault meets it.
    ///
    /// - Parameter bytes: at most `maximumTransfer`.
    func recordUnaskedWrite(
        _ number: InodeNumber, offset: UInt64, _ bytes: OwnedBytes, _ origin: WriteOrigin
    ) throws(Errno) {
        try copyToPayload(bytes.bytes)
        try appendWriteInPlace(number, offset: offset, length: bytes.bytes.count, origin)
    }

    /// The tree goes on with the bytes where they lie in the recording: they must be there, not where they came from.
    private func appendWriteInPlace(
        _ number: InodeNumber, offset: UInt64, length: Int, _ origin: WriteOrigin
    ) throws(Errno) {
        let bytes = Bytes(start: UnsafeRawPointer(writer.payloadAddress), count: length)
        let operation = Operation.write(number, offset: offset, bytes, origin)
        let effects = try tree.effects(of: operation)
        writer.appendInPlace(
            length: length, at: offset, of: number, origin, thread: caller.thread)
        faults?.follow(operation, effects, in: tree)
        tree.apply(effects, at: .now)
    }

    /// Appends what was done to the request at hand.
    func note(_ fault: Fault) throws(Errno) {
        do throws(Errno) {
            try writer.append(.fault(fault), thread: caller.thread)
        } catch {
            fail(error)
            throw .ioError
        }
    }

    /// Puts another content into a file, which no request asked for.
    func restore(_ undone: UnsyncedContents.Undone) {
        tree.restore(undone.inode, undone.content, modified: undone.modified)
    }

    // MARK: Inodes that the kernel holds

    func addLookup(_ number: InodeNumber) {
        nodes[number, default: NodeUse()].lookups += 1
    }

    func addOpen(_ number: InodeNumber) {
        nodes[number, default: NodeUse()].opens += 1
    }

    /// Takes uses back; the last one takes an inode without a name out of the tree.
    func release(_ number: InodeNumber, lookups: UInt64 = 0, opens: UInt64 = 0) {
        guard var use = nodes[number] else { return }
        use.lookups -= min(use.lookups, lookups)
        use.opens -= min(use.opens, opens)
        if use.lookups == 0 && use.opens == 0 {
            nodes[number] = nil
            dropIfUnused(number)
        } else {
            nodes[number] = use
        }
    }

    /// Takes an inode out of the tree that has neither name nor use.
    func dropIfUnused(_ number: InodeNumber) {
        guard nodes[number] == nil else { return }
        tree.forget(number)
        if knownNames != nil, tree[number] == nil { knownNames?.forget(number) }
    }

    // MARK: Attributes for replies

    func attributes(_ number: InodeNumber) throws(Errno) -> fuse_attr {
        if let hidden = HiddenFile(number) { return attributes(of: hidden) }
        return fuse_attr(number, try tree.inode(number))
    }

    private func attributes(of hidden: HiddenFile) -> fuse_attr {
        var inode = Inode(NewInode(.regular, mode: hidden.mode), at: .ofCrashStates)
        inode.nameCount = 1
        var attributes = fuse_attr(InodeNumber(hidden.rawValue), inode)
        if hidden == .mark { attributes.size = markSize }
        return attributes
    }

    /// The entry of an inode, which the kernel holds from now on.
    func entry(_ number: InodeNumber) throws(Errno) -> fuse_entry_out {
        let entry = entryOut(try attributes(number))
        addLookup(number)
        return entry
    }

    func entryOut(_ attributes: fuse_attr) -> fuse_entry_out {
        fuse_entry_out(
            attributes,
            node: node(
                InodeNumber(attributes.ino),
                isDirectory: attributes.mode & S_IFMT == S_IFDIR),
            seconds: entrySeconds)
    }

    // MARK: Lives

    /// Goes on with another tree. What the kernel knows of files counts no longer; directories that are there still keep
    /// their numbers, so that whoever stands in one goes on.
    func exchange(_ next: NextLife) {
        staleNodes += knownNodes
        life += 1
        tree = next.tree
        tree.keep(next.writer.arena)
        writer = next.writer
        do throws(Errno) {
            // The request at hand may be appended to it.
            _ = try writer.space(Self.requestSpace)
        } catch {
            fail(error)
        }
        nodes = nodes.filter { tree[$0.key]?.kind == .directory }
        knownNames?.keepOnly { tree[$0]?.kind == .directory }
        impliedSyncs = ImpliedSyncs()
        faults?.beginLife()
    }
}
