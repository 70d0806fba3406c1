import FileTree
import TestSupport
import Testing

import struct SystemPackage.Errno

/// What a system call with wrong arguments fails with; a failed one changes nothing.
@Suite("Errors")
struct ErrorTests {
    // /file (2), /dir (3) with /dir/inner (4) and /dir/sub (5), /empty (6), /link (7, symbolic), gone (8, removed
    // directory), /fifo (9).
    private static let tree: FileTree = {
        var tree = FileTree()
        func add(_ number: UInt64, _ directory: UInt64, _ name: FileName, _ kind: FileKind) {
            let operation = Operation.create(
                InodeNumber(number), at: DirectoryEntry(InodeNumber(directory), name),
                NewInode(kind))
            tree.apply(try! tree.effects(of: operation))
        }
        add(2, 1, "file", .regular)
        add(3, 1, "dir", .directory)
        add(4, 3, "inner", .regular)
        add(5, 3, "sub", .directory)
        add(6, 1, "empty", .directory)
        add(7, 1, "link", .symbolicLink)
        add(8, 1, "gone", .directory)
        tree.apply(try! tree.effects(of: .remove(at: at(1, "gone"), directory: true)))
        add(9, 1, "fifo", .fifo)
        return tree
    }()

    private static func at(_ directory: UInt64, _ name: FileName) -> DirectoryEntry {
        DirectoryEntry(InodeNumber(directory), name)
    }

    private static func create(_ directory: UInt64, _ name: FileName) -> Operation {
        .create(InodeNumber(20), at: at(directory, name), .file)
    }

    private static func rename(
        _ a: UInt64, _ from: FileName, _ b: UInt64, _ to: FileName, _ mode: RenameMode = .replace
    ) -> Operation {
        .rename(from: at(a, from), to: at(b, to), mode)
    }

    private static let long = FileName(bytes: [UInt8](repeating: 0x61, count: 256))
    private static func i(_ number: UInt64) -> InodeNumber { InodeNumber(number) }
    private static let huge = UInt64(Int64.max)
    private static let three = OwnedBytes([1, 2, 3])

    static let cases: [(Operation, Errno)] = [
        (create(1, "file"), .fileExists),
        (create(1, "dir"), .fileExists),
        (create(2, "x"), .notDirectory),
        (create(7, "x"), .notDirectory),
        (create(99, "x"), .noSuchFileOrDirectory),
        (create(8, "x"), .noSuchFileOrDirectory),
        (create(1, long), .fileNameTooLong),
        (create(1, ""), .invalidArgument),
        (create(1, "."), .invalidArgument),
        (create(1, ".."), .invalidArgument),
        (create(1, "a/b"), .invalidArgument),
        (create(1, "a\0"), .invalidArgument),
        (.create(.root, at: at(1, "x"), .file), .fileExists),
        (.create(i(2), at: at(1, "x"), .directory), .fileExists),
        (.create(i(0), at: at(1, "x"), .file), .invalidArgument),
        (.create(i(.max), at: at(1, "x"), .file), .invalidArgument),
        (.createUnnamed(i(3), .file), .fileExists),
        (.createUnnamed(i(.max), .file), .invalidArgument),
        (.link(i(3), at: at(1, "x")), .notPermitted),
        (.link(i(2), at: at(1, "dir")), .fileExists),
        (.link(i(2), at: at(3, long)), .fileNameTooLong),
        (.link(i(2), at: at(8, "x")), .noSuchFileOrDirectory),
        (.link(i(99), at: at(1, "x")), .noSuchFileOrDirectory),
        (.remove(at: at(1, "none"), directory: false), .noSuchFileOrDirectory),
        (.remove(at: at(1, "dir"), directory: false), .isDirectory),
        (.remove(at: at(1, "dir"), directory: true), .directoryNotEmpty),
        (.remove(at: at(1, "file"), directory: true), .notDirectory),
        (.remove(at: at(1, "link"), directory: true), .notDirectory),
        (.remove(at: at(2, "x"), directory: false), .notDirectory),
        (rename(1, "none", 1, "x"), .noSuchFileOrDirectory),
        (rename(1, "file", 99, "x"), .noSuchFileOrDirectory),
        (rename(1, "file", 8, "x"), .noSuchFileOrDirectory),
        (rename(1, "file", 2, "x"), .notDirectory),
        (rename(1, "file", 1, long), .fileNameTooLong),
        (rename(1, "file", 1, ".."), .invalidArgument),
        (rename(1, "file", 1, "empty"), .isDirectory),
        (rename(1, "empty", 1, "file"), .notDirectory),
        (rename(1, "empty", 1, "dir"), .directoryNotEmpty),
        (rename(1, "dir", 3, "x"), .invalidArgument),
        (rename(1, "dir", 5, "x"), .invalidArgument),
        (rename(1, "dir", 3, "sub"), .invalidArgument),
        (rename(3, "inner", 1, "dir"), .directoryNotEmpty),
        (rename(3, "sub", 1, "dir"), .directoryNotEmpty),
        (rename(1, "file", 1, "link", .noReplace), .fileExists),
        (rename(1, "file", 1, "file", .noReplace), .fileExists),
        (rename(3, "sub", 1, "dir", .noReplace), .fileExists),
        (rename(1, "file", 1, "none", .exchange), .noSuchFileOrDirectory),
        (rename(1, "dir", 3, "none", .exchange), .noSuchFileOrDirectory),
        (rename(1, "dir", 3, "inner", .exchange), .invalidArgument),
        (rename(3, "inner", 1, "dir", .exchange), .invalidArgument),
        (.write(i(3), offset: 0, three.bytes, .call), .isDirectory),
        (.write(i(7), offset: 0, three.bytes, .call), .invalidArgument),
        (.write(i(9), offset: 0, three.bytes, .call), .invalidArgument),
        (.write(i(99), offset: 0, three.bytes, .call), .noSuchFileOrDirectory),
        (.write(i(2), offset: huge - 2, three.bytes, .call), .fileTooLarge),
        (.write(i(2), offset: .max - 1, three.bytes, .call), .fileTooLarge),
        (.setSize(i(2), huge + 1), .fileTooLarge),
        (.setSize(i(3), 0), .isDirectory),
        (.setSize(i(7), 0), .invalidArgument),
        (.setSize(i(99), 0), .noSuchFileOrDirectory),
        (.allocate(i(2), .extend, 5..<5), .invalidArgument),
        (.allocate(i(2), .punchHole, 5..<huge + 1), .fileTooLarge),
        (.allocate(i(3), .extend, 0..<1), .isDirectory),
        (.allocate(i(9), .extend, 0..<1), .invalidArgument),
        (.create(i(20), at: at(1, "x"), NewInode(.regular, mode: 0o100644)), .invalidArgument),
        (.setAttributes(i(2), AttributeChange(mode: 0o10000)), .invalidArgument),
        (.setAttributes(i(99), AttributeChange(mode: 0)), .noSuchFileOrDirectory),
        (.setExtendedAttribute(i(2), name: "user.a", value: nil), .noData),
        (.setExtendedAttribute(i(99), name: "user.a", value: []), .noSuchFileOrDirectory),
    ]

    @Test("a wrong argument is told as the kernel tells it", arguments: cases)
    func fails(operation: Operation, expected: Errno) {
        #expect(throws: expected) { try Self.tree.effects(of: operation) }
    }

    @Test("the largest offsets and sizes that there are")
    func largest() throws {
        var tree = Self.tree
        tree.keep(Self.three)
        for operation in [
            Operation.write(InodeNumber(2), offset: Self.huge - 3, Self.three.bytes, .call),
            .allocate(InodeNumber(2), .punchHole, 1..<Self.huge),
            .allocate(InodeNumber(2), .zeroRange, Self.huge - 1..<Self.huge),
            .setSize(InodeNumber(2), Self.huge),
            .write(
                InodeNumber(2), offset: Self.huge, Bytes(start: Self.three.bytes.start, count: 0),
                .call),
        ] {
            tree.apply(try tree.effects(of: operation))
        }
        #expect(tree[InodeNumber(2)]?.size == Self.huge)
        #expect(tree[InodeNumber(2)]?.content.allocatedBlocks == 1)
        tree.apply(try tree.effects(of: .setSize(InodeNumber(2), 0)))
        #expect(tree[InodeNumber(2)]?.content.allocatedBlocks == 0)
    }

    @Test("renames that do nothing, and those that only seem wrong")
    func harmless() throws {
        var tree = Self.tree
        func run(_ operation: Operation) throws { tree.apply(try tree.effects(of: operation)) }
        try run(.link(InodeNumber(2), at: Self.at(1, "twin")))

        #expect(try tree.effects(of: Self.rename(1, "file", 1, "twin")).isEmpty)
        #expect(try tree.effects(of: Self.rename(1, "dir", 1, "dir")).isEmpty)
        #expect(try tree.effects(of: Self.rename(1, "file", 1, "twin", .exchange)).isEmpty)
        try run(Self.rename(1, "dir", 1, "empty", .exchange))
        #expect(tree.lookUp(path: "/empty/inner") == InodeNumber(4))
        try run(Self.rename(1, "file", 1, "dir", .exchange))
        #expect(tree.lookUp(path: "dir") == InodeNumber(2))
        try run(Self.rename(3, "sub", 1, "file"))
        #expect(tree.lookUp(path: "file") == InodeNumber(5))
        #expect(tree[InodeNumber(3)]?.subdirectoryCount == 0)
        #expect(tree[InodeNumber(6)]?.nameCount == 0)
    }
}
