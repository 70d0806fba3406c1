import FileTree
import PowerLoss
import Recording
import TestSupport
import Testing

@Suite("Stacks")
struct StackTests {
    /// What the search shows at the last crash point, tears with damage among it.
    private func searched(
        _ model: PersistenceModel, _ stack: Stack, base: (inout Life) -> Void,
        _ run: (inout Life) -> Void
    ) -> Set<String> {
        let storage = Life.storage(model, stack, base: base, run)
        var found: Set<String> = []
        for planned in PlanSearch(storage, seed: 1)
        where planned.pending.crashPoint == storage.lastCrashPoint {
            #expect(storage.isClosed(planned.pending, planned.choice))
            found.insert(TreeText.of(planned.tree))
        }
        return found
    }

    private static func old(_ life: inout Life) {
        life.create("f")
        life.write("f", 0, 4096, "O")
    }

    // MARK: Flushes

    @Test(
        "what an ordered cache loses is what an honest stack shows at an earlier point",
        arguments: Seed.first(40), [Stack.lyingFlushInOrder, .fuaIgnored])
    func inOrder(seed: Seed, stack: Stack) {
        for model in PersistenceModel.all {
            let recording = RandomRecording.make(seed, base: 10, count: 9)
            let log = try! EffectLog(recording)
            let honest = Storage(log: log, model: model, stack: .torn4096)
            var stack = stack
            stack.atomicUnit = 4096
            let lying = Storage(log: log, model: model, stack: stack)
            var allowed: Set<UInt64> = []
            for point in 0...honest.lastCrashPoint {
                let isWhole = honest.forEachState(at: point, limit: 4000) {
                    allowed.insert($0.hash)
                }
                guard isWhole else { break }
                lying.forEachState(at: point, limit: 400) {
                    // Which of the lost blocks show what was there before is all or none: too coarse to compare.
                    guard !$0.choice.showsStale else { return }
                    #expect(
                        allowed.contains($0.hash), "\(model.name), \(stack.name): \($0.plan)")
                }
            }
        }
    }

    @Test("in order or not: whether a later synced file can be there without the earlier one")
    func order() {
        func run(_ stack: Stack) -> Set<String> {
            states(.posix, stack, base: Self.old) {
                $0.write("f", 0, 512, "N")
                $0.fsync("f")
                $0.write("f", 512, 512, "M")
                $0.fsync("f")
            }
        }

        #expect(run(.lyingFlushInOrder) == ["f=O4096", "f=N512O3584", "f=N512M512O3072"])
        #expect(run(.lyingFlush) == run(.lyingFlushInOrder).union(["f=O512M512O3072"]))
        #expect(run(.hypervisorUnsafe) == run(.lyingFlush))
        #expect(run(.honest) == ["f=N512M512O3072"])
    }

    @Test("forced unit access ignored: the last commit is at risk, bytes in their places are not")
    func commits() {
        func run(_ run: (inout Life) -> Void) -> Set<String> {
            states(.ext4Ordered, .fuaIgnored, base: Self.old, run)
        }
        let overwritten = run {
            $0.write("f", 0, 4096, "N")
            $0.fdatasync("f")
        }
        let created = run {
            $0.create("g")
            $0.fsync("g")
        }
        let flushedAfter = run {
            $0.create("g")
            $0.fsync("g")
            $0.write("f", 0, 4096, "N")
            $0.fdatasync("f")
        }

        #expect(overwritten == ["f=N4096"])
        #expect(created == ["f=O4096", "f=O4096 g=e"])
        #expect(flushedAfter == ["f=N4096 g=e"])
    }

    @Test("another name for a stack is the same to a file tree", arguments: Seed.first(6))
    func aliases(seed: Seed) {
        for alias in Stack.aliases {
            let other = Stack.named(alias.aliasOf!)!
            for model in [PersistenceModel.posix, .xfs, .btrfs] {
                let mine = RandomRecording.storage(seed, model, alias)
                let theirs = RandomRecording.storage(seed, model, other)
                let pairs = zip(
                    PlanSearch(mine, seed: seed.value), PlanSearch(theirs, seed: seed.value))
                for (a, b) in pairs.prefix(400) {
                    #expect(a.plan == b.plan)
                    #expect(
                        a.tree.settledHash
                            == b.tree.settledHash)
                }
            }
        }
    }

    // MARK: Tears

    @Test("16 KiB in one aligned write are whole or absent; across the boundary they tear")
    func atomicWrites() {
        func run(_ offset: UInt64, _ model: PersistenceModel = .ext4Ordered) -> Set<String> {
            states(
                model, .awupf16k,
                base: {
                    $0.create("f")
                    $0.write("f", 0, 32768, "O")
                },
                { $0.write("f", offset, 8192, "N") })
        }

        #expect(run(4096) == ["f=O32768", "f=O4096N8192O20480"])
        #expect(run(12288).count == 1 << 16)
        #expect(run(12288, .btrfs).count == 4)
    }

    @Test("shorn: what a torn write covers may be zeros or garbage, nothing else is touched")
    func shorn() {
        let found = searched(.ext4Ordered, .shorn, base: Self.old) {
            $0.write("f", 1024, 1024, "N")
        }

        #expect(found.contains("f=O1024N512G512O2048"))
        #expect(found.contains("f=O1024Z512N512O2048"))
        #expect(found.contains("f=O1024G1024O2048"))
        #expect(found.contains("f=O4096") && found.contains("f=O1536N512O2048"))
        #expect(found.allSatisfy { $0.hasPrefix("f=O1") || $0 == "f=O4096" })
        #expect(
            found.allSatisfy { $0.hasSuffix("O2048") || $0 == "f=O4096" || $0.hasSuffix("O2560") })
    }

    @Test("512e: a torn write may take what it did not write, only in its own sector of 4096 bytes")
    func neighbours() {
        let found = searched(
            .ext4Ordered, .rmwNeighbour,
            base: {
                $0.create("f")
                $0.write("f", 0, 8192, "O")
            },
            { $0.write("f", 1024, 512, "N") })

        #expect(
            found == [
                "f=O8192", "f=O1024N512O6656", "f=G1024O512G2560O4096", "f=G1024N512G2560O4096",
                "f=Z1024O512Z2560O4096", "f=Z1024N512Z2560O4096",
            ])
    }

    @Test(
        "where blocks are copied or journalled nothing tears inside",
        arguments: ["btrfs", "ext4-journal"])
    func copied(model: String) {
        for stack in [Stack.shorn, .rmwNeighbour] {
            let found = searched(.named(model)!, stack, base: Self.old) {
                $0.write("f", 1024, 512, "N")
            }
            #expect(found == ["f=O4096", "f=O1024N512O2560"])
        }
    }

    @Test(
        "a plan with damage or stale blocks is read back as the choice it was",
        arguments: Seed.first(10))
    func plans(seed: Seed) throws {
        for (model, stack) in [
            (PersistenceModel.ext4Ordered, Stack.shorn), (.xfs, .rmwNeighbour),
            (.posixStale, .honest), (.posix, .lyingFlushInOrder),
        ] {
            let storage = RandomRecording.storage(seed, model, stack)
            for planned in PlanSearch(storage, seed: seed.value).prefix(300) {
                #expect(try storage.state(planned.plan).hash == planned.hash)
            }
        }
        let honest = RandomRecording.storage(seed, .ext4Ordered, .honest)
        let shorn = RandomRecording.storage(seed, .ext4Ordered, .shorn)
        let damaging = PlanSearch(shorn, seed: seed.value).prefix(20_000).first(where: {
            $0.choice.torn.contains { $0.damage != nil }
        })
        if let damaging {
            let plan = damaging.plan
            #expect(throws: RecordingError.self) { try honest.state(plan) }
        }
    }

    // MARK: Models

    @Test("stale: lost data in new blocks reads zeros or what was there before")
    func stale() {
        func run(_ model: PersistenceModel) -> Set<String> {
            states(model, .torn4096) {
                $0.create("f")
                $0.write("f", 0, 4096, "N")
            }
        }

        #expect(run(.ext4Writeback) == ["-", "f=e", "f=Z4096", "f=G4096", "f=N4096"])
        #expect(run(.posixStale) == run(.ext4Writeback))
        #expect(run(.ext4Ordered) == ["-", "f=e", "f=Z4096", "f=N4096"])
        #expect(run(.ext4NoDelayedAllocation) == ["-", "f=e", "f=N4096"])
        #expect(run(.ext4Journal) == ["-", "f=e", "f=N4096"])
    }

    @Test("stale blocks are new ones: an overwrite that is lost leaves the old bytes")
    func staleOverwrite() {
        let found = states(.ext4Writeback, .torn4096, base: Self.old) {
            $0.write("f", 0, 4096, "N")
        }

        #expect(found == ["f=O4096", "f=N4096"])
    }

    // MARK: As files

    @Test("every built-in stack and model is what its written form says")
    func written() throws {
        for stack in Stack.all + Stack.aliases {
            var read = try Stack(name: stack.name, stack.fields)
            read.aliasOf = stack.aliasOf
            #expect(read == stack)
        }
        for model in PersistenceModel.all {
            let read = try PersistenceModel(name: model.name, model.fields)
            #expect(read.rules == model.rules)
        }
    }

    @Test(
        "what cannot be is said",
        arguments: [
            ("about", "x", "atomic-unit", "100", "`atomic-unit` is 512, 1024, 2048 or 4096 bytes"),
            (
                "about", "x", "tears", "shron",
                "`tears` is one of clean, shorn, neighbours, not `shron`"
            ),
            ("about", "x", "ignored-flushes", "-1", "`ignored-flushes` is a number or `all`"),
            ("about", "x", "tear", "shorn", "unknown key `tear`"),
            (
                "source", "x", "tears", "shorn",
                "`about` is missing: what the stack is, in a sentence"
            ),
        ])
    func refused(
        _ first: String, _ text: String, _ key: String, _ value: String, _ sentence: String
    ) {
        do {
            _ = try Stack(name: "x", RuleFields([.init(first, text), .init(key, value)]))
            Issue.record("it was taken")
        } catch {
            #expect(error.description == sentence)
        }
    }
}
