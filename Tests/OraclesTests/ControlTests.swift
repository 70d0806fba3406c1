import Oracles
import Testing

@Suite("Positive control")
struct PositiveControlTests {
    let history = story("setup:@ack s", "@ack 1", "data", "@ack 2")

    private func reason(_ failure: ControlFailure?) -> String? {
        if case .inconclusive(let reason) = failure { reason } else { nil }
    }

    @Test("a workload that observes what it commits may be explored")
    func passes() {
        #expect(
            positiveControl(
                base: saw("s"), complete: saw("s", "1", "2"), history: history, recordCount: 9)
                == nil)
    }

    @Test("each thing that makes a run worthless has its own sentence")
    func sentences() {
        let complete = saw("s", "1", "2")
        let none = Observation(output: [], outcome: .exited(127))
        let short = Observation(output: "@saw 1\n".utf8, outcome: .exited(0))
        var buffered = history
        buffered.append("@ack 8\n@ack 9\n".utf8, at: 50)
        let reasons = [
            positiveControl(base: saw("s"), complete: saw(), history: history),
            positiveControl(base: saw("s"), complete: none, history: history),
            positiveControl(base: none, complete: complete, history: history),
            positiveControl(base: saw("s"), complete: short, history: history),
            positiveControl(base: saw("s"), complete: complete, history: history, recordCount: 0),
            positiveControl(base: saw("s"), complete: complete, history: buffered),
            positiveControl(base: saw(), complete: saw(), history: story("data")),
            positiveControl(base: saw("s"), complete: complete, history: story("@ack")),
            positiveControl(base: saw(), complete: complete, history: history),
            positiveControl(base: saw("s"), complete: saw("s", "1", "2", "x"), history: history),
        ].map(reason)

        #expect(!reasons.contains(nil))
        #expect(Set(reasons).count == reasons.count)
        #expect(
            reasons[0]
                == "the observer does not see what run acknowledged: s was acknowledged by setup "
                + "and at rest before the run, but it was not seen (in all 3 transactions); it lists nothing"
        )
        #expect(
            reasons[1]
                == "on the complete tree, which lost nothing, the observer exited with status 127 "
                + "without `@end`")
    }

    @Test("some seen and some not was acknowledged from the store's own buffer")
    func lostUnderProcessKill() throws {
        let failure = positiveControl(
            base: saw("s"), complete: saw("s", "1"), history: history)

        guard case .violation(let violation) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(violation.kind == .lostCommit)
        #expect(violation.transactions == ["2"])
    }

    @Test("a promise that allows a tail to be lost allows it here, too")
    func prefix() {
        let history = story("@begin 1", "@ack 1", "@begin 2", "@ack 2")

        #expect(
            positiveControl(
                base: saw(), complete: saw("1"), history: history, promise: .prefix) == nil)
        #expect(
            reason(
                positiveControl(base: saw(), complete: saw(), history: history, promise: .prefix))
                != nil)
    }

    @Test("a run whose acknowledged keys are all deleted in the end shows nothing, rightly")
    func deleted() {
        let history = story("@begin 1 k=1", "@ack 1", "@begin 2 k=", "@ack 2")

        #expect(positiveControl(base: saw(), complete: saw(), history: history) == nil)
    }

    @Test("a store that only has to open needs no acknowledgement")
    func opens() {
        #expect(
            positiveControl(base: saw(), complete: saw(), history: story("data"), promise: .opens)
                == nil)
    }
}

@Suite("Unstable recovery and swallowed sync errors")
struct SecondLookTests {
    @Test("after a complete listing, less, other or none is unstable")
    func unstable() {
        let first = saw("1", "2", "k=a")
        let broken = [
            saw("1", "k=a"), saw("1", "2"), saw("1", "2", "k=b"),
            Observation(output: [], outcome: .killed(signal: 11)),
            Observation(output: [], outcome: .timedOut),
            Observation(
                output: "@saw 1\n@saw 2\n@saw k=a\n@corrupt x\n@end\n".utf8, outcome: .exited(0)),
        ]

        #expect(compare(first: first, second: first) == nil)
        #expect(compare(first: first, second: saw("1", "2", "3", "k=a", "q=1")) == nil)
        for second in broken {
            #expect(compare(first: first, second: second)?.kind == .unstableRecovery)
        }
        let unfinished = Observation(output: "@saw 1\n".utf8, outcome: .exited(1))
        #expect(compare(first: unfinished, second: saw()) == nil)
    }

    @Test("what only the second listing shows is judged by the promise, at the same cut")
    func secondListing() {
        let history = story(
            "@begin 1 k=1 q=1", "@ack 1", "@begin d k=", "@ack d", "@begin 2 r=2", "@ack 2")
        let judge = Judge(history, promise: .durable)
        func kinds(_ first: Observation, _ second: Observation, cut: Int) -> [ViolationKind] {
            let found = judge.violations(judge.resolve(first), cut: cut)
            return judge.violations(
                ofSecond: second, after: first, showing: found, cut: cut, now: 0
            ).map(\.kind)
        }
        let first = saw("q=1")

        #expect(kinds(first, saw("q=1"), cut: 4) == [])
        #expect(kinds(first, saw("q=1", "k=1"), cut: 4) == [.resurrected])
        #expect(kinds(saw("k=1", "q=1"), saw("k=1", "q=1"), cut: 2) == [])
        #expect(kinds(first, saw("q=1", "x=1"), cut: 4) == [.phantom])
        // In flight: it may be there, although it was not at first; before it had begun it may not.
        #expect(kinds(first, saw("q=1", "r=2"), cut: 5) == [])
        #expect(kinds(first, saw("q=1", "r=2"), cut: 4) == [.phantom])
        // What is missing is told once, what is there too much beside it.
        #expect(kinds(first, saw(), cut: 4) == [.unstableRecovery])
        #expect(kinds(first, saw("q=2"), cut: 4) == [.unstableRecovery, .phantom])
        // The first listing has shown it.
        #expect(kinds(saw("q=1", "k=1"), saw("q=1", "k=1"), cut: 4) == [])
        let shown = judge.violations(
            ofSecond: saw("q=1", "k=1"), after: first, showing: [], cut: 4, now: 0)
        #expect(shown[0].isOfSecondStart)
        #expect(
            shown[0].summary
                == "only the second start shows it: d was acknowledged at #3, but key k, which it "
                + "deleted, shows 1")
    }
}
