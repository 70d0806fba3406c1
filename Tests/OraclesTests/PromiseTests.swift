import Oracles
import Testing

@Suite("Promises and expectations")
struct PromiseTests {
    @Test(
        "the words of workload.yaml are promises",
        arguments: [
            ("durable", Promise.durable), ("prefix", .prefix), ("atomic", .atomic),
            ("acknowledged", .acknowledged),
            ("opens", .opens),
            ("bounded-loss: 1s", .boundedLoss(nanoseconds: 1_000_000_000)),
            ("bounded-loss: 200ms", .boundedLoss(nanoseconds: 200_000_000)),
            ("bounded-loss: 2m", .boundedLoss(nanoseconds: 120_000_000_000)),
            ("bounded-loss: 1h", .boundedLoss(nanoseconds: 3_600_000_000_000)),
        ])
    func words(text: String, promise: Promise) {
        #expect(Promise(text) == promise)
        #expect(Promise(promise.description) == promise)
    }

    @Test(
        "other words are none",
        arguments: [
            "", "Durable", "bounded-loss", "bounded-loss: ", "bounded-loss: 1", "bounded-loss: 0s",
            "bounded-loss: -1s", "bounded-loss: 1.5s", "bounded-loss: 99999999999999999999s",
            "bounded-loss: 18446744073709551615s", "prefix: 1s", "bounded-loss: s",
        ])
    func otherWords(text: String) {
        #expect(Promise(text) == nil)
    }

    @Test("violations sort by how telling they are, and every name reads back")
    func kindsSort() {
        #expect(ViolationKind.cannotOpen < .lostCommit)
        for kind in ViolationKind.allCases {
            #expect(ViolationKind(rawValue: kind.rawValue) == kind)
        }
    }

    @Test("an expectation reads holds, or violates and kinds")
    func expectation() throws {
        #expect(try Expectation.Outcome("holds") == .holds)
        #expect(try Expectation.Outcome("violates") == .violates([]))
        #expect(
            try Expectation.Outcome("violates lost-commit, corrupt")
                == .violates([.lostCommit, .corrupt]))
        #expect(throws: ExpectationError.self) { try Expectation.Outcome("violates lostcommit") }
        #expect(throws: ExpectationError.self) { try Expectation.Outcome("holds hang") }
        #expect(throws: ExpectationError.self) { try Expectation.Outcome("") }
    }

    @Test("model/stack goes before model, which is about the honest stack, before the one word")
    func lookup() {
        let expectation = Expectation(
            general: .holds,
            specific: ["posix": .violates([.hang]), "ext4-ordered/torn-4096": .violates([])])

        #expect(expectation.outcome(model: "posix") == .violates([.hang]))
        #expect(expectation.outcome(model: "posix", stack: "lying-flush") == .holds)
        #expect(expectation.outcome(model: "ext4-ordered") == .holds)
        #expect(expectation.outcome(model: "ext4-ordered", stack: "torn-4096") == .violates([]))
        #expect(Expectation().outcome(model: "xfs") == nil)
        #expect(expectation.models == ["ext4-ordered", "posix"])
    }

    @Test("another kind than named is unexpected, and so is what could not be found out")
    func matches() {
        let named = Expectation.Outcome.violates([.lostCommit, .corrupt])

        #expect(named.matches(.violated, kinds: [.lostCommit]))
        #expect(!named.matches(.violated, kinds: [.lostCommit, .hole]))
        #expect(!named.matches(.holds, kinds: []))
        #expect(Expectation.Outcome.violates([]).matches(.violated, kinds: [.hole]))
        #expect(Expectation.Outcome.holds.matches(.holds, kinds: []))
        #expect(!Expectation.Outcome.holds.matches(.violated, kinds: [.hole]))
        #expect(!Expectation.Outcome.holds.matches(.inconclusive("x"), kinds: []))
        #expect(!Expectation.Outcome.violates([]).matches(.inconclusive("x"), kinds: []))
    }
}
