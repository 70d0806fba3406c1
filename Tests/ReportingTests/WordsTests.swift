import Campaign
import Oracles
import PowerLoss
import Recording
import Reporting
import Testing

/// What the values of a campaign are to a reader.
@Suite("Sentences")
struct WordsTests {
    private static let write = Step(2, Call("write log ", 0..<4096))
    private static let rename = Step(3, Call("rename new -> log"))

    @Test(
        "a culprit says what is gone, and of what",
        arguments: [
            (
                .lost(
                    write, [.size(beyond: 512), .data([0..<512, 1024..<2048])], failedSync: nil),
                "#2 write log [0, 4096): lost data [0, 512), [1024, 2048), size beyond 512"
            ),
            (
                .lost(write, [.data(nil), .birth], failedSync: 9),
                "#2 write log [0, 4096): lost data, its birth, which the sync at #9 failed to store"
            ),
            (
                .lost(write, [.zeros((0..<5).map { $0 * 9..<$0 * 9 + 1 })], failedSync: nil),
                "#2 write log [0, 4096): lost the zeros of [0, 1), [9, 10), [18, 19) and 2 more ranges"
            ),
            (
                .lost(rename, [.name, .removal], failedSync: nil),
                "#3 rename new -> log: lost the name, the removal of the name"
            ),
            (
                .lost(rename, [.attribute("user.a"), .attributes, .hole], failedSync: nil),
                "#3 rename new -> log: lost attribute user.a, attributes, the hole"
            ),
            (.staleBlocks, "new blocks whose data was lost show what they held before"),
            (
                .injected("EIO", rename, times: 1),
                "#3 rename new -> log: EIO, which was injected"
            ),
            (
                .injected("EIO", rename, times: 3),
                "#3 rename new -> log: EIO, which was injected (the first of 3 injected faults)"
            ),
        ] as [(Culprit, String)])
    func culprits(culprit: Culprit, words: String) {
        #expect(culprit.words == words)
    }

    @Test(
        "advice says what to do, after what and before what",
        arguments: [
            (
                .syncs([
                    MissingSync(of: .directory(""), after: 3, before: .output(7)),
                    MissingSync(of: .file("log"), after: 2, before: .step(rename)),
                ]),
                "fsync the directory of the data (.) after #3 and before the output at #7; "
                    + "fsync log after #2 and before #3 (rename new -> log)"
            ),
            (
                .write(mapped: nil),
                "write it before acknowledging it: until then it had not left the program"
            ),
            (
                .write(mapped: "map"),
                "write it, or msync the mapping of map, before acknowledging it"
            ),
            (
                .ignoredSync(5, write, stack: "lying-flush"),
                "sync #5 covered #2 (write log [0, 4096)), and lying-flush did not do it: no sync helps, "
                    + "recovery must be able to tell that it is missing (a journal, a checksum, a copy)"
            ),
            (
                .noSync(write),
                "no sync was found that mends it: recovery must be able to tell that #2 (write log [0, 4096)) "
                    + "is missing (a journal, a checksum, a copy)"
            ),
            (
                .tooLate(rename),
                "no sync is in time for #3 (rename new -> log): recovery must be able to tell that it is missing "
                    + "(a journal, a checksum, a copy)"
            ),
            (
                .endOfLog(record: 1, path: "log"),
                "#1 adds to the end of log, and no sync is in time for it: "
                    + "recovery must take an invalid last record for the end of the log"
            ),
            (
                .recovery(findsLess: false, unlessWhole: nil),
                "nothing need be lost: recovery itself changes what it finds, and the next one misreads it"
            ),
            (
                .recovery(findsLess: true, unlessWhole: write),
                "recovery itself changes what it finds, and the next one finds less; "
                    + "it does so when #2 (write log [0, 4096)) is not wholly there"
            ),
            (.misread, "nothing need be lost: recovery misreads a complete tree"),
            (
                .order(after: write, before: rename),
                "nothing need be lost: the program's end after #2 (write log [0, 4096)) and before "
                    + "#3 (rename new -> log) is enough; the order of these steps, or recovery from between them, "
                    + "is at fault"
            ),
            (.stepHadFailed, "acknowledge nothing of which a step has failed"),
        ] as [(Advice, String)])
    func advice(advice: Advice, words: String) {
        #expect(advice.words == words)
    }

    @Test(
        "a note counts one as one",
        arguments: [
            (
                .others(.lostCommit, 1, than: 2),
                "1 more state shows lost-commit in other ways than the 2 that were looked into"
            ),
            (
                .others(.hole, 2, than: 4),
                "2 more states show hole in other ways than the 4 that were looked into"
            ),
            (
                .recoveriesCut(1, states: 1, isAll: true),
                "the power went again in 1 recovery, which left 1 state"
            ),
            (
                .recoveriesCut(2, states: 5, isAll: false),
                "the power went again in 2 recoveries, which left 5 states; the budget ended before the others"
            ),
            (
                .neverEnded(["a", "b", "c", "d"]),
                "begun and never ended: a, b, c and 1 more; nothing is asked of them"
            ),
            (
                .under(model: "xfs", stack: "honest", .notJudged("flaky", more: 2)),
                "xfs on honest: not every state could be judged: flaky (and 2 more)"
            ),
            (
                .machines(["a", "b"], atOnce: 1, .powerLoss),
                "a, b are the mounts of machines of their own: one loses its power, on the others only the processes end"
            ),
        ] as [(Note, String)])
    func notes(note: Note, words: String) {
        #expect(note.words == words)
    }

    @Test("what a second power loss shows is told from the first on")
    func recoveries() throws {
        let writer = try RecordingWriter(
            arena: Arena(memoryLimit: 1 << 20), base: .init(), storesBase: false, nonce: 1)
        var finding = Samples.finding()
        finding.explanation.lostBefore = [[.staleBlocks], [Samples.lost(1, "create a", .name)]]
        finding.explanation.kept = Self.rename
        let cut = RecoveryCut(
            recording: writer.recording(), plan: CrashPlan(crashPoint: 4, lost: []), treeHash: 1)
        finding.recoveries = [cut]

        #expect(
            finding.summary
                == "c3 was acknowledged at #410, but it was not seen; "
                + "the power went again after record 4 of 0 of the recovery")
        #expect(
            finding.lost == [
                "in the first power loss (not shrunk) new blocks whose data was lost show what they held before",
                "in recovery (not shrunk) #1 create a: lost the name",
                "in recovery #409 rename meta.json.tmp -> meta.json: lost the name",
            ])
        #expect(finding.kept == "in recovery #3 rename new -> log")
        #expect(
            finding.advice
                == "in recovery: fsync the directory index/ after #409 and before acknowledging c3")
        finding.recoveries.append(cut)
        #expect(finding.summary.hasSuffix("of the next recovery"))
    }
}
