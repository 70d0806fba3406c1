import FileTree
import Recording

import struct SystemPackage.Errno

/// The files of a toy store: a few calls in the manner of POSIX, on a tree in memory.
///
/// In a recorded life every call is also a record.
final class ToyDisk {
    private(set) var tree: FileTree
    /// What was said.
    private(set) var output: [UInt8] = []
    /// Which of its lives this is: each names what it writes anew.
    let life: Int
    /// How often this tree had been observed before, in a recovery.
    let observedBefore: Int
    /// How many times the usual time a recovery has.
    let patience: Double
    /// The time of the records from here on, in nanoseconds; nil: the clock's.
    var time: UInt64?
    /// Asked before and after each call that changes something: whether it may go on. The path is nil for a mark.
    var intercept: (OperationKind, RequestMoment, String?) throws -> Void = { _, _, _ in }
    /// Whether what is said is a mark of the recorded life.
    var saysMarks = true
    private let writer: RecordingWriter?

    init(
        _ tree: FileTree, writer: RecordingWriter? = nil, life: Int = 0, observedBefore: Int = 0,
        patience: Double = 1
    ) {
        self.tree = tree
        self.life = life
        self.writer = writer
        self.observedBefore = observedBefore
        self.patience = patience
    }

    // MARK: Reading

    func exists(_ path: String) -> Bool { tree.lookUp(path: path) != nil }

    /// nil when there is no such file.
    func bytes(_ path: String) -> [UInt8]? {
        tree.lookUp(path: path).flatMap { tree[$0]?.content.allBytes }
    }

    func text(_ path: String) -> String? {
        bytes(path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The names in a directory, sorted.
    func names(in path: String = "") -> [String] {
        tree.lookUp(path: path).flatMap { tree[$0]?.sortedEntries.map { "\($0.name)" } } ?? []
    }

    // MARK: Changing

    func create(_ path: String) throws {
        try perform(.create(tree.nextInode, at: entry(path), .file), path)
    }

    func makeDirectory(_ path: String) throws {
        try perform(.create(tree.nextInode, at: entry(path), .directory), path)
    }

    func write(_ path: String, _ bytes: [UInt8], at offset: UInt64 = 0) throws {
        let owned = OwnedBytes(bytes)
        tree.keep(owned)
        try perform(.write(number(path), offset: offset, owned.bytes, .call), path)
    }

    func write(_ path: String, _ text: String, at offset: UInt64 = 0) throws {
        try write(path, Array(text.utf8), at: offset)
    }

    func append(_ path: String, _ text: String) throws {
        try write(path, text, at: tree.inode(number(path)).size)
    }

    func truncate(_ path: String, to size: UInt64) throws {
        try perform(.setSize(number(path), size), path)
    }

    func rename(_ from: String, _ to: String) throws {
        try perform(.rename(from: entry(from), to: entry(to), .replace), to)
    }

    func unlink(_ path: String) throws {
        try perform(.remove(at: entry(path), directory: false), path)
    }

    func sync(_ path: String) throws {
        try perform(.sync(.file(number(path), dataOnly: false)), path)
    }

    func syncDirectory(_ path: String = "") throws {
        try perform(.sync(.directory(number(path), dataOnly: false)), path)
    }

    /// One write to standard output: the lines, each with its newline.
    func say(_ lines: String...) throws {
        try print(lines.map { $0 + "\n" }.joined())
    }

    /// One write to standard output.
    func print(_ text: String) throws {
        let bytes = Array(text.utf8)
        if let writer, saysMarks {
            try intercept(.mark, .before, nil)
            let owned = OwnedBytes(bytes)
            try withExtendedLifetime(owned) { try record(.mark(owned.bytes), writer) }
            try intercept(.mark, .after, nil)
        }
        output += bytes
    }

    /// A request that was answered with an error, or in another way than asked for.
    func meet(_ fault: Fault) throws {
        if let writer { try record(.fault(fault), writer) }
    }

    private func record(_ event: Record.Event, _ writer: RecordingWriter) throws(Errno) {
        if let time {
            try writer.append(copying: Record(time: time, event))
        } else {
            try writer.append(event)
        }
    }

    private func perform(_ operation: Operation, _ path: String) throws {
        try intercept(OperationKind(operation), .before, path)
        let effects = try tree.effects(of: operation)
        tree.apply(effects)
        if let writer { try record(.operation(operation), writer) }
        try intercept(OperationKind(operation), .after, path)
    }

    func number(_ path: String) throws(Errno) -> InodeNumber {
        guard let number = tree.lookUp(path: path) else { throw .noSuchFileOrDirectory }
        return number
    }

    private func entry(_ path: String) throws(Errno) -> DirectoryEntry {
        let parts = path.split(separator: "/")
        let parent = parts.dropLast().joined(separator: "/")
        return DirectoryEntry(try number(parent), FileName(String(parts.last!)))
    }
}
