import Oracles
import Testing

@Suite("Judging by names")
struct NameJudgingTests {
    let history = story(
        "@begin a", "@ack a", "@begin b", "@abort b", "@begin c", "@unknown c", "@ack d")

    @Test("what was acknowledged must be there, what was not may be")
    func durable() {
        #expect(kinds(saw("a", "d"), history).isEmpty)
        #expect(kinds(saw("a", "c", "d"), history).isEmpty)
        #expect(kinds(saw("a"), history) == [.lostCommit])
        #expect(kinds(saw(), history, cut: 1).isEmpty)
        #expect(kinds(saw("a"), history, cut: 1).isEmpty)
        #expect(kinds(saw(), history, cut: 2) == [.lostCommit])
    }

    @Test("what was rolled back must not be there, before that it may")
    func aborted() {
        #expect(kinds(saw("a", "b", "d"), history) == [.resurrected])
        #expect(kinds(saw("a", "b"), history, cut: 3).isEmpty)
    }

    @Test("what had not begun must not be there; without a begin it was always in flight")
    func notBegun() {
        #expect(kinds(saw("c"), history, cut: 0) == [.phantom])
        #expect(kinds(saw("d"), history, cut: 0).isEmpty)
        #expect(kinds(saw("a", "d", "e"), history) == [.phantom])
    }

    @Test("a name that no mark knows may have been in flight when the program was killed")
    func killedRun() {
        var bare = story("@ack 1", "@ack 2")
        bare.finish(normally: false)
        var announced = story("@begin 1", "@ack 1")
        announced.finish(normally: false)

        #expect(kinds(saw("1", "2", "3"), bare).isEmpty)
        #expect(kinds(saw("1", "3"), announced) == [.phantom])
    }

    @Test("what setup acknowledged counts before the first record")
    func setup() {
        let history = story("setup:@ack s", "@ack 1")

        #expect(kinds(saw(), history, cut: 0) == [.lostCommit])
        #expect(kinds(saw("s"), history, cut: 0).isEmpty)
    }

    @Test("a prefix has no hole")
    func prefix() {
        let history = story("@begin 1", "@ack 1", "@begin 2", "@ack 2", "@begin 3", "@ack 3")

        #expect(kinds(saw(), history, .prefix).isEmpty)
        #expect(kinds(saw("1", "2"), history, .prefix).isEmpty)
        let violations = judge(saw("1", "3"), history: history, cut: .max, promise: .prefix)
        #expect(violations.map(\.kind) == [.hole])
        #expect(violations[0].transactions == ["2"])
        #expect(
            violations[0].summary
                == "2 was acknowledged at #3 before 3 began, and 3 is there, but it was not seen")
        #expect(kinds(saw("1", "3"), history, .atomic).isEmpty)
    }

    @Test("transactions at the same time have no order")
    func concurrentPrefix() {
        let history = story("@begin x/1", "@begin y/1", "@ack x/1", "@ack y/1", "@ack bare")

        for seen in [saw("x/1"), saw("y/1"), saw("bare")] {
            #expect(kinds(seen, history, .prefix).isEmpty)
        }
    }

    @Test("a bounded loss is younger than the bound")
    func bounded() {
        let history = story("@begin 1", "@ack 1", "@begin 2", "@ack 2")
        let promise = Promise("bounded-loss: 2s")!
        let second = UInt64(1_000_000_000)

        #expect(kinds(saw(), history, promise, now: 3 * second).isEmpty)
        #expect(kinds(saw(), history, promise, now: 3 * second + 1) == [.lostCommit])
        #expect(kinds(saw("1"), history, promise, now: 5 * second).isEmpty)
        #expect(kinds(saw("1"), history, promise, now: 6 * second) == [.lostCommit])
        #expect(kinds(saw("2"), history, promise, now: 3 * second) == [.hole])
    }

    @Test("a store that opens may have lost all")
    func opens() {
        #expect(kinds(saw("zzz"), history, .opens).isEmpty)
    }

    @Test(
        "what setup left at rest stays, or something whole replaces it, under every promise but opens"
    )
    func atRest() {
        let history = story(
            "setup:@begin s k=0 q=0", "setup:@ack s", "@begin 1 k=1", "@ack 1", "@begin 2 k=",
            "@ack 2")
        for promise in Promise.allButOpens where promise != .acknowledged && promise != .durable {
            for seen in [saw("k=0", "q=0"), saw("k=1", "q=0"), saw("q=0")] {
                #expect(kinds(seen, history, promise).isEmpty, "\(promise) \(seen)")
            }
            #expect(kinds(saw("k=1", "q=0"), history, cut: 1, promise).isEmpty)
        }
        for promise in Promise.allButOpens {
            #expect(kinds(saw("q=0"), history, cut: 1, promise) == [.tornCommit])
            #expect(kinds(saw(), history, cut: 0, promise) == [.lostCommit])
            #expect(kinds(saw(), story("setup:@ack s", "@ack 1"), cut: 0, promise) == [.lostCommit])
        }
        #expect(kinds(saw(), history, .opens).isEmpty)
        let lost = judge(saw(), history: history, cut: 0, promise: .prefix)
        #expect(
            lost[0].summary
                == "s was acknowledged by setup and at rest before the run, but k is missing "
                + "(expected 0) (in all 2 keys)")
    }

    @Test("where setup's marks come from a life before, they need not be at rest")
    func notAtRest() {
        var history = story("setup:@begin s k=0", "setup:@ack s", "@begin 1 k=1", "@ack 1")
        history.setupIsAtRest = false

        #expect(kinds(saw(), history, .prefix).isEmpty)
        #expect(kinds(saw(), history, .atomic).isEmpty)
        #expect(kinds(saw(), history, .durable) == [.lostCommit])
    }

    @Test("`acknowledged` keeps what was acknowledged; what is in flight may be there in part")
    func acknowledged() {
        let history = story(
            "@begin 1 x=1 y=1", "@ack 1", "@begin 2 x=2 y=2 z=2", "data", "@ack 2",
            "@begin 3 z=3", "@abort 3")
        let promise = Promise.acknowledged

        // In flight: each key for itself, and a part of a value is allowed.
        for seen in [
            saw("x=1", "y=1"), saw("x=2", "y=1"), saw("x=1", "y=2", "z=2"), saw("x=torn", "y=1"),
            saw("x=1", "y=1", "z=torn"),
        ] {
            #expect(kinds(seen, history, cut: 4, promise).isEmpty, "\(seen)")
        }
        #expect(kinds(saw("y=1"), history, cut: 4, promise) == [.tornCommit])
        #expect(kinds(saw(), history, cut: 4, promise) == [.lostCommit])
        // Acknowledged: all of it.
        #expect(kinds(saw("x=2", "y=2", "z=2"), history, cut: 5, promise).isEmpty)
        #expect(kinds(saw("x=2", "y=1", "z=2"), history, cut: 5, promise) == [.tornCommit])
        #expect(kinds(saw("x=torn", "y=2", "z=2"), history, cut: 5, promise) == [.phantom])
        // Rolled back, or never written by anybody.
        #expect(kinds(saw("x=2", "y=2", "z=3"), history, promise) == [.resurrected])
        #expect(kinds(saw("x=1", "y=1", "other=1"), history, cut: 4, promise) == [.phantom])
    }

    @Test("under `acknowledged` one that is in flight need not be named to have deleted a key")
    func acknowledgedDeletion() {
        let history = story("@begin 1 x=1", "@ack 1", "@begin 2 x= y=1", "data")
        var vocabulary = Vocabulary()
        vocabulary.namesTransactionsWithKeys = true

        let violations = judge(
            saw("1"), history: history, cut: 4, promise: .acknowledged, vocabulary: vocabulary)

        #expect(violations == [])
    }

    @Test("one violation of a kind tells all it is about")
    func gathered() {
        let history = story("@ack 1", "@ack 2", "@ack 3")
        let violations = judge(saw("2"), history: history, cut: .max, promise: .durable)

        #expect(
            violations == [
                Violation(
                    .lostCommit, transactions: ["1", "3"],
                    summary: "1 was acknowledged at #0, but it was not seen "
                        + "(in all 2 transactions)")
            ])
    }
}

@Suite("Judging by keys")
struct KeyJudgingTests {
    let history = story(
        "@begin 1 k=a", "@ack 1", "@begin 2 k=b", "@ack 2", "@begin 3 k=", "@ack 3",
        "@begin 4 k=c", "@abort 4")

    @Test("a key shows its last acknowledged value or one in flight")
    func values() {
        #expect(kinds(saw(), history, cut: 1).isEmpty)
        #expect(kinds(saw("k=a"), history, cut: 1).isEmpty)
        #expect(kinds(saw(), history, cut: 2) == [.lostCommit])
        #expect(kinds(saw("k=a"), history, cut: 3).isEmpty)
        #expect(kinds(saw("k=b"), history, cut: 3).isEmpty)
        #expect(kinds(saw("k=b"), history, cut: 2) == [.phantom])
        #expect(kinds(saw("k=a"), history, cut: 4) == [.lostCommit])
    }

    @Test("a deleted key must not be back, nor a value rolled back")
    func resurrected() {
        #expect(kinds(saw("k=b"), history, cut: 5).isEmpty)
        #expect(kinds(saw(), history, cut: 5).isEmpty)
        #expect(kinds(saw("k=b"), history, cut: 6) == [.resurrected])
        #expect(kinds(saw("k=c"), history, cut: 7).isEmpty)
        #expect(kinds(saw("k=c"), history, cut: 8) == [.resurrected])
        #expect(kinds(saw(), history, cut: 8).isEmpty)
    }

    @Test("a value or a key never written is a phantom, and nothing else")
    func phantom() {
        #expect(kinds(saw("k=z"), history, cut: 4) == [.phantom])
        #expect(kinds(saw("k=b", "q=1"), history, cut: 4) == [.phantom])
    }

    @Test("a key listed with two values is corrupt")
    func twoValues() {
        #expect(kinds(saw("k=a", "k=b"), history, cut: 3) == [.corrupt])
    }

    @Test("values of writers at the same time are all allowed, also after the acknowledgement")
    func concurrent() {
        let history = story("@begin x/1 k=a", "@begin y/1 k=b", "@ack x/1", "@ack y/1")

        #expect(kinds(saw("k=a"), history).isEmpty)
        #expect(kinds(saw("k=b"), history).isEmpty)
        #expect(kinds(saw(), history) == [.lostCommit])
    }

    @Test("an unknown write may show at any time later")
    func unknown() {
        let history = story(
            "@begin 1 k=a", "@unknown 1", "@begin 2 k=b", "@ack 2", "@begin 3 k=c", "@ack 3")

        #expect(kinds(saw("k=a"), history).isEmpty)
        #expect(kinds(saw("k=b"), history) == [.lostCommit])
    }

    @Test("a transaction of several keys is there wholly or not at all")
    func torn() {
        let history = story("@begin 1 x=1 y=1", "@ack 1", "@begin 2 x=2 y=2 z=", "@ack 2")

        #expect(kinds(saw("x=1", "y=1"), history, cut: 3).isEmpty)
        #expect(kinds(saw("x=2", "y=2"), history, cut: 3).isEmpty)
        for promise in [Promise.durable, .prefix, .atomic] {
            #expect(kinds(saw("x=2", "y=1"), history, cut: 3, promise) == [.tornCommit])
            #expect(kinds(saw("x=2", "y=1"), history, promise) == [.tornCommit])
            #expect(kinds(saw("x=2"), history, promise) == [.tornCommit])
        }
        #expect(kinds(saw(), history, .prefix).isEmpty)
        #expect(kinds(saw(), history) == [.lostCommit])
        let violations = judge(
            saw("x=2", "y=1"), history: history, cut: .max, promise: .durable)
        #expect(violations[0].transactions == ["2"])
        #expect(violations[0].keys == ["y"])
        #expect(
            violations[0].summary
                == "only part of 2 is there: key x shows 2, but y shows 1 (expected 2)")
    }

    @Test("a transaction that is there in part is torn also where it deletes")
    func tornDelete() {
        let history = story("@begin 1 x=1 y=1", "@ack 1", "@begin 2 x=2 y=", "@ack 2")

        #expect(kinds(saw("x=2", "y=1"), history) == [.tornCommit])
    }

    @Test("a key that is gone with its commit is not taken for deleted by one in flight")
    func lostNotDeleted() {
        let history = story("@begin 1 k=1", "@ack 1", "@begin 2 s=1", "@ack 2", "@begin 3 k= s=2")

        #expect(kinds(saw("s=2"), history).isEmpty)
        #expect(kinds(saw("k=1", "s=1"), history).isEmpty)
        let violations = judge(saw(), history: history, cut: .max, promise: .durable)
        #expect(violations.map(\.kind) == [.lostCommit])
        #expect(violations[0].transactions == ["2"])
        #expect(kinds(saw("s=1"), history) == [.lostCommit])
        let lost = judge(saw("s=1"), history: history, cut: .max, promise: .durable)
        #expect(
            lost[0].summary
                == "1 was acknowledged at #1, but k is missing (expected 1), and 3, which deletes it, is not there as a whole"
        )
    }

    @Test("transactions at the same time must have some order")
    func serial() {
        let history = story(
            "@begin a/1 x=1 y=1", "@begin b/1 x=2 y=2", "@ack a/1", "@ack b/1")

        #expect(kinds(saw("x=1", "y=1"), history).isEmpty)
        #expect(kinds(saw("x=2", "y=2"), history).isEmpty)
        let violations = judge(
            saw("x=1", "y=2"), history: history, cut: .max, promise: .durable)
        #expect(violations.map(\.kind) == [.tornCommit])
        #expect(violations[0].transactions == ["a/1", "b/1"])
        #expect(violations[0].keys == ["x", "y"])
    }

    @Test("a later value under a prefix promise demands the earlier transaction")
    func hole() {
        let history = story("@begin 1 x=1", "@ack 1", "@begin 2 y=1", "@ack 2")

        #expect(kinds(saw("y=1"), history, .prefix) == [.hole])
        #expect(kinds(saw("x=1"), history, .prefix).isEmpty)
        #expect(kinds(saw("y=1"), history, .atomic).isEmpty)
    }

    @Test("values that several transactions wrote are no evidence against any")
    func ambiguous() {
        let history = story(
            "@begin 1 x=1", "@ack 1", "@begin 2 y=1", "@ack 2", "@begin 3 x=", "@ack 3",
            "@begin 4 x=1", "@ack 4")

        #expect(kinds(saw("x=1"), history, cut: 3, .prefix).isEmpty)
        #expect(kinds(saw("x=1"), history, .prefix).isEmpty)
        #expect(kinds(saw("x=1"), history) == [.lostCommit])
    }

    @Test("an observer that only names transactions is not asked for their keys")
    func namesOnly() {
        let history = story("@begin 1 x=1 y=2", "@ack 1", "@begin 2 x=2", "@ack 2")
        let vocabulary = Vocabulary(complete: saw("1", "2"), history: history)

        #expect(vocabulary.namesTransactionsWithKeys && !vocabulary.listsKeys)
        func kinds(_ seen: Observation) -> [ViolationKind] {
            judge(
                seen, history: history, cut: .max, promise: .durable, vocabulary: vocabulary
            ).map(\.kind)
        }
        #expect(kinds(saw("1", "2")).isEmpty)
        #expect(kinds(saw("2")) == [.lostCommit])
    }

    @Test("an observer that names and lists is asked for both")
    func namesAndKeys() {
        let history = story("@begin 1 x=1", "@ack 1", "@begin 2 x=2", "@ack 2")
        let vocabulary = Vocabulary(complete: saw("1", "2", "x=2"), history: history)

        #expect(vocabulary.namesTransactionsWithKeys && vocabulary.listsKeys)
        func kinds(_ seen: Observation) -> [ViolationKind] {
            judge(
                seen, history: history, cut: .max, promise: .durable, vocabulary: vocabulary
            ).map(\.kind)
        }
        #expect(kinds(saw("1", "2", "x=2")).isEmpty)
        #expect(kinds(saw("1", "x=2")) == [.tornCommit])
        #expect(kinds(saw("1", "2")) == [.tornCommit])
    }
}
