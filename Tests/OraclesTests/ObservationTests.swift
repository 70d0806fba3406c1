import Oracles
import Testing

@Suite("Observation")
struct ObservationTests {
    private func observe(
        _ text: String, _ outcome: Observation.Outcome = .exited(0)
    )
        -> Observation
    {
        Observation(output: text.utf8, outcome: outcome)
    }

    @Test("a listing holds names, values, objections and log")
    func listing() {
        let observation = observe(
            "opening\n@saw b\n@saw a\n@saw a\n@saw k=1=2\n@saw k%3D=%20\n@corrupt page 3\n@end\n")

        #expect(observation.transactions == ["a", "b"])
        #expect(
            observation.values == [
                .init(key: "k", value: "1=2"), .init(key: "k%3D", value: "%20"),
            ])
        #expect(observation.corruptions == ["page 3"])
        #expect(observation.isComplete)
        #expect(observation.shortfall == nil)
        #expect(String(decoding: observation.log, as: UTF8.self) == "opening\n")
    }

    @Test("two spellings of the same bytes are one value; log text does not count")
    func equality() {
        let first = observe("took 3 ms\n@saw k=\u{E4}%41\n@end\n")
        let second = observe("took 4 ms\n@saw k=%c3%A4A\n@end")

        #expect(first == second)
        #expect(Set([first, second]).count == 1)
        #expect(first != observe("@saw k=a%CC%88A\n@end\n"))
    }

    @Test("a value that is no encoding is taken as it stands")
    func garbage() {
        #expect(observe("@saw k=100%\n@end\n").values == [.init(key: "k", value: "100%25")])
    }

    @Test("an empty value means that the key is not there")
    func emptyValue() {
        #expect(observe("@saw k=\n@end\n") == observe("@end\n"))
    }

    @Test(
        "a line that the protocol does not know makes the observation fall short",
        arguments: ["@see 1", "@saw", "@saw a b", "@saw =1", "@ack 1", "@end\n@saw 1", "@"])
    func malformed(line: String) {
        let observation = observe(line + "\n@end\n")

        #expect(observation.shortfall != nil)
    }

    @Test("status 0 without the end of the listing proves nothing")
    func short() {
        let observation = observe("@saw 1\n")
        let history = story("@ack 1", "@ack 2")

        #expect(kinds(observation, history).isEmpty)
        #expect(
            Verdict([], observation: observation, history: history)
                == .inconclusive(
                    "the observer ended with status 0 but without `@end`; its last line was `@saw 1`"
                ))
    }

    @Test("a store that does not open, dies, fails or hangs breaks every promise")
    func ends() {
        let history = story("@ack 1")
        for promise in [Promise.durable, .prefix, .atomic, .opens] {
            #expect(kinds(observe("", .exited(1)), history, promise) == [.cannotOpen])
            #expect(
                kinds(observe("@saw 1\n", .killed(signal: 6)), history, promise) == [.cannotOpen])
            #expect(kinds(observe("@failed no\n"), history, promise) == [.cannotOpen])
            #expect(kinds(observe("", .timedOut), history, promise) == [.hang])
            #expect(
                kinds(observe("@corrupt x\n", .exited(1)), history, promise)
                    == [.cannotOpen, .corrupt])
            #expect(kinds(observe("@corrupt x\n@saw 1\n@end\n"), history, promise) == [.corrupt])
        }
        #expect(kinds(observe("@saw 1\n@end\n", .exited(3)), history).isEmpty)
    }
}
