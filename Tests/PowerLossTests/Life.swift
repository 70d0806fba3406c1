import FileTree
import PowerLoss
import Recording

/// A small life of a file tree, written down as calls by path.
///
/// What is done before `powerOn` is durable; what is done after it is recorded. The bytes of a write are one letter, repeated:
/// O for old content, N for new, as in the tables of states that real kernels left.
struct Life {
    private(set) var tree = FileTree()
    private var writer: RecordingWriter?
    private var files: [String: InodeNumber] = [:]

    init() {}

    /// From here on everything is recorded and at risk.
    mutating func powerOn() {
        _ = tree.settle()
        // 64 MiB of address space: no history here comes near.
        let arena = try! Arena(memoryLimit: 64 << 20)
        writer = try! RecordingWriter(arena: arena, base: tree, storesBase: false, nonce: 1)
        tree.keep(arena)
    }

    var recording: Recording { writer!.recording() }

    /// The same, noted to be the storage of several machines.
    func recording(mounts: [String]) throws -> Recording {
        try writer!.note(Recording.mountsNote, Array(mounts.joined(separator: "\n").utf8))
        return recording
    }

    func storage(_ model: PersistenceModel, _ stack: Stack = .honest) -> Storage {
        Storage(log: try! EffectLog(recording), model: model, stack: stack)
    }

    private mutating func perform(_ operation: Operation) {
        try! writer?.append(.operation(operation))
        tree.apply(try! tree.effects(of: operation))
    }

    // MARK: Names

    /// The inode at `path`, or the one that a descriptor of that name holds (`unnamed`, `hold`).
    func inode(_ path: String) -> InodeNumber {
        if path.isEmpty || path == "/" { return .root }
        guard let number = files[path] ?? tree.lookUp(path: path) else {
            preconditionFailure("no \(path) in this history")
        }
        return number
    }

    private func entry(_ path: String) -> DirectoryEntry {
        let parts = path.split(separator: "/")
        let parent = parts.dropLast().joined(separator: "/")
        return DirectoryEntry(inode(parent), FileName(String(parts.last!)))
    }

    mutating func create(_ path: String, mode: UInt32 = 0o644) {
        perform(.create(tree.nextInode, at: entry(path), NewInode(.regular, mode: mode)))
    }

    mutating func makeDirectory(_ path: String) {
        perform(.create(tree.nextInode, at: entry(path), .directory))
    }

    mutating func symlink(_ target: String, _ path: String) {
        let new = NewInode(.symbolicLink, mode: 0o777, target: Array(target.utf8))
        perform(.create(tree.nextInode, at: entry(path), new))
    }

    /// O_TMPFILE; `name` is what the other calls know the descriptor by.
    mutating func createUnnamed(_ name: String) {
        files[name] = tree.nextInode
        perform(.createUnnamed(tree.nextInode, .file))
    }

    /// Keeps the file at `path` in reach as `name` when its own name goes.
    mutating func hold(_ path: String, as name: String) {
        files[name] = inode(path)
    }

    mutating func link(_ path: String, _ new: String) {
        perform(.link(inode(path), at: entry(new)))
    }

    mutating func unlink(_ path: String) {
        perform(.remove(at: entry(path), directory: false))
    }

    mutating func removeDirectory(_ path: String) {
        perform(.remove(at: entry(path), directory: true))
    }

    mutating func rename(_ from: String, _ to: String) {
        perform(.rename(from: entry(from), to: entry(to), .replace))
    }

    mutating func exchange(_ a: String, _ b: String) {
        perform(.rename(from: entry(a), to: entry(b), .exchange))
    }

    // MARK: Content

    mutating func write(_ path: String, _ offset: UInt64, _ length: Int, _ tag: Character) {
        perform(.write(inode(path), offset: offset, Self.bytes(tag, length), .call))
    }

    /// A dirty page of a mapping, as it was seen in the page cache.
    mutating func seeDirtyPage(_ path: String, _ offset: UInt64, _ tag: Character) {
        perform(.write(inode(path), offset: offset, Self.bytes(tag, 4096), .dirtyPage))
    }

    /// The kernel writes a page of a mapping.
    mutating func writeBack(_ path: String, _ offset: UInt64, _ tag: Character) {
        perform(.write(inode(path), offset: offset, Self.bytes(tag, 4096), .mapping))
    }

    /// A write on an O_DSYNC (or O_SYNC) descriptor.
    mutating func writeThrough(
        _ path: String, _ offset: UInt64, _ length: Int, _ tag: Character, dataOnly: Bool = true
    ) {
        let number = inode(path)
        perform(.write(number, offset: offset, Self.bytes(tag, length), .synchronousCall))
        perform(.sync(.range(number, offset..<offset + UInt64(length), dataOnly: dataOnly)))
    }

    mutating func append(_ path: String, _ length: Int, _ tag: Character) {
        write(path, tree[inode(path)]!.content.size, length, tag)
    }

    mutating func truncate(_ path: String, _ size: UInt64) {
        perform(.setSize(inode(path), size))
    }

    mutating func allocate(_ path: String, _ range: Range<UInt64>, _ mode: AllocateMode) {
        perform(.allocate(inode(path), mode, range))
    }

    /// An fallocate on an O_SYNC descriptor.
    mutating func allocateThrough(_ path: String, _ range: Range<UInt64>, _ mode: AllocateMode) {
        allocate(path, range, mode)
        perform(.sync(.allocation(inode(path), dataOnly: false)))
    }

    // MARK: Attributes

    mutating func chmod(_ path: String) {
        perform(.setAttributes(inode(path), AttributeChange(mode: 0o600)))
    }

    mutating func chown(_ path: String) {
        perform(.setAttributes(inode(path), AttributeChange(user: 7)))
    }

    mutating func utimens(_ path: String) {
        let time = Timestamp(nanoseconds: 1_000_000_000)
        perform(.setAttributes(inode(path), AttributeChange(modified: time)))
    }

    mutating func setxattr(_ path: String) {
        perform(.setExtendedAttribute(inode(path), name: "user.x", value: [1]))
    }

    // MARK: Syncs

    mutating func fsync(_ path: String) { sync(path, dataOnly: false) }

    mutating func fdatasync(_ path: String) { sync(path, dataOnly: true) }

    private mutating func sync(_ path: String, dataOnly: Bool) {
        let number = inode(path)
        if tree[number]!.kind == .directory {
            perform(.sync(.directory(number, dataOnly: dataOnly)))
        } else {
            perform(.sync(.file(number, dataOnly: dataOnly)))
        }
    }

    /// A sync of a file that fails with EIO.
    mutating func failSync(_ path: String, _ failure: SyncFailure, range: Range<UInt64>? = nil) {
        let number = inode(path)
        let sync =
            range.map { Sync.range(number, $0, dataOnly: true) } ?? .file(number, dataOnly: true)
        try! writer!.append(
            .fault(
                Fault(
                    operation: "fdatasync", effect: "EIO", path: path, error: .ioError, sync: sync,
                    failure: failure)))
        tree = try! recording.tree(after: recording.count)
    }

    /// Clean pages leave the page cache: of one file, or of all.
    mutating func evict(_ path: String? = nil) {
        let eviction = path.map { Eviction.file(inode($0)) } ?? .everything
        try! writer!.append(
            .fault(Fault(operation: "evict", effect: "", path: path ?? "", eviction: eviction)))
        tree = try! recording.tree(after: recording.count)
    }

    mutating func syncAll() { perform(.sync(.everything)) }

    // MARK: Bytes

    /// For each letter 1 MiB of it, made once and never freed.
    private static let letters: [Character: OwnedBytes] = Dictionary(
        uniqueKeysWithValues: "ONMPQZabcdefghij".map {
            ($0, OwnedBytes([UInt8](repeating: $0.asciiValue!, count: 1 << 20)))
        })

    static func bytes(_ tag: Character, _ length: Int) -> Bytes {
        letters[tag]!.bytes.slice(0..<length)
    }
}
