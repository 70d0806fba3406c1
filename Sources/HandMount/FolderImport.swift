import CSupport
import FileTree
import Glibc
import Recording
import Stage
import Workloads

import struct SystemPackage.Errno

/// A copy of a folder as a tree: names, kinds, hard links, modes, owners, attributes, times of change, bytes.
struct FolderImport {
    private var tree: FileTree
    private let arena: Arena
    private var used = 0
    /// The first name of each file with several, by device and number.
    private var known: [Identity: InodeNumber] = [:]

    private struct Identity: Hashable {
        let device: dev_t
        let number: ino_t
    }

    static func tree(of folder: String) throws -> FileTree {
        var importer = try FolderImport()
        var status = stat()
        guard stat(folder, &status) == 0 else { throw failure(folder) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw HarnessError("copying \(folder): it is not a folder")
        }
        try importer.add(folder, .root)
        try importer.setAttributes(.root, status, folder)
        var tree = try importer.tree.compacted()
        _ = tree.settle()
        return tree
    }

    private init() throws {
        tree = FileTree()
        arena = try Arena()
        tree.keep(arena)
    }

    private static func failure(_ path: String) -> HarnessError {
        HarnessError("copying \(path): \(Errno(rawValue: errno))")
    }

    private mutating func apply(_ operation: Operation, _ path: String) throws {
        do throws(Errno) {
            tree.apply(try tree.effects(of: operation))
        } catch {
            throw HarnessError("copying \(path): \(error)")
        }
    }

    private mutating func add(_ folder: String, _ directory: InodeNumber) throws {
        guard let stream = opendir(folder) else { throw Self.failure(folder) }
        defer { closedir(stream) }
        var names: [FileName] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != Array(".".utf8) && name != Array("..".utf8) {
                names.append(FileName(bytes: name))
            }
        }
        for name in names.sorted() { try add(name, in: directory, path: "\(folder)/\(name)") }
    }

    private mutating func add(
        _ name: FileName, in directory: InodeNumber, path: String
    ) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw Self.failure(path) }
        let entry = DirectoryEntry(directory, name)
        let identity = Identity(device: status.st_dev, number: status.st_ino)
        if let first = known[identity] { return try apply(.link(first, at: entry), path) }
        guard let kind = FileKind(status) else {
            throw HarnessError("copying \(path): it is of a kind that is not known")
        }
        var new = NewInode(
            kind, mode: status.st_mode & 0o7777, user: status.st_uid, group: status.st_gid)
        if kind == .symbolicLink { new.target = try Self.target(path) }
        if kind == .characterDevice || kind == .blockDevice {
            new.device = UInt64(status.st_rdev)
        }
        let number = tree.nextInode
        try apply(.create(number, at: entry, new), path)
        if status.st_nlink > 1, kind != .directory { known[identity] = number }
        if kind == .directory { try add(path, number) }
        if kind == .regular { try copyBytes(path, number, UInt64(status.st_size)) }
        try setAttributes(number, status, path)
    }

    private mutating func setAttributes(
        _ number: InodeNumber, _ status: stat, _ path: String
    ) throws {
        let change = AttributeChange(
            mode: status.st_mode & 0o7777, user: status.st_uid, group: status.st_gid,
            modified: Timestamp(
                nanoseconds: Int64(status.st_mtim.tv_sec) * 1_000_000_000
                    + Int64(status.st_mtim.tv_nsec)))
        try apply(.setAttributes(number, change), path)
        guard status.st_mode & S_IFMT != S_IFLNK else { return }
        for (name, value) in Self.attributes(path) {
            try apply(.setExtendedAttribute(number, name: name, value: value), path)
        }
    }

    private static func target(_ path: String) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes {
            readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard count >= 0 else { throw failure(path) }
        return Array(buffer[..<count])
    }

    /// Those of users; what else there is belongs to the machine.
    private static func attributes(_ path: String) -> [(FileName, [UInt8])] {
        var list = [CChar](repeating: 0, count: 64 << 10)
        let size = Int(perjury_list_attributes(path, &list, list.count))
        guard size > 0 else { return [] }
        return list[..<size].split(separator: 0).compactMap { raw in
            let name = FileName(bytes: raw.map { UInt8(bitPattern: $0) })
            guard name.bytes.starts(with: "user.".utf8) else { return nil }
            var value = [UInt8](repeating: 0, count: 64 << 10)
            let count = Int(
                perjury_get_attribute(path, name.description, &value, value.count))
            return count >= 0 ? (name, Array(value[..<count])) : nil
        }
    }

    private mutating func copyBytes(
        _ path: String, _ number: InodeNumber, _ size: UInt64
    ) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw Self.failure(path) }
        defer { close(file) }
        var offset: UInt64 = 0
        while true {
            let start = arena.base + used
            do throws(Errno) {
                try arena.ensure(used + (1 << 20))
            } catch {
                throw HarnessError("copying \(path): there is no more room (\(error))")
            }
            let count = read(file, start, 1 << 20)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure(path) }
            if count == 0 { return }
            let bytes = Bytes(start: start, count: count)
            try apply(.write(number, offset: offset, bytes, .call), path)
            used += count
            offset += UInt64(count)
        }
    }
}

extension FileKind {
    fileprivate init?(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .regular
        case S_IFDIR: self = .directory
        case S_IFLNK: self = .symbolicLink
        case S_IFIFO: self = .fifo
        case S_IFSOCK: self = .socket
        case S_IFCHR: self = .characterDevice
        case S_IFBLK: self = .blockDevice
        default: return nil
        }
    }
}
