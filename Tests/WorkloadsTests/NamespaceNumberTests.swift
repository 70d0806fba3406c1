import FileTree
import Testing
import Workloads

/// Whether a store has kept the number of its pid namespace: only then the next life must have it again.
@Suite("The number of a pid namespace")
struct NamespaceNumberTests {
    private static let number: UInt32 = 0xf000_abcd

    private func tree(_ operations: (inout FileTree) throws -> Void) rethrows -> FileTree {
        var tree = FileTree()
        try operations(&tree)
        return tree
    }

    private func make(_ tree: inout FileTree, _ name: String, _ kind: NewInode) throws
        -> InodeNumber
    {
        let number = tree.nextInode
        let entry = DirectoryEntry(.root, FileName(name))
        tree.apply(try tree.effects(of: .create(number, at: entry, kind)))
        return number
    }

    @Test("in a name", arguments: ["lock-\(number)", "f000abcd", "xF000ABCDx"])
    func name(name: String) throws {
        let tree = try tree { _ = try make(&$0, name, .file) }
        #expect(tree.mentions(Self.number))
    }

    @Test("in a link's target")
    func link() throws {
        let target = Array("host/f000abcd:12".utf8)
        let tree = try tree { _ = try make(&$0, "lock", NewInode(.symbolicLink, target: target)) }
        #expect(tree.mentions(Self.number))
    }

    @Test("nowhere: then it may change")
    func absent() throws {
        let tree = try tree {
            _ = try make(&$0, "lock-f000abc", .file)
            _ = try make(&$0, "data", .directory)
        }
        #expect(!tree.mentions(Self.number))
    }
}
