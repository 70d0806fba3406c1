import FileTree

import struct SystemPackage.Errno

/// The simplest file tree there is: dictionaries and arrays, operations applied to them as the manual pages say.
///
/// It knows neither effects nor blocks nor sharing, and shares no code with `FileTree`: what both agree on is likely right.
/// Times are left out.
package struct NaiveTree: Sendable {
    package struct Node: Sendable {
        package var kind: FileKind
        package var mode: UInt32
        package var user: UInt32
        package var group: UInt32
        package var target: [UInt8]
        package var device: UInt64
        package var data: [UInt8] = []
        package var attributes: [FileName: [UInt8]] = [:]
        package var entries: [FileName: InodeNumber] = [:]
    }

    package private(set) var nodes: [InodeNumber: Node] = [:]
    package private(set) var nextInode = InodeNumber(2)

    package init(rootMode: UInt32 = 0o755) {
        nodes[.root] = Node(
            kind: .directory, mode: rootMode, user: 0, group: 0, target: [], device: 0)
    }

    /// How many entries refer to `number`.
    package func nameCount(of number: InodeNumber) -> Int {
        nodes.values.reduce(0) { $0 + $1.entries.values.count { $0 == number } }
    }

    private func parent(of number: InodeNumber) -> InodeNumber? {
        nodes.first { $0.value.entries.values.contains(number) }?.key
    }

    /// Whether `inner` is `outer` or lies below it.
    private func isWithin(_ inner: InodeNumber, _ outer: InodeNumber) -> Bool {
        inner == outer || parent(of: inner).map { isWithin($0, outer) } ?? false
    }

    // MARK: Operations

    /// - Throws: what the system call would fail with; nothing has changed then.
    package mutating func apply(_ operation: Operation) throws(Errno) {
        switch operation {
        case .create(let number, let entry, let new):
            try checkNew(number, new)
            try checkFree(entry)
            add(number, new)
            nodes[entry.directory]!.entries[entry.name] = number
        case .createUnnamed(let number, let new):
            try checkNew(number, new)
            add(number, new)
        case .link(let number, let entry):
            guard try node(number).kind != .directory else { throw .notPermitted }
            try checkFree(entry)
            nodes[entry.directory]!.entries[entry.name] = number
        case .remove(let entry, let isDirectory):
            try remove(entry, isDirectory)
        case .rename(let from, let to, let mode):
            try rename(from, to, mode)
        case .write(let number, let offset, let bytes, _):
            try write(number, offset, bytes.array)
        case .setSize(let number, let size):
            let old = try file(number)
            guard size <= UInt64(Int64.max) else { throw .fileTooLarge }
            resize(number, old.data, Int(size))
        case .allocate(let number, let mode, let range):
            try allocate(number, mode, range)
        case .setAttributes(let number, let change):
            var node = try node(number)
            guard change.mode ?? 0 <= 0o7777 else { throw .invalidArgument }
            node.mode = change.mode ?? node.mode
            node.user = change.user ?? node.user
            node.group = change.group ?? node.group
            nodes[number] = node
        case .setExtendedAttribute(let number, let name, let value):
            let old = try node(number)
            guard value != nil || old.attributes[name] != nil else { throw .noData }
            nodes[number]!.attributes[name] = value
        case .sync:
            break
        }
    }

    private func node(_ number: InodeNumber) throws(Errno) -> Node {
        guard let node = nodes[number] else { throw .noSuchFileOrDirectory }
        return node
    }

    private func directory(_ number: InodeNumber) throws(Errno) -> Node {
        let node = try node(number)
        guard node.kind == .directory else { throw .notDirectory }
        return node
    }

    private func file(_ number: InodeNumber) throws(Errno) -> Node {
        let node = try node(number)
        guard node.kind != .directory else { throw .isDirectory }
        guard node.kind == .regular else { throw .invalidArgument }
        return node
    }

    private func checkNew(_ number: InodeNumber, _ new: NewInode) throws(Errno) {
        guard new.mode <= 0o7777 else { throw .invalidArgument }
        guard number.rawValue > 0, number.rawValue < 1 << 63 else { throw .invalidArgument }
        guard nodes[number] == nil else { throw .fileExists }
    }

    private mutating func add(_ number: InodeNumber, _ new: NewInode) {
        nodes[number] = Node(
            kind: new.kind, mode: new.mode, user: new.user, group: new.group, target: new.target,
            device: new.device)
        nextInode = max(nextInode, InodeNumber(number.rawValue + 1))
    }

    private func check(_ name: FileName) throws(Errno) {
        guard name.bytes.count <= 255 else { throw .fileNameTooLong }
        guard !name.bytes.contains(0), !name.bytes.contains(UInt8(ascii: "/")),
            !["", ".", ".."].contains(name)
        else { throw .invalidArgument }
    }

    private func place(_ entry: DirectoryEntry) throws(Errno) -> Node {
        try check(entry.name)
        let directory = try directory(entry.directory)
        guard entry.directory == .root || parent(of: entry.directory) != nil else {
            throw .noSuchFileOrDirectory
        }
        return directory
    }

    private func checkFree(_ entry: DirectoryEntry) throws(Errno) {
        guard try place(entry).entries[entry.name] == nil else { throw .fileExists }
    }

    private mutating func remove(_ entry: DirectoryEntry, _ isDirectory: Bool) throws(Errno) {
        guard let number = try directory(entry.directory).entries[entry.name] else {
            throw .noSuchFileOrDirectory
        }
        let node = nodes[number]!
        switch (isDirectory, node.kind == .directory) {
        case (true, false): throw .notDirectory
        case (false, true): throw .isDirectory
        case (true, true):
            guard node.entries.isEmpty else { throw .directoryNotEmpty }
        case (false, false): break
        }
        nodes[entry.directory]!.entries[entry.name] = nil
    }

    /// The checks stand in the order of Linux' `do_renameat2` and `vfs_rename`.
    private mutating func rename(
        _ from: DirectoryEntry, _ to: DirectoryEntry, _ mode: RenameMode
    ) throws(Errno) {
        try check(to.name)
        guard let moved = try directory(from.directory).entries[from.name] else {
            throw .noSuchFileOrDirectory
        }
        let target = try place(to)
        let replaced = target.entries[to.name]
        if mode == .noReplace && replaced != nil { throw .fileExists }
        if mode == .exchange && replaced == nil { throw .noSuchFileOrDirectory }
        if isWithin(to.directory, moved) { throw .invalidArgument }
        if let replaced, isWithin(from.directory, replaced) {
            throw mode == .exchange ? .invalidArgument : .directoryNotEmpty
        }
        if moved == replaced { return }
        if let replaced, mode == .replace {
            switch (nodes[moved]!.kind == .directory, nodes[replaced]!.kind == .directory) {
            case (true, false): throw .notDirectory
            case (false, true): throw .isDirectory
            default: break
            }
            guard nodes[replaced]!.entries.isEmpty else { throw .directoryNotEmpty }
        }
        nodes[from.directory]!.entries[from.name] = mode == .exchange ? replaced : nil
        nodes[to.directory]!.entries[to.name] = moved
    }

    private mutating func write(
        _ number: InodeNumber, _ offset: UInt64, _ bytes: [UInt8]
    ) throws(Errno) {
        let old = try file(number)
        guard offset <= UInt64(Int64.max), offset + UInt64(bytes.count) <= UInt64(Int64.max) else {
            throw .fileTooLarge
        }
        guard !bytes.isEmpty else { return }
        let end = Int(offset) + bytes.count
        if end > old.data.count { resize(number, old.data, end) }
        nodes[number]!.data.replaceSubrange(Int(offset)..<end, with: bytes)
    }

    private mutating func resize(_ number: InodeNumber, _ data: [UInt8], _ size: Int) {
        nodes[number]!.data =
            data.count >= size
            ? Array(data[..<size])
            : data + [UInt8](repeating: 0, count: size - data.count)
    }

    private mutating func allocate(
        _ number: InodeNumber, _ mode: AllocateMode, _ range: Range<UInt64>
    ) throws(Errno) {
        let old = try file(number)
        guard !range.isEmpty else { throw .invalidArgument }
        guard range.upperBound <= UInt64(Int64.max) else { throw .fileTooLarge }
        let (start, end) = (Int(range.lowerBound), Int(range.upperBound))
        if mode == .extend || mode == .zeroRange, end > old.data.count {
            resize(number, old.data, end)
        }
        guard mode != .extend && mode != .keepSize else { return }
        let present = nodes[number]!.data.count
        for index in min(start, present)..<min(end, present) { nodes[number]!.data[index] = 0 }
    }
}
