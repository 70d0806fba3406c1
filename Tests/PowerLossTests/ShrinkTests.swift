import FileTree
import PowerLoss
import TestSupport
import Testing

@Suite("Shrinking: less is lost while the same thing stays wrong")
struct ShrinkTests {
    /// What is wrong with a choice, decided by what it lost.
    private struct Fault {
        let name: String
        let shows: (Storage.Choice) -> Bool
    }

    @Test(
        "the result still violates, is allowed, and nothing can be given back",
        arguments: Seed.first(40))
    func isMinimal(seed: Seed) {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(seed, model, base: 12, count: 25)
            var random = TestRandom(seed: seed)
            let point = random.below(storage.lastCrashPoint + 1)
            let pending = storage.pending(at: point)
            let sets = storage.closedSets(pending)
            guard sets.count > 0 else { continue }
            let x = random.below(sets.count)
            let y = random.below(sets.count)
            let faults = [
                Fault(name: "x lost") { !$0.kept[x] },
                Fault(name: "x and y lost") { !$0.kept[x] && !$0.kept[y] },
                Fault(name: "x lost or torn, y kept") { !$0.kept[x] && $0.kept[y] },
                Fault(name: "torn") { !$0.torn.isEmpty },
                Fault(name: "three lost") { $0.kept.filter { !$0 }.count >= 3 },
            ]
            let starts =
                [Storage.Choice.losingAll(of: pending)]
                + PlanSearch(storage, seed: seed.value).prefix(2000).filter {
                    $0.pending.crashPoint == point
                }.map(\.choice).prefix(40)
            for fault in faults {
                for start in starts where fault.shows(start) {
                    var calls = 0
                    // What is wrong is told of effects at one crash point: it stays.
                    let shrinker = Shrinker(storage, from: point)
                    let result = shrinker.shrink(CrashState(storage, pending, start)) {
                        calls += 1
                        #expect(storage.isClosed(pending, $0.choice), "\(model.name): a try")
                        return fault.shows($0.choice)
                    }.choice

                    #expect(fault.shows(result), "\(model.name), \(fault.name)")
                    #expect(storage.isClosed(pending, result), "\(model.name), \(fault.name)")
                    #expect(calls < 4000)
                    for smaller in lessLost(storage, pending, sets, result) {
                        #expect(!fault.shows(smaller), "\(model.name), \(fault.name): \(result)")
                    }
                }
            }
        }
    }

    /// The choices that lose one thing less: an effect given back with what it needs, a tear healed, a unit given back.
    private func lessLost(
        _ storage: Storage, _ pending: Storage.Pending, _ sets: ClosedSets, _ choice: Storage.Choice
    ) -> [Storage.Choice] {
        var result: [Storage.Choice] = []
        for index in choice.kept.indices where !choice.kept[index] {
            var other = choice
            for needed in sets.required(by: index) { other.kept[needed] = true }
            other.torn.removeAll { other.kept[$0.index] }
            result.append(other)
        }
        for (place, tear) in choice.torn.enumerated() {
            let all = storage.graph.nodes[pending.effects[tear.index]].units
            for bit in (0..<8).map({ UInt8(1 << $0) }) where all & bit != 0 && tear.units & bit == 0
            {
                guard tear.units | bit != all else { continue }
                var other = choice
                other.torn[place] = .init(index: tear.index, units: tear.units | bit)
                result.append(other)
            }
        }
        return result
    }

    /// What is wrong with a tree that has no place in this: it is told of the tree alone.
    @Test(
        "one record earlier it does not show, and nothing can be given back there",
        arguments: Seed.first(40))
    func isMinimalInTime(seed: Seed) {
        for model in PersistenceModel.all {
            let storage = RandomRecording.storage(seed, model, base: 12, count: 25)
            var random = TestRandom(seed: seed)
            let planned = Array(PlanSearch(storage, seed: seed.value).prefix(400))
            for _ in 0..<6 where !planned.isEmpty {
                let start = planned[random.below(planned.count)]
                let hash = start.hash
                // Some trees show it: this one, and others that are drawn.
                let salt = UInt64(random.below(4))
                func shows(_ state: CrashState) -> Bool {
                    state.hash == hash || (state.hash ^ salt) % 4 == 0
                }
                let result = Shrinker(storage).shrink(start) {
                    #expect(storage.isClosed($0.pending, $0.choice), "\(model.name): a try")
                    return shows($0)
                }

                #expect(shows(result))
                let point = result.crashPoint
                if point > 0, let earlier = result.earlier(at: point - 1) {
                    #expect(!shows(earlier), "\(model.name) at \(point)")
                }
                let sets = storage.closedSets(result.pending)
                for choice in lessLost(storage, result.pending, sets, result.choice) {
                    let less = CrashState(storage, result.pending, choice)
                    #expect(!shows(less), "\(model.name): \(choice)")
                }
            }
        }
    }

    @Test("one lost effect is found among many")
    func findsOne() {
        var life = Life()
        life.powerOn()
        for name in ["a", "b", "c", "d"] {
            life.create(name)
            life.write(name, 0, 100, "N")
        }
        let storage = life.storage(.posix)
        let pending = storage.pending(at: storage.lastCrashPoint)
        let start = CrashState(storage, pending, .losingAll(of: pending))

        let result = Shrinker(storage).shrink(start) {
            $0.tree.lookUp(path: "c") == nil && $0.crashPoint > 5
        }

        #expect(
            result.plan == CrashPlan(crashPoint: 6, lost: [EffectID(record: 4, index: 1)]))
    }
}
