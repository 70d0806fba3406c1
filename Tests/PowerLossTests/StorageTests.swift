import FileTree
import PowerLoss
import Recording
import TestSupport
import Testing

@Suite("Storage: what is there after a power loss, over random histories")
struct StorageTests {
    static let stacks = [
        Stack.honest, .torn4096, .lyingFlush,
        Stack(name: "lying-once", about: "", atomicUnit: 512, ignoredFlushes: 1),
    ]

    @Test("with nothing lost it is what a process kill leaves", arguments: Seed.first(30))
    func nothingLost(seed: Seed) throws {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(
                seed, model, seed.value % 2 == 0 ? .honest : .lyingFlush,
                count: RandomRecording.count(seed))
            for point in 0...storage.lastCrashPoint {
                let state = CrashState(storage, losingNothingAt: point)
                let live = try storage.log.recording.tree(after: point)
                #expect(state.hash == live.settledHash, "\(model.name), point \(point)")
            }
        }
    }

    @Test("it is the base and what is kept, in the log's order", arguments: Seed.first(30))
    func appliesInOrder(seed: Seed) {
        for model in PersistenceModel.all {
            for stack in Self.stacks {
                let storage = RandomRecording.storage(
                    seed, model, stack, count: RandomRecording.count(seed))
                for planned in PlanSearch(storage, seed: seed.value).prefix(120)
                where !planned.choice.showsStale {
                    let naive = naiveTree(storage, planned.pending, planned.choice)
                    let tree = planned.tree
                    #expect(
                        tree.settledHash == naive.settledHash,
                        "\(model.name), \(stack.name): \(planned.plan)"
                    )
                }
            }
        }
    }

    /// All covered and all kept effects, one by one from the base on.
    private func naiveTree(
        _ storage: Storage, _ pending: Storage.Pending, _ choice: Storage.Choice
    ) -> FileTree {
        let log = storage.log
        let before = log.syncs.filter { $0 < pending.crashPoint }
        let ignored = storage.stack.ignoredFlushes
        let flushed =
            ignored == 0
            ? pending.crashPoint
            : before.count > ignored ? before[before.count - ignored - 1] + 1 : 0
        var kept: [Int: UInt8] = [:]
        for (index, effect) in pending.effects.enumerated() where choice.kept[index] {
            kept[effect] = .max
        }
        for tear in choice.torn { kept[pending.effects[tear.index]] = tear.units }
        var tree = log.recording.base
        tree.keep(log.recording.arena)
        for index in 0..<log.firstEffect[pending.crashPoint] {
            let effect = log.effects[index].effect
            var units = kept[index] ?? 0
            if storage.graph.nodes[index].coveredAt < Int32(flushed) { units = .max }
            if case .birth = effect.change { units = .max }
            for part in Self.parts(effect, storage.unit, units) { tree.apply(part) }
        }
        return tree
    }

    private static func parts(_ effect: Effect, _ unit: Int, _ units: UInt8) -> [Effect] {
        if units == .max { return [effect] }
        return (0..<Block.size / unit).filter { units & (1 << $0) != 0 }.compactMap { index in
            let window = index * unit..<(index + 1) * unit
            switch effect.change {
            case .data(let block, let range, let bytes):
                let part = range.clamped(to: window)
                let start = part.lowerBound - range.lowerBound
                let piece = bytes.slice(start..<start + part.count)
                return Effect(effect.inode, .data(block: block, range: part, piece))
            case .zero(let block, let range):
                return Effect(effect.inode, .zero(block: block, range: range.clamped(to: window)))
            default:
                return nil
            }
        }
    }

    @Test("what a sync covered is never lost again", arguments: Seed.first(30))
    func coveredStays(seed: Seed) {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(seed, model, count: RandomRecording.count(seed))
            var covered: Set<Int32> = []
            for covering in storage.graph.coverings {
                #expect(covered.isDisjoint(with: covering.effects), "\(model.name): covered twice")
                covered.formUnion(covering.effects)
                for point in covering.record + 1...storage.lastCrashPoint {
                    let pending = storage.pending(at: point)
                    #expect(covered.isDisjoint(with: pending.effects.map { Int32($0) }))
                }
            }
            // What a covered effect needs is covered, or can be seen no more.
            for effect in covered {
                let node = storage.graph.nodes[Int(effect)]
                for needed in node.hard + node.chain.map(\.effect) where !covered.contains(needed) {
                    #expect(
                        isVoid(Int(effect), storage), "\(model.name): #\(effect) before #\(needed)")
                }
            }
        }
    }

    /// Whether a covered change of size or hole has taken away what the effect wrote.
    private func isVoid(_ index: Int, _ storage: Storage) -> Bool {
        let effect = storage.log.effects[index].effect
        let block: UInt64
        switch effect.change {
        case .data(let of, _, _), .zero(let of, _): block = of
        default: return false
        }
        return storage.log.effects.indices.contains { later in
            let other = storage.log.effects[later].effect
            guard later > index, other.inode == effect.inode,
                storage.graph.nodes[later].coveredAt != .max
            else { return false }
            switch other.change {
            case .setSize(let size): return block >= Block.indexRoundedUp(size)
            case .punch(let blocks, _): return blocks.contains(block)
            default: return false
            }
        }
    }

    /// Source: xfstests generic/547, which holds every filesystem to it.
    @Test(
        "after a sync of everything there is, one by one, nothing is lost",
        arguments: Seed.first(60))
    func syncsOneByOne(seed: Seed) throws {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(
                seed, model, base: 12, count: RandomRecording.count(seed), syncsAtEnd: true)
            let live = try storage.log.recording.tree(after: storage.lastCrashPoint).settledHash
            let pending = storage.pending(at: storage.lastCrashPoint)
            for choice in Choices.some(storage, pending, 60, seed) {
                let state = CrashState(storage, pending, choice)
                #expect(state.hash == live, "\(model.name): \(state.plan)")
            }
        }
    }

    @Test(
        "no directory stands twice, below itself or below what is gone", arguments: Seed.first(60))
    func directoriesStandOnce(seed: Seed) {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(
                seed, model, base: 12, count: RandomRecording.count(seed))
            for planned in PlanSearch(storage, seed: seed.value).prefix(200) {
                let tree = planned.tree
                var seen: Set<InodeNumber> = []
                tree.visit { visited in
                    guard tree[visited.inode]!.kind == .directory else { return }
                    #expect(
                        seen.insert(visited.inode).inserted,
                        "\(model.name): \(planned.plan)")
                }
            }
        }
    }

    @Test("all states of a small history are allowed ones", arguments: Seed.first(40))
    func statesAreClosed(seed: Seed) {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(seed, model, base: 12, count: 8)
            let point = storage.lastCrashPoint
            var seen: Set<Storage.Choice> = []
            storage.forEachState(at: point, limit: 300) {
                #expect(storage.isClosed($0.pending, $0.choice))
                #expect(seen.insert($0.choice).inserted, "\(model.name): a choice came twice")
            }
        }
    }
}

enum Choices {
    /// Closed choices at one point: the extremes, each effect lost alone and kept alone, and random ones.
    static func some(
        _ storage: Storage, _ pending: Storage.Pending, _ count: Int, _ seed: Seed
    ) -> [Storage.Choice] {
        let sets = storage.closedSets(pending)
        let all = sets.count
        var random = TestRandom(seed: seed)
        func losing(_ lost: [Int]) -> Storage.Choice {
            var kept = [Bool](repeating: true, count: all)
            for element in lost { for gone in sets.dependents(of: element) { kept[gone] = false } }
            return Storage.Choice(kept: kept)
        }
        var result = [losing([]), losing(Array(0..<all))]
        for element in (0..<all).prefix(count) { result.append(losing([element])) }
        for _ in 0..<count where all > 0 {
            result.append(losing((0..<all).filter { _ in random.oneIn(3) }))
        }
        return result
    }
}
