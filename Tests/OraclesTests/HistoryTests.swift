import Oracles
import Testing

@Suite("History")
struct HistoryTests {
    @Test(
        "a mark that stands behind spaces is an error, and no line of the log",
        arguments: [" ", "\t"])
    func indented(space: String) {
        var history = History()
        history.append("@ack a\n\(space)@ack b\n".utf8, at: 0)
        history.finish(normally: true)

        #expect(history.objection?.contains("has spaces before its mark") == true)
    }

    @Test("an acknowledgement counts when the record with its newline is complete")
    func acknowledgementCountsFromNewline() throws {
        var history = History()
        history.append("@be".utf8, at: 3)
        history.append("gin a x=1\n".utf8, at: 5)
        history.append("@a".utf8, at: 6)
        history.append("ck a".utf8, at: 7)
        history.append("\n".utf8, at: 9, time: 90)

        let transaction = try #require(history["a"])
        #expect(transaction.start == 3)
        #expect(transaction.settledSequence == 9)
        #expect(transaction.settledTime == 90)
        #expect(transaction.status(at: 3) == .notBegun)
        #expect(transaction.status(at: 4) == .inFlight)
        #expect(transaction.status(at: 9) == .inFlight)
        #expect(transaction.status(at: 10) == .acknowledged)
    }

    @Test("a view lists what was acknowledged, in flight, aborted and unknown")
    func view() {
        let history = story(
            "setup:@ack s", "@begin a", "@begin b", "@ack b", "@abort a", "@begin c", "@unknown c",
            "@begin d")

        let early = history.view(at: 0)
        #expect(early.acknowledged.map(\.name) == ["s"])
        #expect(early.acknowledgedCount == 1)
        #expect(early.inFlight.isEmpty)
        let middle = history.view(at: 3)
        #expect(middle.acknowledged.map(\.name) == ["s", "b"])
        #expect(middle.inFlight.map(\.name) == ["a"])
        let late = history.view(at: 7)
        #expect(late.aborted.map(\.name) == ["a"])
        #expect(late.unknown.map(\.name) == ["c"])
        #expect(late.inFlight.map(\.name) == ["d"])
    }

    @Test("statuses change at no other cuts than those listed")
    func cutsOfChange() {
        let history = story("@begin a", "data", "data", "@ack a", "data", "@ack bare", "data")

        let listed = history.cutsOfChange()
        for cut in 1..<9 {
            let before = history.transactions.map { $0.status(at: cut - 1) }
            let after = history.transactions.map { $0.status(at: cut) }
            #expect(before == after || listed.contains(cut))
        }
        #expect(listed == [0, 1, 4, 6])
    }

    @Test("keys and values are percent-decoded, and no value deletes")
    func encoding() throws {
        let history = story("@begin c%31/t k%3d1=a%20b k2= k3==%3D%e4")

        let transaction = try #require(history["c1/t"])
        #expect(transaction.client == "c1")
        #expect(transaction.writes.map(\.key) == ["k%3D1", "k2", "k3"])
        #expect(transaction.writes.map(\.value) == ["a%20b", nil, "==%E4"])
    }

    @Test("one write with two acknowledgements of one client means that marks were buffered")
    func buffered() {
        var history = History()
        history.append("@ack c/1\n@ack d/1\n".utf8, at: 4)
        #expect(history.buffered == nil)

        history.append("@ack c/2\nlog\n@ack c/3\n".utf8, at: 6)

        #expect(history.buffered?.first == "c/2")
        #expect(history.buffered?.second == "c/3")
        #expect(history.buffered?.sequence == 6)
        #expect(
            Verdict([], observation: saw(), history: history)
                == .inconclusive(history.buffered!.sentence))
    }

    @Test("setup may print all its marks at once, in pieces")
    func setupIsNeverBuffered() {
        var history = History()
        history.append("@ack 1\n@ac".utf8, at: .min)
        history.append("k 2\n@begin 3 x=1\n@ack 3\n".utf8, at: -1)

        #expect(history.objection == nil)
        #expect(history.acknowledgedCount(at: 0) == 3)
    }

    @Test(
        "a line that the protocol does not know is an error",
        arguments: [
            "@acked 1", "@ack", "@begin", "@ack 1 2", "@begin 1 key", "@begin 1 =v",
            "@begin 1 k=1 k=2", "@begin k=1", "@ack %zz", "@begin 1 k=%4", "@saw 1", "@end", "@",
            "@begin 1 k%3d=1 k%3D=2",
        ])
    func malformed(line: String) {
        let history = story(line)

        #expect(history.errorCount == 1)
        #expect(history.transactions.isEmpty)
        #expect(history.errors[0].sentence.contains("record #0: the line `\(line)` "))
        #expect(history.objection != nil)
    }

    @Test(
        "a line that contradicts an earlier one is an error",
        arguments: [
            ["@ack 1", "@ack 1"], ["@begin 1", "@begin 1"], ["@ack 1", "@begin 1"],
            ["@abort 1", "@ack 1"], ["@ack 1", "@unknown 1"],
        ])
    func contradicting(lines: [String]) {
        var history = History()
        for (sequence, line) in lines.enumerated() {
            history.append((line + "\n").utf8, at: sequence)
        }

        #expect(history.errorCount == 1)
        #expect(history.transactions.count == 1)
    }

    @Test("errors are counted but not all kept, and their text is escaped")
    func manyErrors() {
        var history = History()
        for sequence in 0..<250 { history.append("@\u{1B}[2J\n".utf8, at: sequence) }

        #expect(history.errorCount == 250)
        #expect(history.errors.count == History.errorLimit)
        #expect(history.errors[0].sentence.contains("`@%1B[2J`"))
    }

    @Test("other lines are kept as the log, up to a limit")
    func log() {
        var history = History()
        history.append("hello\n@ack 1\n\nwor".utf8, at: 0)
        history.append("ld\n".utf8, at: 1)
        #expect(String(decoding: history.log, as: UTF8.self) == "hello\n\nworld\n")

        for _ in 0..<64 {
            history.append([UInt8](repeating: 65, count: 100_000), at: 2)
        }
        history.append("\n@ack 2\n".utf8, at: 3)
        #expect(history.log.count <= History.logLimit)
        #expect(history["2"] != nil)
        #expect(history.errorCount == 0)
    }

    @Test("an unfinished mark is an error of a program that ended in order, else nothing")
    func unfinished() {
        var killed = History()
        killed.append("@ack 1".utf8, at: 0)
        var ended = killed
        killed.finish(normally: false)
        ended.finish(normally: true)

        #expect(killed.acknowledgedCount(at: .max) == 0)
        #expect(killed.errorCount == 0)
        #expect(ended.errorCount == 1)
    }

    @Test("random bytes never trap, however they are cut into writes", arguments: 0..<50)
    func hostile(seed: UInt64) {
        var dice = Dice(seed: seed)
        let alphabet = Array("@beginackunknown =%/\n\n\r\t 12".utf8) + [0, 0xFF]
        var history = History()
        for sequence in 0..<300 {
            let bytes = (0..<dice.below(40)).map { _ in alphabet[dice.below(alphabet.count)] }
            history.append(bytes, at: sequence)
            _ = Observation(output: bytes, outcome: .exited(0))
        }
        history.finish(normally: true)

        #expect(history.errors.count <= History.errorLimit)
    }
}
