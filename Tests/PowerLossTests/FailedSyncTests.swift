import FileTree
import PowerLoss
import Recording
import Testing

/// The table of CuttleFS (`fsyncs.py`), row by row: a program that writes, whose sync fails, that retries, whose pages are evicted, that
/// starts again, whose power goes. `docs/models.md`, "When a sync fails".
@Suite("Failed syncs")
struct FailedSyncTests {
    /// The rules that it is about; see `RuleTableTests`.
    static let rules = ["failed-sync"]

    private static let clean = ["ext4-ordered", "xfs", "posix"]

    private func storage(
        _ model: String, base: (inout Life) -> Void = { $0.durable() },
        _ run: (inout Life) -> Void
    ) -> (life: Life, storage: Storage) {
        var life = Life()
        base(&life)
        life.powerOn()
        run(&life)
        return (life, life.storage(.named(model)!, .torn4096))
    }

    /// What may be there after a power loss at the end.
    private func left(
        _ model: String, base: (inout Life) -> Void = { $0.durable() },
        run: (inout Life) -> Void
    ) -> Set<String> {
        let storage = storage(model, base: base, run).storage
        return storage.states(at: storage.lastCrashPoint)
    }

    /// What may be there when the process starts again at the end and the cache has dropped clean pages.
    private func evicted(_ model: String, _ run: (inout Life) -> Void) -> [String] {
        let storage = storage(model, run).storage
        return PlanSearch(
            storage, seed: 1, ending: .pageEviction, from: storage.lastCrashPoint
        ).map { TreeText.of($0.tree) }
    }

    // MARK: Pages marked clean: ext4 (ordered), XFS

    @Test("before eviction the program reads the new bytes", arguments: clean)
    func cleanLive(model: String) {
        let life = storage(model) {
            $0.write("f", 0, 4096, "N")
            $0.failSync("f", .markedClean)
        }.life

        #expect(TreeText.of(life.tree) == "f=N4096")
    }

    @Test(
        "after eviction it reads the old ones; the retry succeeds and writes nothing",
        arguments: clean)
    func cleanRetried(model: String) {
        let run: (inout Life) -> Void = {
            $0.write("f", 0, 4096, "N")
            $0.failSync("f", .markedClean)
            $0.fsync("f")
            $0.syncAll()
        }

        #expect(evicted(model, run) == ["f=O4096"])
        #expect(left(model, run: run) == ["f=O4096", "f=N4096"])
    }

    @Test("the size is stored all the same, over bytes that were never written", arguments: clean)
    func cleanSize(model: String) {
        let run: (inout Life) -> Void = {
            $0.append("f", 4096, "N")
            $0.failSync("f", .markedClean)
            $0.fsync("f")
        }

        #expect(evicted(model, run) == ["f=O4096Z4096"])
        #expect(left(model, run: run) == ["f=O4096Z4096", "f=O4096N4096"])
    }

    @Test(
        "a new file's name waits for the next sync as before", arguments: ["ext4-ordered", "xfs"])
    func cleanName(model: String) {
        let fails: (inout Life) -> Void = {
            $0.create("f")
            $0.write("f", 0, 4096, "N")
            $0.failSync("f", .markedClean)
        }

        #expect(
            left(model, base: { _ in }, run: fails) == ["-", "f=e", "f=Z4096", "f=N4096"])
        #expect(
            left(
                model, base: { _ in },
                run: {
                    fails(&$0)
                    $0.fsync("f")
                }) == ["f=Z4096", "f=N4096"])
    }

    @Test("another write to the page makes all of it dirty again", arguments: clean)
    func cleanWrittenAgain(model: String) {
        let run: (inout Life) -> Void = {
            $0.write("f", 0, 4096, "N")
            $0.failSync("f", .markedClean)
            $0.write("f", 0, 100, "M")
        }

        #expect(evicted(model, run) == [])
        #expect(
            left(model) {
                run(&$0)
                $0.fsync("f")
            } == ["f=M100N3996"])
    }

    @Test("other dirty blocks are written by the next sync", arguments: clean)
    func cleanOthers(model: String) {
        let states = left(model) {
            $0.write("f", 0, 4096, "N")
            $0.failSync("f", .markedClean)
            $0.append("f", 4096, "M")
            $0.fsync("f")
        }

        #expect(states == ["f=O4096M4096", "f=N4096M4096"])
    }

    @Test("the failing sync of a range leaves other pages dirty", arguments: clean)
    func cleanRange(model: String) {
        let states = left(
            model,
            base: {
                $0.create("f")
                $0.write("f", 0, 8192, "O")
            },
            run: {
                $0.write("f", 0, 8192, "N")
                $0.failSync("f", .markedClean, range: 0..<4096)
                $0.fsync("f")
            })

        #expect(states == ["f=O4096N4096", "f=N8192"])
    }

    @Test("a truncation that is durable ends what was stuck", arguments: clean)
    func cleanTruncated(model: String) {
        let states = left(model) {
            $0.write("f", 0, 4096, "N")
            $0.failSync("f", .markedClean)
            $0.truncate("f", 0)
            $0.fsync("f")
        }

        #expect(states == ["f=e"])
    }

    @Test("of several stuck pages any part may be lost at eviction, all of them first")
    func evictionInPart() {
        let states = evicted("ext4-ordered") {
            $0.write("f", 0, 4096, "N")
            $0.append("f", 4096, "N")
            $0.failSync("f", .markedClean)
            $0.create("g")
            $0.write("g", 0, 4096, "N")
        }

        #expect(states.first == "f=O4096Z4096 g=N4096")
        #expect(
            Set(states) == [
                "f=O4096Z4096 g=N4096", "f=N4096Z4096 g=N4096", "f=O4096N4096 g=N4096",
            ])
    }

    @Test("pages that are evicted at once: old bytes, new size", arguments: clean)
    func evictedAtOnce(model: String) {
        let run: (inout Life) -> Void = {
            $0.write("f", 0, 4096, "N")
            $0.append("f", 4096, "N")
            $0.failSync("f", .evicted)
        }

        #expect(TreeText.of(storage(model, run).life.tree) == "f=O4096Z4096")
        #expect(
            left(model) {
                run(&$0)
                $0.fsync("f")
            } == ["f=O4096Z4096"])
    }

    // MARK: ext4, data=journal

    @Test("the journal has everything, its data is stuck in the cache; the next sync says so")
    func late() {
        let run: (inout Life) -> Void = {
            $0.write("f", 0, 4096, "N")
            $0.append("f", 4096, "N")
            $0.failSync("f", .reportedLate)
        }

        #expect(TreeText.of(storage("ext4-journal", run).life.tree) == "f=N8192")
        let states: Set = ["f=O4096Z4096", "f=N4096Z4096", "f=O4096N4096", "f=N8192"]
        #expect(left("ext4-journal", run: run) == states)
        #expect(
            left("ext4-journal") {
                run(&$0)
                $0.create("g")
                $0.fsync("g")
            } == Set(states.map { $0 + " g=e" }))
        #expect(evicted("ext4-journal", run).first == "f=O4096Z4096")
    }

    // MARK: Btrfs

    @Test("the file goes back to its last sync, at once and for good")
    func reverted() {
        let run: (inout Life) -> Void = {
            $0.write("f", 0, 4096, "N")
            $0.fsync("f")
            $0.write("f", 0, 100, "M")
            $0.append("f", 4096, "M")
            $0.failSync("f", .reverted)
        }

        #expect(TreeText.of(storage("btrfs", run).life.tree) == "f=N4096")
        #expect(left("btrfs", run: run) == ["f=N4096"])
        #expect(evicted("btrfs", run) == [])
        // Whoever goes on from the offset it believes in leaves a hole.
        #expect(
            left("btrfs") {
                run(&$0)
                $0.write("f", 8192, 4096, "P")
                $0.fsync("f")
            } == ["f=N4096Z4096P4096"])
    }

    @Test("other files stay as they are")
    func revertedAlone() {
        let life = storage("btrfs") {
            $0.create("g")
            $0.write("g", 0, 10, "N")
            $0.write("f", 0, 10, "N")
            $0.failSync("f", .reverted)
        }.life

        #expect(TreeText.of(life.tree) == "f=O4096 g=N10")
    }

    // MARK: All

    @Test(
        "the records give the live tree, and everything kept is that tree",
        arguments: SyncFailure.allCases)
    func live(failure: SyncFailure) throws {
        let (life, storage) = storage("posix") {
            $0.write("f", 100, 5000, "N")
            $0.failSync("f", failure)
            $0.truncate("f", 200)
            $0.write("f", 4000, 200, "M")
            $0.failSync("f", failure)
            $0.append("f", 10, "P")
        }

        let state = CrashState(storage, losingNothingAt: storage.lastCrashPoint)
        #expect(TreeText.of(state.tree) == TreeText.of(life.tree))
    }

    @Test("what a plan of an eviction loses, the model allows")
    func plansAreAllowed() throws {
        let storage = storage("xfs") {
            $0.append("f", 9000, "N")
            $0.failSync("f", .markedClean)
            $0.create("g")
            $0.fsync("g")
        }.storage

        for planned in PlanSearch(storage, seed: 1, ending: .pageEviction) {
            let plan = planned.plan
            #expect(!plan.lost.isEmpty)
            #expect(try storage.state(plan).missingSync != nil)
        }
    }
}

extension Life {
    /// `f`, one block of O.
    fileprivate mutating func durable() {
        create("f")
        write("f", 0, 4096, "O")
    }
}
