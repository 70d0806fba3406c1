import FileTree
import PowerLoss
import Recording
import TestSupport
import Testing

import struct SystemPackage.Errno

/// The storage of several machines in one recording: two random histories, each below a mount of its own.
private struct Machines {
    static let mounts = ["n1", "n2"]
    let recording: Recording
    /// What each machine did, as if there were no other.
    let alone: [Recording]
    /// For each machine and crash point, how many of its own records there were.
    let ownPoints: [[Int]]

    init(_ seed: Seed, count: Int) throws {
        var tree = FileTree()
        for name in Self.mounts {
            let entry = DirectoryEntry(.root, FileName(name))
            tree.apply(try tree.effects(of: .create(tree.nextInode, at: entry, .directory)))
        }
        _ = tree.settle()
        let roots = try Self.mounts.map { try #require(tree.lookUp(path: $0)) }
        let writer = try RecordingWriter(
            arena: Arena(memoryLimit: 64 << 20), base: tree, storesBase: false, nonce: 1)
        try writer.note(Recording.mountsNote, Array("n1\nn2".utf8))
        let own = try Self.mounts.map { _ in
            try RecordingWriter(
                arena: Arena(memoryLimit: 64 << 20), base: FileTree(), storesBase: false, nonce: 1)
        }
        var points = Self.mounts.map { _ in [0] }
        let histories = (0..<2).map { machine in
            var generator = OperationGenerator(seed: Seed(2 * seed.value + UInt64(machine)))
            generator.carelessOneIn = 0
            return Self.withoutNameless(generator.history(count: count).operations)
        }
        let counts = histories.map(\.count)
        var next = [0, 0]
        while next != counts {
            // Three of one machine, then three of the other.
            let turn = (next[0] + next[1]) / 3 % 2
            let machine = next[turn] < counts[turn] ? turn : 1 - turn
            let operation = histories[machine][next[machine]]
            next[machine] += 1
            let isForAll = operation == .sync(.everything)
            try writer.append(
                .operation(Self.moved(operation, below: roots[machine], machine)))
            for other in 0..<2 {
                let isMine = other == machine || isForAll
                if isMine { try own[other].append(.operation(operation)) }
                points[other].append(points[other].last! + (isMine ? 1 : 0))
            }
        }
        recording = writer.recording()
        alone = own.map { $0.recording() }
        ownPoints = points
    }

    /// Without files that never have a name: whose they are is not known, and nobody sees them.
    private static func withoutNameless(_ operations: [Operation]) -> [Operation] {
        var nameless: Set<InodeNumber> = []
        for case .createUnnamed(let number, _) in operations { nameless.insert(number) }
        for case .link(let number, _) in operations { nameless.remove(number) }
        return operations.filter {
            switch $0 {
            case .createUnnamed(let number, _), .write(let number, _, _, _),
                .setSize(let number, _), .allocate(let number, _, _),
                .setAttributes(let number, _), .setExtendedAttribute(let number, _, _):
                !nameless.contains(number)
            case .sync(let sync): sync.inode.map { !nameless.contains($0) } ?? true
            default: true
            }
        }
    }

    private static func moved(
        _ operation: Operation, below root: InodeNumber, _ machine: Int
    ) -> Operation {
        func number(_ inode: InodeNumber) -> InodeNumber {
            inode == .root ? root : InodeNumber(inode.rawValue + 1000 * UInt64(machine + 1))
        }
        func entry(_ entry: DirectoryEntry) -> DirectoryEntry {
            DirectoryEntry(number(entry.directory), entry.name)
        }
        switch operation {
        case .create(let inode, let at, let new):
            return .create(number(inode), at: entry(at), new)
        case .createUnnamed(let inode, let new): return .createUnnamed(number(inode), new)
        case .link(let inode, let at): return .link(number(inode), at: entry(at))
        case .remove(let at, let directory): return .remove(at: entry(at), directory: directory)
        case .rename(let from, let to, let mode):
            return .rename(from: entry(from), to: entry(to), mode)
        case .write(let inode, let offset, let bytes, let origin):
            return .write(number(inode), offset: offset, bytes, origin)
        case .setSize(let inode, let size): return .setSize(number(inode), size)
        case .allocate(let inode, let mode, let range):
            return .allocate(number(inode), mode, range)
        case .setAttributes(let inode, let change): return .setAttributes(number(inode), change)
        case .setExtendedAttribute(let inode, let name, let value):
            return .setExtendedAttribute(number(inode), name: name, value: value)
        case .sync(.file(let inode, let dataOnly)):
            return .sync(.file(number(inode), dataOnly: dataOnly))
        case .sync(.range(let inode, let range, let dataOnly)):
            return .sync(.range(number(inode), range, dataOnly: dataOnly))
        case .sync(.directory(let inode, let dataOnly)):
            return .sync(.directory(number(inode), dataOnly: dataOnly))
        case .sync(.allocation(let inode, let dataOnly)):
            return .sync(.allocation(number(inode), dataOnly: dataOnly))
        case .sync(.everything): return operation
        }
    }

    /// What can be told of one file or directory.
    struct Entry: Hashable {
        let path: [FileName]
        let kind: FileKind
        let mode: UInt32
        let owner: UInt32
        let target: [UInt8]
        let attributes: [FileName: [UInt8]]
        let content: [UInt8]
    }

    /// What a machine's storage holds; nil: all of the tree.
    static func entries(_ tree: FileTree, of machine: Int? = nil) -> [Entry] {
        var entries: [Entry] = []
        tree.visit { visited in
            var path = visited.path
            guard let inode = tree[visited.inode] else { return }
            if let machine {
                guard path.first == FileName(mounts[machine]) else { return }
                path.removeFirst()
            }
            entries.append(
                Entry(
                    path: path, kind: inode.kind, mode: inode.mode, owner: inode.user,
                    target: inode.target,
                    attributes: Dictionary(
                        uniqueKeysWithValues: inode.extendedAttributes.map { ($0, $1) }),
                    content: inode.kind == .regular ? inode.content.allBytes : []))
        }
        return entries
    }
}

@Suite("Several machines in one recording, over random histories")
struct MachineTests {
    static let stacks = [Stack.honest, .torn4096, .lyingFlush, .lyingFlushInOrder, .fuaIgnored]

    @Test(
        "one that loses its power is left as if it were alone; the other loses nothing",
        arguments: Seed.first(8))
    func asIfAlone(seed: Seed) throws {
        let machines = try Machines(seed, count: 30)
        let log = try EffectLog(machines.recording)
        for model in PersistenceModel.all {
            for stack in Self.stacks {
                let storage = Storage(log: log, model: model, stack: stack)
                for machine in 0..<2 {
                    try compare(machine, machines, storage, seed)
                }
            }
        }
    }

    private func compare(
        _ machine: Int, _ machines: Machines, _ storage: Storage, _ seed: Seed
    ) throws {
        let alone = Storage(
            log: try EffectLog(machines.alone[machine]), model: storage.model,
            stack: storage.stack)
        // The last of the points at which the machine had done so much: others may have done more.
        var point = [Int: Int]()
        for (all, own) in machines.ownPoints[machine].enumerated() { point[own] = all }
        for planned in PlanSearch(alone, seed: seed.value).prefix(60) {
            let all = try #require(point[planned.pending.crashPoint])
            let place: Comment = "\(storage.model.name), \(storage.stack.name), point \(all)"
            let pending = storage.pending(at: all, losing: MachineSet(machine: machine))
            try #require(pending.effects.count == planned.pending.effects.count, place)
            #expect(storage.isClosed(pending, planned.choice), place)
            let tree = CrashState(storage, pending, planned.choice).tree
            let expected = Machines.entries(planned.tree)
            #expect(Machines.entries(tree, of: machine) == expected, place)
            let live = try machines.recording.tree(after: all)
            #expect(
                Machines.entries(tree, of: 1 - machine) == Machines.entries(live, of: 1 - machine),
                place
            )
        }
    }

    @Test("plans of any machines come back, equal keys are equal trees", arguments: Seed.first(8))
    func plans(seed: Seed) throws {
        let log = try EffectLog(try Machines(seed, count: 20).recording)
        for model in PersistenceModel.all {
            for stack in Self.stacks {
                let storage = Storage(log: log, model: model, stack: stack)
                var hashes: [UInt64: UInt64] = [:]
                let search = PlanSearch(storage, seed: seed.value).lazy
                for planned in search.prefix(900).filter({ !$0.choice.showsStale }) {
                    let hash = planned.tree.settledHash
                    #expect(hashes.updateValue(hash, forKey: planned.key) ?? hash == hash)
                    #expect(storage.isClosed(planned.pending, planned.choice))
                    #expect(try storage.state(planned.plan).hash == hash, "\(model.name)")
                }
            }
        }
    }

    @Test(
        "no state is tried once for each set of machines that can leave it",
        arguments: Seed.first(4))
    func noRepetition(seed: Seed) throws {
        let log = try EffectLog(try Machines(seed, count: 12).recording)
        let storage = Storage(log: log, model: .posix, stack: .honest)
        var plans: Set<CrashPlan> = []
        for planned in PlanSearch(storage, seed: seed.value).prefix(2000) {
            let plan = planned.plan
            #expect(plans.insert(plan).inserted, "\(plan)")
        }
    }

    @Test("at most so many lose something at once", arguments: Seed.first(6))
    func oneAtATime(seed: Seed) throws {
        let log = try EffectLog(try Machines(seed, count: 12).recording)
        let storage = Storage(log: log, model: .posix, stack: .honest)
        var whoLost: Set<[String]> = []
        for planned in PlanSearch(storage, seed: seed.value, machinesAtOnce: 1).prefix(2000) {
            whoLost.insert(planned.mounts)
        }
        #expect(whoLost == [[], ["n1"], ["n2"]])
        var both = false
        for planned in PlanSearch(storage, seed: seed.value).prefix(2000) {
            if planned.mounts.count == 2 { both = true }
        }
        #expect(both)
    }

    @Test("which machines lose their power together, the most first")
    func sets() {
        #expect(MachineSet.losing(nil, of: 1) == [.all])
        let three = MachineSet.losing(nil, of: 3).map(\.rawValue)
        #expect(three == [0b111, 0b001, 0b010, 0b100, 0b011, 0b101, 0b110])
        #expect(MachineSet.losing(1, of: 3).map(\.rawValue) == [1, 2, 4])
        #expect(MachineSet.losing(9, of: 2).map(\.rawValue) == [3, 1, 2])
        #expect(MachineSet.losing(nil, of: 7).count == 127)
    }

    @Test("what crosses the border of a mount is refused")
    func borders() throws {
        var life = Life()
        for path in ["n1", "n2", "n1/d", "n2/d"] { life.makeDirectory(path) }
        life.create("n1/f")
        var map = MachineMap(["n1", "n2"], in: life.tree)
        func entry(_ directory: String, _ name: String) -> DirectoryEntry {
            DirectoryEntry(directory.isEmpty ? .root : life.inode(directory), FileName(name))
        }
        func refusal(_ operation: Operation) -> Errno? {
            do { try map.check(operation) } catch { return error }
            return nil
        }
        let file = life.inode("n1/f")
        #expect(refusal(.link(file, at: entry("n2", "g"))) == .improperLink)
        #expect(refusal(.link(file, at: entry("n1/d", "g"))) == nil)
        #expect(
            refusal(.rename(from: entry("n1", "f"), to: entry("n2/d", "f"), .replace))
                == .improperLink)
        #expect(
            refusal(.rename(from: entry("n1", "f"), to: entry("n1/d", "f"), .replace)) == nil)
        #expect(
            refusal(.rename(from: entry("", "n1"), to: entry("", "n3"), .replace)) == .resourceBusy)
        #expect(refusal(.remove(at: entry("", "n1"), directory: true)) == .resourceBusy)
        #expect(refusal(.create(InodeNumber(99), at: entry("", "x"), .file)) == .readOnlyFileSystem)
        map.add(InodeNumber(98), in: life.inode("n2"))
        #expect(refusal(.link(InodeNumber(98), at: entry("n1", "x"))) == .improperLink)
        map.follow(.create(InodeNumber(97), at: entry("n2/d", "x"), .file))
        #expect(map[InodeNumber(97)] == 1)
    }

    @Test(
        "a recording that names machines which its tree does not have is refused",
        arguments: [
            ["n1"], ["n1", "n1"], ["n1", "n3"], ["n1", "n2", "f"], ["n1", "n2/d"],
            (1...8).map { "m\($0)" }, (1...300).map { "m\($0)" },
        ])
    func hostileNames(names: [String]) throws {
        var life = Life()
        for number in 1...300 { life.makeDirectory("m\(number)") }
        for path in ["n1", "n2", "n2/d"] { life.makeDirectory(path) }
        life.create("f")
        life.powerOn()
        life.create("n1/g")

        let hostile = try life.recording(mounts: names)

        #expect(throws: RecordingError.self) { try EffectLog(hostile) }
        #expect(throws: Never.self) { try EffectLog(try life.recording(mounts: ["n1", "n2"])) }
    }

    @Test("a plan that names an effect beyond all numbers is refused")
    func hostilePlan() throws {
        var life = Life()
        for path in ["n1", "n2"] { life.makeDirectory(path) }
        life.powerOn()
        for path in ["n1/f", "n2/f"] { life.create(path) }
        let log = try EffectLog(try life.recording(mounts: ["n1", "n2"]))
        let storage = Storage(log: log, model: .posix, stack: .honest)

        for id in [EffectID(record: 1, index: .max), EffectID(record: .max, index: 0)] {
            #expect(throws: RecordingError.self) {
                try storage.state(CrashPlan(crashPoint: 2, lost: [id]))
            }
        }
    }

    @Test("a file that is moved out of a mount, or into the mounts' folder, crosses a border")
    func bordersOfTheRoot() throws {
        var life = Life()
        for path in ["n1", "n2"] { life.makeDirectory(path) }
        life.create("n1/f")
        let map = MachineMap(["n1", "n2"], in: life.tree)
        func entry(_ directory: InodeNumber, _ name: String) -> DirectoryEntry {
            DirectoryEntry(directory, FileName(name))
        }

        let n1 = life.inode("n1")
        #expect(throws: Errno.improperLink) {
            try map.check(.rename(from: entry(n1, "f"), to: entry(.root, "f"), .replace))
        }
        #expect(throws: Errno.improperLink) {
            try map.check(.rename(from: entry(.root, "n2"), to: entry(n1, "n2"), .replace))
        }
        #expect(throws: Errno.resourceBusy) {
            try map.check(.rename(from: entry(.root, "n2"), to: entry(.root, "n3"), .replace))
        }
    }
}
