import FileTree
import PowerLoss
import Recording
import TestSupport
import Testing

@Suite("Plan search, over random histories")
struct PlanSearchTests {
    @Test("every plan is allowed, and comes back from its text", arguments: Seed.first(30))
    func plansAreClosed(seed: Seed) throws {
        for model in PersistenceModel.all {
            for stack in Stack.all {
                let storage = RandomRecording.storage(
                    seed, model, stack, count: RandomRecording.count(seed))
                for planned in PlanSearch(storage, seed: seed.value).prefix(400) {
                    let plan = planned.plan
                    #expect(
                        storage.isClosed(planned.pending, planned.choice),
                        "\(model.name), \(stack.name): \(plan)")
                    let state = try storage.state(plan)
                    #expect(state.choice == planned.choice)
                    #expect(state.pending.effects == planned.pending.effects)
                }
            }
        }
    }

    @Test("a plan gives the same tree again", arguments: Seed.first(20))
    func plansGiveTheSameTree(seed: Seed) throws {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(seed, model)
            for planned in PlanSearch(storage, seed: seed.value).prefix(100) {
                let hash = planned.tree.settledHash
                #expect(try storage.state(planned.plan).hash == hash)
            }
        }
    }

    @Test("the same recording and seed give the same plans", arguments: Seed.first(20))
    func repeats(seed: Seed) {
        for model in PersistenceModel.all {
            func plans() -> [CrashPlan] {
                let storage = RandomRecording.storage(seed, model)
                return PlanSearch(storage, seed: seed.value).prefix(1000).map {
                    $0.plan
                }
            }
            #expect(plans() == plans(), "\(model.name)")
        }
    }

    @Test(
        "every crash point is visited first, with all lost and with nothing lost",
        arguments: Seed.first(15))
    func visitsEveryPoint(seed: Seed) {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(seed, model, count: RandomRecording.count(seed))
            var allLost: Set<Int> = []
            var noneLost: Set<Int> = []
            let points = storage.lastCrashPoint + 1
            // All lost may come twice, with stale blocks, too; and every other state is one of a kind of loss.
            for planned in PlanSearch(storage, seed: seed.value).prefix(6 * points) {
                let choice = planned.choice
                if choice.torn.isEmpty, !choice.kept.contains(true) {
                    allLost.insert(planned.pending.crashPoint)
                }
                if !choice.kept.contains(false) { noneLost.insert(planned.pending.crashPoint) }
            }
            #expect(allLost.count == points, "\(model.name)")
            #expect(noneLost.count == points, "\(model.name)")
        }
    }

    @Test("no choice comes twice at a point; equal keys are equal trees", arguments: Seed.first(20))
    func keys(seed: Seed) {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(seed, model)
            var seen: [Int: Set<Storage.Choice>] = [:]
            var trees: [UInt64: UInt64] = [:]
            for planned in PlanSearch(storage, seed: seed.value).prefix(600) {
                let point = planned.pending.crashPoint
                #expect(seen[point, default: []].insert(planned.choice).inserted)
                let hash = planned.tree.settledHash
                #expect(trees.updateValue(hash, forKey: planned.key) ?? hash == hash)
            }
        }
    }

    @Test("an exhaustive search has handed out every closed set", arguments: Seed.first(40))
    func exhaustive(seed: Seed) {
        var exhausted = 0
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(seed, model, base: 10, count: 6)
            var search = PlanSearch(storage, seed: seed.value)
            var seen: [Int: Set<[Bool]>] = [:]
            var torn: [Int: Set<Int>] = [:]
            while !search.isExhaustive, let planned = search.next() {
                let point = planned.pending.crashPoint
                if planned.choice.torn.isEmpty {
                    seen[point, default: []].insert(planned.choice.kept)
                } else {
                    torn[point, default: []].formUnion(planned.choice.torn.map(\.index))
                }
            }
            guard search.isExhaustive else { continue }
            exhausted += 1
            for point in 0...storage.lastCrashPoint {
                let pending = storage.pending(at: point)
                let sets = storage.closedSets(pending)
                #expect(seen[point] == Self.bruteForce(sets), "\(model.name), point \(point)")
                // What can tear alone at all has been torn.
                for index in 0..<sets.count
                where storage.graph.nodes[pending.effects[index]].unitCount > 1 {
                    let needed = Set(sets.required(by: index)).subtracting([index])
                    let isAtom = !needed.isDisjoint(with: sets.dependents(of: index))
                    #expect(isAtom != (torn[point]?.contains(index) ?? false))
                }
            }
        }
        #expect(exhausted > 0)
    }

    /// Closed sets by trying all subsets; nil when there are too many.
    private static func bruteForce(_ sets: ClosedSets) -> Set<[Bool]>? {
        guard sets.count <= 14 else {
            var all: Set<[Bool]> = []
            sets.visit { all.insert($0).inserted }
            return all
        }
        var all: Set<[Bool]> = []
        for bits in 0..<(1 << sets.count) {
            let kept = (0..<sets.count).map { bits & (1 << $0) != 0 }
            if sets.isClosed(kept) { all.insert(kept) }
        }
        return all
    }

    @Test(
        "a rare file is lost, kept and torn within the first 160 states, wherever it stands",
        arguments: [5, 500, 995])
    func rareFile(place: Int) {
        var life = Life()
        life.create("log")
        life.create("page")
        life.write("page", 0, 8192, "O")
        life.powerOn()
        for index in 0..<1000 {
            life.write("log", UInt64(index) * 512, 512, "M")
            if index == place { life.write("page", 0, 8192, "N") }
            if index % 4 == 3 { life.fdatasync("log") }
        }
        // Neither block of the page can tear inside.
        let storage = life.storage(.posix, .torn4096)
        let page = Set(
            storage.log.effects.indices.filter {
                storage.log.paths[storage.log.effects[$0].path] == "page"
                    && storage.log.effects[$0].effect.change.block != nil
            })
        #expect(page.count == 2)

        var found: Set<[Bool]> = []
        for planned in PlanSearch(storage, seed: 1).prefix(160) {
            let kept = planned.pending.effects.indices.filter {
                page.contains(planned.pending.effects[$0])
            }.map { planned.choice.kept[$0] }
            let others = planned.pending.effects.indices.filter {
                !page.contains(planned.pending.effects[$0])
            }.map { planned.choice.kept[$0] }
            if !kept.isEmpty, Set(others).count <= 1 {
                found.insert(kept + [others.first ?? true])
            }
        }

        for isKept in [false, true] {
            #expect(found.contains([true, false, isKept]))
            #expect(found.contains([false, true, isKept]))
        }
        #expect(found.contains([false, false, true]))
        #expect(found.contains([true, true, false]))
    }

    @Test("a search that is stopped early does not call itself exhaustive")
    func stoppedEarly() {
        let storage = RandomRecording.storage(3, .posix, base: 10, count: 4)
        var whole = PlanSearch(storage, seed: 1)
        var count = 0
        while !whole.isExhaustive, whole.next() != nil { count += 1 }
        #expect(whole.isExhaustive && count > 1)

        var search = PlanSearch(storage, seed: 1)
        for _ in 0..<count - 1 { _ = search.next() }

        #expect(!search.isExhaustive)
    }

    @Test("very many effects at risk neither exhaust the stack nor the memory")
    func manyEffects() {
        let free = ClosedSets(requires: [[Int]](repeating: [], count: 200_000))
        #expect(free.count(limit: 20) == nil)
        let chain = ClosedSets(requires: (0..<2000).map { $0 == 0 ? [] : [$0 - 1] })
        #expect(chain.count(limit: 4000) == 2001)

        var life = Life()
        life.create("f")
        life.write("f", 0, 1 << 20, "O")
        life.powerOn()
        for _ in 0..<16 { life.write("f", 0, 1 << 20, "N") }
        let storage = life.storage(.posix)
        var visited: [Int: Int] = [:]
        for planned in PlanSearch(storage, seed: 1).prefix(12_000) {
            visited[planned.pending.crashPoint, default: 0] += 1
        }
        #expect(visited.count == 17)
        #expect(visited.values.filter { $0 > 100 }.count == 16)
    }

    @Test("an exhaustive search has torn each write at each unit")
    func everyTear() {
        var life = Life()
        life.create("f")
        life.write("f", 0, 64 * 4096, "O")
        life.powerOn()
        life.write("f", 0, 64 * 4096, "N")
        var search = PlanSearch(life.storage(.inOrder), seed: 1)
        var torn: Set<Storage.Choice.Torn> = []
        // Too many for the families that are tried before. What comes after it calls itself exhaustive does not count.
        while !search.isExhaustive, let planned = search.next() {
            torn.formUnion(planned.choice.torn)
        }

        // Of each block the first one to seven sectors, or the last ones.
        #expect(torn.count == 64 * 7 * 2)
    }

    @Test("where not every set can be tried: each alone, each prefix and pairs")
    func families() {
        let count = 20
        var life = Life()
        for index in 0..<count {
            life.create("f\(index)")
            life.write("f\(index)", 0, 4096, "O")
        }
        life.powerOn()
        for index in 0..<count { life.write("f\(index)", 0, 4096, "N") }
        // Nothing binds these, and nothing tears.
        let storage = life.storage(.dataOnly)
        var sets: Set<[Bool]> = []
        for planned in PlanSearch(storage, seed: 1)
        where planned.pending.crashPoint == storage.lastCrashPoint {
            sets.insert(planned.choice.kept)
        }
        for place in 0..<count {
            #expect(sets.contains((0..<count).map { $0 != place }))
            #expect(sets.contains((0..<count).map { $0 == place }))
            #expect(sets.contains((0..<count).map { $0 < place }))
        }
        // Samples lose few and many, but hardly ever keep just two.
        #expect(sets.count { kept in kept.count { !$0 } == 2 } > 40)
        #expect(sets.count { kept in kept.count { $0 } == 2 } > 40)
    }

    @Test("plans that the model does not allow are refused")
    func refuses() throws {
        var life = Life()
        life.powerOn()
        life.create("a")
        life.write("a", 0, 8192, "N")
        life.create("b")
        let storage = life.storage(.ext4Ordered)
        let a = EffectID(record: 0, index: 1)

        #expect(throws: RecordingError.self) {
            try storage.state(CrashPlan(crashPoint: 3, lost: [a]))
        }
        #expect(throws: RecordingError.self) {
            try storage.state(CrashPlan(crashPoint: 4, lost: []))
        }
        #expect(throws: RecordingError.self) {
            try storage.state(CrashPlan(crashPoint: 0, lost: [a]))
        }
        let data = EffectID(record: 1, index: 0)
        #expect(throws: RecordingError.self) {
            try storage.state(
                CrashPlan(crashPoint: 3, lost: [], torn: [.init(effect: data, kept: 1)]))
        }
        _ = try storage.state(CrashPlan(crashPoint: 3, lost: [data]))
    }
}
