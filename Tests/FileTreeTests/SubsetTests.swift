import FileTree
import TestSupport
import Testing

/// What a power loss leaves is a subset of the effects. Which subsets a model allows is not this suite's matter: they all
/// have to apply.
@Suite("Subsets of effects")
struct SubsetTests {
    /// The effects of a history, in order, those of one operation together.
    private static func effects(of history: History) throws -> [[Effect]] {
        var tree = FileTree()
        tree.keep(history.bytes)
        return try history.operations.map { operation in
            let effects = try tree.effects(of: operation)
            tree.apply(effects)
            return effects
        }
    }

    @Test("any subset applies, and counts of names stay right", arguments: Seed.first(200))
    func anySubset(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let history = OperationGenerator.history(seed: seed, count: 250)
        let effects = try Self.effects(of: history)
        let lossOneIn = random.within(2..<40)

        var tree = FileTree()
        tree.keep(history.bytes)
        for effect in effects.joined() where !random.oneIn(lossOneIn) { tree.apply(effect) }

        expectConsistent(tree, isPossible: false)
        let hash = tree.settle()
        let dump = TreeDump(tree)
        #expect(tree.settle() == hash)
        #expect(TreeDump(tree).difference(from: dump) == nil)
    }

    // Names of directories change in their order or not at all, inodes are born; all else may be lost alone.
    @Test("a possible subset is a tree like any other", arguments: Seed.first(200))
    func possibleSubset(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let history = OperationGenerator.history(seed: seed, count: 250)
        let groups = try Self.effects(of: history)
        var directories: Set<InodeNumber> = [.root]
        for effect in groups.joined() {
            if case .birth(let new) = effect.change, new.kind == .directory {
                directories.insert(effect.inode)
            }
        }
        let cut = random.below(groups.count + 1)

        var tree = FileTree()
        tree.keep(history.bytes)
        func namesDirectory(_ effect: Effect) -> Bool {
            guard case .name(let entry, _) = effect.change else { return false }
            return directories.contains(effect.inode)
                || tree.lookUp(entry).map(directories.contains) ?? false
        }
        for (index, group) in groups.enumerated() {
            let movesDirectory = group.contains(where: namesDirectory)
            for effect in group {
                switch effect.change {
                case .birth: break
                case .name where movesDirectory:
                    if index >= cut { continue }
                default:
                    if random.oneIn(4) { continue }
                }
                tree.apply(effect)
            }
        }

        expectConsistent(tree)
        let hash = tree.settle()
        expectConsistent(tree, isSettled: true)
        let dump = TreeDump(tree)
        var anew = try dump.rebuilt(&random)
        #expect(TreeDump(anew).difference(from: dump) == nil)
        #expect(anew.settle() == hash)
    }

    @Test("a fork lives on its own", arguments: Seed.first(200))
    func forks(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let history = OperationGenerator.history(seed: seed, count: 200)
        let count = random.below(history.operations.count + 1)
        var original = try history.fileTree(after: count)
        if random.oneIn(2) { _ = original.settle() }
        let dump = TreeDump(original)

        // Two forks go different ways: one the history's, one a subset of it.
        var (fork, other) = (original, original)
        for operation in history.operations.dropFirst(count) {
            let effects = try fork.effects(of: operation)
            fork.apply(effects)
            for effect in effects where random.oneIn(2) { other.apply(effect) }
            if random.oneIn(20) { _ = fork.settle() }
        }
        for number in 2..<fork.nextInode.rawValue { fork.forget(InodeNumber(number)) }

        #expect(TreeDump(original).difference(from: dump) == nil)
        #expect(TreeDump(fork).difference(from: TreeDump(history.tree)) == nil)
        original.apply(Effect(.root, .attributes(AttributeChange(mode: 0o123))))
        #expect(fork[.root]?.mode != 0o123 && other[.root]?.mode != 0o123)
    }
}
