import FileTree
import PowerLoss
import TestSupport
import Testing

@Suite("Choices drawn from a seed")
struct DrawingTests {
    @Test(
        "each is one the model allows, and the same seed draws it again", arguments: Seed.first(30))
    func drawnAreClosed(seed: Seed) throws {
        for model in PersistenceModel.all {
            for stack in Stack.all {
                let storage = RandomRecording.storage(
                    seed, model, stack, count: RandomRecording.count(seed))
                for point in 0...storage.lastCrashPoint {
                    let pending = storage.pending(at: point)
                    for draw in 0..<4 {
                        let drawn = seed.value &* 1000 &+ UInt64(point * 4 + draw)
                        let state = storage.drawnState(pending, seed: drawn)
                        let choice = state.choice
                        #expect(storage.isClosed(pending, choice), "\(model.name), \(stack.name)")
                        #expect(choice == storage.drawnState(pending, seed: drawn).choice)
                        #expect(try storage.state(state.plan).choice == choice)
                    }
                }
            }
        }
    }

    @Test("a page that is written once tears as often as a log that is always written")
    func rarePage() {
        var life = Life()
        life.create("log")
        life.create("page")
        life.write("page", 0, 8192, "O")
        life.powerOn()
        life.write("page", 0, 8192, "N")
        for index in 0..<300 { life.write("log", UInt64(index) * 512, 512, "M") }
        let storage = life.storage(.posix, .torn4096)
        let pending = storage.pending(at: storage.lastCrashPoint)
        let page = pending.effects.indices.filter {
            storage.log.paths[storage.log.effects[pending.effects[$0]].path] == "page"
        }
        #expect(page.count == 2)

        // Two blocks, one of them lost, all else there: no coin comes to that.
        let torn = (0..<200).count { seed in
            let kept = storage.drawnState(pending, seed: UInt64(seed)).choice.kept
            return kept.count { !$0 } == 1 && page.contains { !kept[$0] }
        }

        #expect(torn >= 5)
    }
}
