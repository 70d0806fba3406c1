import FileTree
import TestSupport
import Testing

@Suite("Hash of a tree")
struct HashTests {
    @Test("kept up through forks, it equals that of a tree built anew", arguments: Seed.first(200))
    func incremental(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let history = OperationGenerator.history(seed: seed, count: 250)
        var tree = FileTree()
        tree.keep(history.bytes)

        for operation in history.operations {
            if random.oneIn(10) {
                // A fork is hashed, and another is hashed and then lives on in the tree's place.
                var fork = tree
                let hash = fork.settle()
                #expect(tree.settle() == hash)
            }
            tree.apply(try tree.effects(of: operation))
        }

        let dump = TreeDump(tree)
        let hash = tree.settle()
        #expect(TreeDump(tree).difference(from: dump) == nil)
        var anew = try dump.rebuilt(&random)
        #expect(TreeDump(anew).difference(from: dump) == nil)
        #expect(anew.settle() == hash)
        var replayed = try history.fileTree()
        #expect(replayed.settle() == hash)
    }

    @Test("times that a program set are part of it, until something else moves them")
    func times() throws {
        var tree = FileTree()
        let file = InodeNumber(2)
        let bytes = OwnedBytes([1])
        tree.keep(bytes)
        func after(_ operations: [Operation]) throws -> UInt64 {
            var tree = tree
            for operation in operations {
                tree.apply(
                    try tree.effects(of: operation), at: Timestamp(nanoseconds: .random(in: 0..<9)))
            }
            return tree.settle()
        }
        tree.apply(
            try tree.effects(
                of: .create(file, at: DirectoryEntry(.root, FileName("f")), .file)))
        func set(_ time: Int64, isSet: Bool) -> Operation {
            let time = Timestamp(nanoseconds: time)
            return .setAttributes(
                file,
                AttributeChange(
                    accessed: time, modified: time, accessedIsSet: isSet, modifiedIsSet: isSet))
        }
        let write = Operation.write(file, offset: 0, bytes.bytes, .call)

        #expect(try after([set(5, isSet: true)]) != after([]))
        #expect(try after([set(5, isSet: true)]) != after([set(6, isSet: true)]))
        #expect(try after([set(5, isSet: false)]) == after([]))
        #expect(try after([set(5, isSet: true), set(6, isSet: false)]) == after([]))
        #expect(try after([write]) == after([write]))
        // The time of access stays.
        #expect(try after([set(5, isSet: true), write]) != after([write]))
        #expect(
            try after([set(5, isSet: true), set(6, isSet: true), write])
                == after([write, set(6, isSet: true), write]))
    }

    @Test("one operation more: equal exactly when the trees are", arguments: Seed.first(50))
    func steps(seed: Seed) throws {
        let history = OperationGenerator.history(seed: seed, count: 250)
        var tree = FileTree()
        tree.keep(history.bytes)
        var before = (dump: TreeDump(tree), hash: tree.settle())

        for operation in history.operations {
            tree.apply(try tree.effects(of: operation))
            let after = (dump: TreeDump(tree), hash: tree.settle())
            #expect((after.dump == before.dump) == (after.hash == before.hash), "\(operation)")
            before = after
        }
    }

    @Test("any two of many trees: equal exactly when the trees are")
    func pairs() throws {
        var known: [UInt64: TreeDump] = [:]
        var seen = 0
        for seed in Seed.first(60) {
            let history = OperationGenerator.history(seed: seed, count: 60)
            for count in 0...history.operations.count {
                var tree = try history.fileTree(after: count)
                let dump = TreeDump(tree)
                let hash = tree.settle()
                seen += 1
                if let other = known[hash] { #expect(dump == other) }
                known[hash] = dump
            }
        }
        // Equal dumps have equal hashes: no dump stands twice in the table.
        let described = Set(
            known.values.map {
                "\($0) \($0.entries.map(\.blocks)) \($0.entries.map(\.attributes.count))"
            })
        #expect(seen > 2000)
        #expect(described.count > 500)
        let dumps = Array(known.values)
        for first in dumps.indices.prefix(300) {
            for second in (first + 1)..<dumps.count where dumps[first] == dumps[second] {
                Issue.record("two hashes of one tree: \(dumps[first])")
            }
        }
    }

    private static func tree(_ build: ((Operation) -> Void) -> Void) -> FileTree {
        var tree = FileTree()
        build { tree.apply(try! tree.effects(of: $0)) }
        return tree
    }

    private static func at(_ directory: UInt64, _ name: FileName) -> DirectoryEntry {
        DirectoryEntry(InodeNumber(directory), name)
    }

    @Test("which names share an inode tells trees apart")
    func hardLinks() {
        func pairing(_ partner: [(UInt64, FileName)]) -> UInt64 {
            var tree = Self.tree { run in
                run(.create(InodeNumber(2), at: Self.at(1, "a"), .file))
                run(.create(InodeNumber(3), at: Self.at(1, "b"), .file))
                for (number, name) in partner {
                    run(.link(InodeNumber(number), at: Self.at(1, name)))
                }
            }
            return tree.settle()
        }

        let hashes = [
            pairing([(2, "c"), (3, "d")]), pairing([(3, "c"), (2, "d")]),
            pairing([(2, "c"), (2, "d")]), pairing([(3, "c"), (3, "d")]),
        ]
        #expect(Set(hashes).count == 4)
    }

    @Test("where a link leads, and which device it is, tells trees apart")
    func whatIsBorn() {
        let objects = [
            NewInode(.symbolicLink, mode: 0o777, target: Array("one".utf8)),
            NewInode(.symbolicLink, mode: 0o777, target: Array("two".utf8)),
            NewInode(.characterDevice, device: 0x103), NewInode(.characterDevice, device: 0x105),
            NewInode(.blockDevice, device: 0x103), NewInode(.fifo), NewInode(.socket),
        ]
        let hashes = objects.map { object in
            var tree = Self.tree { run in
                run(.create(InodeNumber(2), at: Self.at(1, "a"), object))
            }
            return tree.settle()
        }
        #expect(Set(hashes).count == objects.count)
    }

    @Test("a name in a directory that is gone counts no more")
    func unreachableName() {
        func build(_ run: (Operation) -> Void) {
            run(.create(InodeNumber(2), at: Self.at(1, "a"), .file))
        }
        var plain = Self.tree(build)
        var tree = Self.tree { run in
            build(run)
            run(.create(InodeNumber(3), at: Self.at(1, "dir"), .directory))
            run(.link(InodeNumber(2), at: Self.at(3, "b")))
        }
        // The directory's name is lost, not what was in it.
        tree.apply(Effect(InodeNumber(3), .name(Self.at(1, "dir"), present: false)))

        #expect(tree.settle() == plain.settle())
        #expect(tree[InodeNumber(2)]?.linkCount == 1)
        expectConsistent(tree, isSettled: true)
    }

    @Test("directories may lie deeper than any stack")
    func deep() {
        let depth: UInt64 = 20_000
        func chain(_ last: FileName) -> FileTree {
            Self.tree { run in
                for number in 2..<depth {
                    run(.create(InodeNumber(number), at: Self.at(number - 1, "d"), .directory))
                }
                run(.create(InodeNumber(depth), at: Self.at(depth - 1, last), .file))
            }
        }
        var (a, b) = (chain("x"), chain("y"))

        #expect(a.settle() != b.settle())
        var count: UInt64 = 0
        var deepest = 0
        a.visit { visited in
            count += 1
            deepest = max(deepest, visited.path.count)
        }
        #expect(count == depth)
        #expect(deepest == Int(depth) - 1)
    }

    @Test("a ring of directories ends the walk")
    func ring() {
        var tree = Self.tree { run in
            run(.create(InodeNumber(2), at: Self.at(1, "a"), .directory))
            run(.create(InodeNumber(3), at: Self.at(2, "b"), .directory))
        }
        tree.apply(Effect(InodeNumber(2), .name(Self.at(3, "c"), present: true)))
        tree.apply(Effect(.root, .name(Self.at(3, "d"), present: true)))

        _ = tree.settle()
        var paths: [String] = []
        tree.visit { paths.append($0.path.map(\.description).joined(separator: "/")) }
        #expect(paths == ["", "a", "a/b", "a/b/c", "a/b/d"])
        let rename = Operation.rename(from: Self.at(2, "b"), to: Self.at(3, "x"), .replace)
        #expect(throws: (any Error).self) { try tree.effects(of: rename) }
    }
}
