import FileTree

import struct SystemPackage.Errno

/// A life of a file tree, made up from a seed.
package struct History: Sendable {
    package struct Attempt: Sendable {
        package let operation: Operation
        /// What the system call fails with, or nil when it succeeds.
        package let error: Errno?
    }

    package let attempts: [Attempt]
    /// The attempts that succeeded.
    package let operations: [Operation]
    /// The naive tree after all of them.
    package let tree: NaiveTree
    /// Keeps the bytes of all writes alive: `tree.keep(history.bytes)`.
    package let bytes: BytePool

    /// The file tree after the first `count` operations (all of them when nil).
    package func fileTree(after count: Int? = nil) throws(Errno) -> FileTree {
        var tree = FileTree()
        tree.keep(bytes)
        for operation in operations.prefix(count ?? operations.count) {
            tree.apply(try tree.effects(of: operation))
        }
        return tree
    }
}

/// Owner of many `Bytes`.
package final class BytePool: @unchecked Sendable {
    private var owned: [OwnedBytes] = []

    package init() {}

    package func add(_ bytes: [UInt8]) -> Bytes {
        let new = OwnedBytes(bytes)
        owned.append(new)
        return new.bytes
    }
}

/// Makes random operations that get in each other's way: few names, few sizes, most of them at the edges of sectors and
/// blocks, every inode (unlinked ones too) as likely as any other.
package struct OperationGenerator {
    /// One operation in this many is made without a look at whether it can succeed; 0 for never.
    package var carelessOneIn = 8
    /// Files stay below this many bytes (failing attempts aside).
    package var maximumFileSize = 48 << 10
    /// Whether syncs are among the operations.
    package var makesSyncs = true

    private var random: TestRandom
    private var tree: NaiveTree
    private let pool = BytePool()
    private var attempts: [History.Attempt] = []
    private var fill: UInt8 = 0

    /// - Parameter tree: where the history begins.
    package init(seed: Seed, tree: NaiveTree = NaiveTree()) {
        random = TestRandom(seed: seed)
        self.tree = tree
    }

    /// A history of `count` attempts from an empty tree on.
    package static func history(seed: Seed, count: Int) -> History {
        OperationGenerator(seed: seed).history(count: count)
    }

    /// `count` attempts from here on; those of successive calls are not joined.
    package func history(count: Int) -> History {
        var generator = self
        for _ in 0..<count { generator.attempt() }
        return History(
            attempts: generator.attempts,
            operations: generator.attempts.filter { $0.error == nil }.map(\.operation),
            tree: generator.tree, bytes: pool)
    }

    private mutating func attempt() {
        let isCareless = carelessOneIn > 0 && random.oneIn(carelessOneIn)
        // A careful attempt that fails is made again otherwise; an empty tree allows little.
        for _ in 0..<20 {
            let operation = isCareless ? carelessOperation() : operation()
            do throws(Errno) {
                try tree.apply(operation)
                attempts.append(History.Attempt(operation: operation, error: nil))
                return
            } catch {
                if isCareless {
                    attempts.append(History.Attempt(operation: operation, error: error))
                    return
                }
            }
        }
    }

    // MARK: Operations

    private mutating func operation() -> Operation {
        switch random.below(makesSyncs ? 46 : 40) {
        case 0..<5: .create(tree.nextInode, at: entry(), new(.regular))
        case 5..<8: .create(tree.nextInode, at: entry(), new(.directory))
        case 8: .create(tree.nextInode, at: entry(), new(.symbolicLink))
        case 9: .create(tree.nextInode, at: entry(), new(random.element(of: Self.special)))
        case 10: .createUnnamed(tree.nextInode, new(.regular))
        case 11..<13: .link(inode(), at: entry())
        case 13..<16: remove()
        case 16..<21:
            .rename(from: usedEntry(), to: random.oneIn(2) ? usedEntry() : entry(), mode())
        case 21..<30: write()
        case 30..<33: .setSize(file(), UInt64(size()))
        case 33..<36: allocate()
        case 36..<38: .setAttributes(inode(), attributes())
        case 38..<40: extendedAttribute()
        default: .sync(sync())
        }
    }

    private mutating func carelessOperation() -> Operation {
        let huge = UInt64(Int64.max)
        switch random.below(12) {
        case 0: return .create(tree.nextInode, at: carelessEntry(), new(.regular))
        case 1: return .create(inode(), at: carelessEntry(), new(.directory))
        case 2: return .link(carelessInode(), at: carelessEntry())
        case 3: return .remove(at: carelessEntry(), directory: random.oneIn(2))
        case 4, 5, 6: return .rename(from: carelessEntry(), to: carelessEntry(), mode())
        case 7:
            let bytes = pool.add([1, 2, 3])
            let offset = random.element(of: [0, huge - 2, huge, UInt64.max - 1])
            return .write(carelessInode(), offset: random.oneIn(2) ? 5 : offset, bytes, .call)
        case 8: return .setSize(carelessInode(), random.element(of: [0, 7, huge + 1, UInt64.max]))
        case 9:
            let start = random.element(of: [0, huge])
            return .allocate(
                carelessInode(), allocateMode(), start..<start + UInt64(random.below(2)))
        case 10: return .setAttributes(carelessInode(), attributes())
        default:
            return .setExtendedAttribute(
                carelessInode(), name: random.element(of: Self.attributeNames), value: nil)
        }
    }

    private static let special: [FileKind] = [.fifo, .socket, .characterDevice, .blockDevice]

    private mutating func new(_ kind: FileKind) -> NewInode {
        NewInode(
            kind, mode: UInt32(random.element(of: [0o644, 0o755, 0o600, 0o1777, 0o4755])),
            user: UInt32(random.below(3)), group: UInt32(random.below(3)),
            target: kind == .symbolicLink ? Array("../\(random.below(4))".utf8) : [],
            device: kind == .characterDevice || kind == .blockDevice ? 0x0103 : 0)
    }

    private mutating func remove() -> Operation {
        let entry = usedEntry()
        let isDirectory =
            tree.nodes[entry.directory]?.entries[entry.name]
            .map { tree.nodes[$0]!.kind == .directory } ?? false
        return .remove(at: entry, directory: isDirectory)
    }

    private mutating func mode() -> RenameMode {
        random.element(of: [.replace, .replace, .replace, .noReplace, .exchange])
    }

    private mutating func write() -> Operation {
        let number = file()
        let offset = offset(in: number)
        let length = min(
            random.element(of: [1, 3, 24, 24, 100, 511, 512, 513, 4072, 4096, 4096, 4120, 9000]),
            maximumFileSize - offset)
        fill &+= 1
        // Zeros too: written zeros and holes must look alike.
        let first = random.oneIn(6) ? nil : fill
        let bytes = (0..<length).map { index in
            first.map { $0 &+ UInt8(truncatingIfNeeded: index / 256) } ?? 0
        }
        let origin = random.element(
            of: [.call, .call, .mapping, .synchronousCall] as [WriteOrigin])
        return .write(number, offset: UInt64(offset), pool.add(bytes), origin)
    }

    private mutating func allocate() -> Operation {
        let number = file()
        let start = offset(in: number)
        let end = min(max(start + 1, random.oneIn(2) ? size() : start + 4096), maximumFileSize)
        return .allocate(number, allocateMode(), UInt64(start)..<UInt64(max(start + 1, end)))
    }

    private mutating func allocateMode() -> AllocateMode {
        random.element(of: [.extend, .keepSize, .punchHole, .zeroRange, .zeroRangeKeepSize])
    }

    private mutating func attributes() -> AttributeChange {
        AttributeChange(
            mode: random.oneIn(2) ? UInt32(random.element(of: [0o600, 0o644, 0o7777, 0])) : nil,
            user: random.oneIn(3) ? UInt32(random.below(4)) : nil,
            group: random.oneIn(3) ? UInt32(random.below(4)) : nil,
            accessed: random.oneIn(4) ? Timestamp(nanoseconds: Int64(random.below(1000))) : nil,
            modified: random.oneIn(4) ? Timestamp(nanoseconds: -Int64(random.below(1000))) : nil)
    }

    private static let attributeNames: [FileName] = ["user.a", "user.b", "security.capability"]

    private mutating func extendedAttribute() -> Operation {
        let value = random.oneIn(3) ? nil : random.bytes(random.element(of: [0, 1, 5, 300]))
        return .setExtendedAttribute(
            inode(), name: random.element(of: Self.attributeNames), value: value)
    }

    private mutating func sync() -> Sync {
        switch random.below(8) {
        case 0..<3: .file(file(), dataOnly: random.oneIn(2))
        case 3:
            .range(
                file(), UInt64(random.below(4096))..<UInt64(4096 + random.below(8192)),
                dataOnly: random.oneIn(2))
        case 4..<7: .directory(directory(), dataOnly: random.oneIn(2))
        default: .everything
        }
    }

    // MARK: Choices

    private static let names: [FileName] = [
        "a", "b", "c", "d", FileName(bytes: [0xff, 0x20, 0x0a]),
    ]

    private mutating func entry() -> DirectoryEntry {
        DirectoryEntry(directory(), random.element(of: Self.names))
    }

    /// An entry that exists, if the directory chosen has any.
    private mutating func usedEntry() -> DirectoryEntry {
        let directory = directory()
        let used = tree.nodes[directory]!.entries.keys.sorted()
        return DirectoryEntry(directory, random.element(of: used.isEmpty ? Self.names : used))
    }

    private mutating func carelessEntry() -> DirectoryEntry {
        if random.oneIn(3) { return usedEntry() }
        let longest = FileName(bytes: [UInt8](repeating: 0x78, count: 255))
        let tooLong = FileName(bytes: [UInt8](repeating: 0x78, count: 256))
        let choices = Self.names + [longest, tooLong, "", ".", "..", "a/b", "a\0b"]
        return DirectoryEntry(carelessInode(), random.element(of: choices))
    }

    private mutating func carelessInode() -> InodeNumber {
        random.oneIn(6) ? InodeNumber(random.element(of: [0, 999, 1 << 62, .max])) : inode()
    }

    private mutating func inode() -> InodeNumber {
        random.element(of: tree.nodes.keys.sorted())
    }

    /// A regular file, if there is one.
    private mutating func file() -> InodeNumber {
        let files = tree.nodes.filter { $0.value.kind == .regular }.keys.sorted()
        return files.isEmpty ? inode() : random.element(of: files)
    }

    private mutating func directory() -> InodeNumber {
        random.element(of: tree.nodes.filter { $0.value.kind == .directory }.keys.sorted())
    }

    private mutating func size() -> Int {
        min(
            random.element(of: [
                0, 1, 24, 511, 512, 513, 4095, 4096, 4097, 5000, 8192, 12_288, 12_300, 20_000,
            ]), maximumFileSize)
    }

    private mutating func offset(in number: InodeNumber) -> Int {
        let end = tree.nodes[number]?.data.count ?? 0
        let offset = random.oneIn(2) ? end : random.oneIn(3) ? random.below(20_000) : size()
        return min(offset, maximumFileSize - 1)
    }
}
