import Basics
import Testing
import Workloads

/// Commands as texts, and back.
@Suite("Text of a command")
struct CommandTextTests {
    @Test(
        "words come back as they went in",
        arguments: [
            ["./put.sh", "20"], ["a b", ""], ["it's", "\"quoted\""], ["'", "''", "\"'\""],
            ["x", "$PERJURY_DIR/x"], ["sh", "-c", "a | b; echo '$x' > \"y\""], ["x", "a\nb\tc\\"],
        ])
    func roundTrip(words: [String]) throws {
        #expect(try CommandText.words(CommandText.text(words), option: "--run") == words)
    }

    @Test("whatever stands in them", arguments: 1...20 as ClosedRange<UInt64>)
    func drawn(seed: UInt64) throws {
        var random = RandomSource(seed: seed)
        let characters = Array("ab'\"\\ $|&;<>`(){}*?#=~\n\t%é")
        for _ in 0..<50 {
            let words =
                ["x"]
                + (0..<3).map { _ in
                    String(
                        (0..<Int.random(in: 0...6, using: &random)).map { _ in
                            characters.randomElement(using: &random)!
                        })
                }
            #expect(try CommandText.words(CommandText.text(words), option: "--run") == words)
        }
    }
}
