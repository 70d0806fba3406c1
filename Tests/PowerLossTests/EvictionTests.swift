import FileTree
import PowerLoss
import Recording
import TestSupport
import Testing

/// Clean pages leave the page cache while the program runs on. `docs/mount.md`, `evict`.
@Suite("Evicted pages")
struct EvictionTests {
    private static let clean = ["ext4-ordered", "xfs", "posix"]

    private func life(_ run: (inout Life) -> Void) -> Life {
        var life = Life()
        for name in ["f", "g"] {
            life.create(name)
            life.write(name, 0, 8192, "O")
        }
        life.powerOn()
        run(&life)
        return life
    }

    private func left(_ model: String, _ life: Life) -> Set<String> {
        let storage = life.storage(.named(model)!, .torn4096)
        return storage.states(at: storage.lastCrashPoint)
    }

    @Test("what a failed sync left is gone, for programs and for ever", arguments: clean)
    func gone(model: String) {
        let life = life {
            $0.append("f", 4096, "N")
            $0.write("f", 0, 4096, "N")
            $0.failSync("f", .markedClean)
            $0.evict()
            $0.syncAll()
        }

        #expect(TreeText.of(life.tree) == "f=O8192Z4096 g=O8192")
        #expect(left(model, life) == ["f=O8192Z4096 g=O8192"])
    }

    @Test("dirty pages stay, and those that are dirty again", arguments: clean)
    func dirty(model: String) {
        let life = life {
            $0.write("f", 0, 8192, "N")
            $0.failSync("f", .markedClean)
            $0.write("f", 0, 100, "M")
            $0.write("g", 0, 4096, "P")
            $0.evict()
        }

        #expect(TreeText.of(life.tree) == "f=M100N3996O4096 g=P4096O4096")
        var synced = life
        synced.syncAll()
        #expect(left(model, synced) == ["f=M100N3996O4096 g=P4096O4096"])
    }

    @Test("one file's only; then the other's", arguments: clean)
    func oneFile(model: String) {
        var life = life {
            $0.write("f", 0, 4096, "N")
            $0.failSync("f", .markedClean)
            $0.write("g", 0, 4096, "N")
            $0.failSync("g", .markedClean)
            $0.evict("f")
        }
        #expect(TreeText.of(life.tree) == "f=O8192 g=N4096O4096")
        #expect(left(model, life) == ["f=O8192 g=O8192", "f=O8192 g=N4096O4096"])

        life.evict("g")
        #expect(TreeText.of(life.tree) == "f=O8192 g=O8192")
        #expect(left(model, life) == ["f=O8192 g=O8192"])
    }

    @Test("what is written next follows what is left; a retry stores that")
    func next() {
        let life = life {
            $0.write("f", 0, 4096, "N")
            $0.failSync("f", .markedClean)
            $0.evict()
            $0.write("f", 0, 100, "M")
            $0.fsync("f")
        }

        #expect(left("ext4-ordered", life) == ["f=M100O8092 g=O8192"])
    }

    @Test("what was truncated away does not come back with a page that is written again")
    func truncated() {
        let life = life {
            $0.write("f", 4096, 4096, "N")
            $0.failSync("f", .markedClean)
            $0.truncate("f", 4096)
            $0.fsync("f")
            $0.write("f", 4096, 10, "M")
            $0.evict()
        }

        #expect(TreeText.of(life.tree) == "f=O4096M10 g=O8192")
    }

    @Test("a failed sync of a range leaves its pages alone in the cache; one that succeeds, none")
    func ranges() {
        let life = life {
            $0.write("f", 0, 8192, "N")
            $0.failSync("f", .markedClean, range: 4096..<8192)
            $0.write("g", 0, 4096, "N")
            $0.writeThrough("g", 4096, 4096, "N")
            $0.failSync("g", .markedClean)
            $0.evict()
        }

        #expect(TreeText.of(life.tree) == "f=N4096O4096 g=O4096N4096")
    }

    @Test("nothing is evicted where a sync did not fail, or what it dropped is gone already")
    func nothing() {
        for failure in [nil, SyncFailure.evicted, .reverted] {
            let life = life {
                $0.write("f", 0, 4096, "N")
                if let failure { $0.failSync("f", failure) }
                $0.write("g", 0, 4096, "N")
            }
            var evicted = life
            evicted.evict()
            #expect(TreeText.of(evicted.tree) == TreeText.of(life.tree))
        }
    }

    @Test("what the cache alone has is what the model calls stuck", arguments: Seed.first(60))
    func stuck(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        for model in Self.clean {
            var life = life { _ in }
            for _ in 0..<24 {
                let file = random.below(2) == 0 ? "f" : "g"
                let block = UInt64(random.below(4)) * 4096
                switch random.below(10) {
                case 0...4: life.write(file, block + UInt64(random.below(2)) * 100, 2000, "N")
                case 5: life.fsync(file)
                case 6, 7: life.failSync(file, .markedClean)
                case 8: life.truncate(file, block)
                default: life.evict(random.below(2) == 0 ? file : nil)
                }
            }
            let storage = life.storage(.named(model)!)
            let pending = storage.pending(at: storage.lastCrashPoint)
            let all = Storage.Choice.losingNothing(of: pending)
            #expect(TreeText.of(CrashState(storage, pending, all).tree) == TreeText.of(life.tree))

            let stuck = Set(storage.stuck(pending).map { pending.effects[$0] })
            var evicted = life
            evicted.evict()
            var without = all
            for (index, effect) in pending.effects.enumerated() where stuck.contains(effect) {
                without.kept[index] = false
            }
            #expect(
                TreeText.of(CrashState(storage, pending, without).tree)
                    == TreeText.of(evicted.tree),
                "\(model)")
        }
    }
}
