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
    /// Why the recording could not grow: nothing can be recorded any more.
    private(set) var growthError: Errno?

    /// Who sent the request at hand.
    var caller = Caller()
    /// The request at hand, until a handler takes it or something is recorded.
    private var request: ReceivedRequest?
    /// The capabilities that the kernel offered with its INIT request, while that is being answered; else 0.
    var offeredCapabilities: UInt32 = 0

    /// nil on a mount that is not watched.
    let watch: Watch?
    /// Where each machine's storage ends, where there are several.
    var borders: MachineMap?

    var nodes: [InodeNumber: NodeUse] = [:]
    var listings = DirectoryListings()
    var impliedSyncs = ImpliedSyncs()
    /// Bytes written to the mark file so far, which is the size it shows.
    var markSize: UInt64 = 0

    private let buffers = Buffers()
    /// Where replies are put together: one request is answered at a time.
    var scratch: UnsafeMutableRawBufferPointer { buffers.scratch }

    /// The longest payload of one request, in bytes: what the kernel's default of 256 pages allows.
    static let maximumTransfer = 1 << 20
    /// What receiving a request needs: libfuse reserves a page for the headers.
    static let requestSpace = maximumTransfer + 4096

    init(tree: FileTree, writer: RecordingWriter, options: MountOptions, watch: Watch?) {
        self.tree = tree
        self.tree.keep(writer.arena)
        self.writer = writer
        self.options = options
        self.watch = watch
        borders = options.mounts.isEmpty ? nil : MachineMap(options.mounts, in: tree)
    }

    private final class Buffers {
        let scratch = UnsafeMutableRawBufferPointer.allocate(
            byteCount: TreeService.maximumTransfer, alignment: 4096)
        /// Receives requests when the recording has no room for them any more.
        let spare = UnsafeMutableRawBufferPointer.allocate(
            byteCount: TreeService.requestSpace, alignment: 4096)

        deinit {
            scratch.deallocate()
            spare.deallocate()
        }
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

    // MARK: The request at hand

    /// Where the next request is to be received.
    func receiveSpace() -> ReceivedRequest {
        if growthError == nil {
            do throws(Errno) {
                return try writer.space(Self.requestSpace)
            } catch {
                fail(error)
            }
        }
        return ReceivedRequest(at: buffers.spare.baseAddress!, space: buffers.spare.count)
    }

    /// From now on this request is answered.
    func begin(_ request: consuming ReceivedRequest) {
        let header = request.header
        caller = Caller(user: header.uid, group: header.gid, thread: header.pid)
        self.request = consume request
    }

    /// What follows the header of the request at hand. Nothing was recorded since it came.
    func requestBody<Body: BitwiseCopyable>(_ type: Body.Type) -> Body {
        request!.load(as: type)
    }

    /// The request at hand, to be recorded; nothing was recorded since it came.
    func takeRequest() -> ReceivedRequest {
        request.take()!
    }

    /// Room for bytes to record, in the place of the request at hand.
    ///
    /// - Parameter count: in bytes; at most `maximumTransfer`.
    func space(_ count: Int) throws(Errno) -> ReceivedRequest {
        precondition(count <= Self.maximumTransfer, "a payload longer than the space reserved")
        request = nil
        let space = receiveSpace()
        try checkChangeable()
        return space
    }

    // MARK: Recording

    private func fail(_ error: Errno) {
        growthError = error
    }

    /// The same in one sentence.
    var failure: String? {
        growthError.map {
            "the recording cannot grow (\($0)): the run ends here, what was recorded is kept"
        }
    }

    /// - Throws: EIO when changes are over.
    func checkChangeable() throws(Errno) {
        guard !isFrozen && growthError == nil else { throw .ioError }
    }

    /// Does `operation` and records it: both, or neither.
    func perform(_ operation: Operation) throws(Errno) {
        impliedSyncs.drop(by: caller.thread)
        try commit(.operation(operation))
    }

    /// Does what a request asks for and records it: both, or neither. There is no other way for a request to change anything.
    ///
    /// - Parameter request: where it is a write or a mark: its bytes are those at the request's payload.
    /// - Returns: how many bytes of a write were taken.
    @discardableResult
    func commit(
        _ asked: Record.Event, in request: consuming ReceivedRequest? = nil
    ) throws(Errno) -> Int {
        var event = asked
        var request = request
        try checkChangeable()
        if let borders, case .operation(let operation) = event { try borders.check(operation) }
        switch try intercept(.before, event, &request) {
        case .answered: return 0
        case .shortened(let count): event.shorten(to: count)
        case .none, .flipped, .misplaced: break
        }
        try store(event, in: request)
        var none: ReceivedRequest?
        try intercept(.after, event, &none)
        return event.length
    }

    /// Does and records what no request asked for as such: no fault meets it.
    func store(
        _ event: Record.Event, in request: consuming ReceivedRequest? = nil
    ) throws(Errno) {
        try checkChangeable()
        guard case .operation(let operation) = event else {
            try append(event, in: request)
            if case .mark(let bytes) = event { markSize += UInt64(bytes.count) }
            return
        }
        let effects = try tree.effects(of: operation)
        try append(event, in: request)
        watch?.faults.follow(operation, effects, in: tree)
        if !effects.isEmpty { tree.apply(effects, at: .now) }
        borders?.follow(operation)
        watch?.knownNames.follow(operation, in: tree)
    }

    private func append(
        _ event: Record.Event, in request: consuming ReceivedRequest?
    ) throws(Errno) {
        if let request {
            do throws(Errno) {
                try writer.append(request, as: event, thread: caller.thread)
            } catch {
                // The record is there; what comes next is refused.
                fail(error)
            }
            return
        }
        self.request = nil
        do throws(Errno) {
            try writer.append(event, thread: caller.thread)
        } catch {
            fail(error)
            throw .ioError
        }
    }

    /// Appends what was done to a request of which nothing else is recorded, or was already.
    func note(_ fault: Fault) throws(Errno) {
        try append(.fault(fault), in: nil)
    }

    /// Appends what was done to a request behind what is still to be recorded of it.
    func note(_ fault: Fault, behind request: borrowing ReceivedRequest) {
        writer.append(.fault(fault), behind: request, thread: caller.thread)
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
        if let watch, tree[number] == nil { watch.knownNames.forget(number) }
    }

    // MARK: Attributes for replies

    func attributes(_ number: InodeNumber) throws(Errno) -> fuse_attr {
        if let hidden = HiddenFile(number) { return attributes(of: hidden) }
        return attributes(number, try tree.inode(number))
    }

    /// As programs are to see them.
    func attributes(_ number: InodeNumber, _ inode: Inode) -> fuse_attr {
        var attributes = fuse_attr(number, inode)
        if let owner = options.owner {
            attributes.uid = owner.user
            attributes.gid = owner.group
        }
        return attributes
    }

    private func attributes(of hidden: HiddenFile) -> fuse_attr {
        var inode = Inode(NewInode(.regular, mode: hidden.mode), at: .ofCrashStates)
        inode.nameCount = 1
        var attributes = attributes(InodeNumber(hidden.rawValue), inode)
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
            seconds: watch?.entrySeconds ?? cacheSeconds)
    }

    // MARK: Lives

    /// Goes on with another tree. What the kernel knows of files counts no longer; directories that are there still keep
    /// their numbers, so that whoever stands in one goes on.
    func exchange(_ next: NextLife) {
        let known = knownNodes
        tree = next.tree
        tree.keep(next.writer.arena)
        writer = next.writer
        request = nil
        nodes = nodes.filter { tree[$0.key]?.kind == .directory }
        watch?.beginLife(forgetting: known) { tree[$0]?.kind == .directory }
        impliedSyncs = ImpliedSyncs()
    }
}

extension Record.Event {
    /// Bytes that are written; 0 for all else.
    fileprivate var length: Int {
        guard case .operation(.write(_, _, let bytes, _)) = self else { return 0 }
        return bytes.count
    }

    /// - Parameter count: of a write, at most so many bytes are left.
    fileprivate mutating func shorten(to count: Int) {
        guard case .operation(.write(let number, let offset, let bytes, let origin)) = self,
            bytes.count > count
        else { return }
        self = .operation(.write(number, offset: offset, bytes.slice(0..<count), origin))
    }
}
