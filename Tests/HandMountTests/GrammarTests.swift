import HandMount
import TestSupport
import Testing
import Workloads

/// The words of `perjury ctl`; needs no mount.
@Suite("Commands as words")
struct GrammarTests {
    /// What scripts say: it has to go on meaning something.
    @Test(
        "every command that is documented is understood",
        arguments: [
            "pending", "cut worst", "cut seed 0", "cut seed 18446744073709551615",
            "arm cut worst before fsync", "arm cut worst after write *.wal",
            "arm cut seed 7 before any d/* 3", "arm cut worst before write -x",
            "arm fault EIO fsync", "arm fault 20ms write a", "arm fault short 5 write a 2",
            "arm fault lie sync", "disarm 1", "disarm all", "wait", "wait 1", "wait within 20s",
            "wait 1 within 50ms", "fault", "fault EIO write", "fault EIO write a every",
            "fault EIO write nth 2", "fault EIO any a chance 1/20",
            "fault EIO any chance 1/2 seed 7",
            "fault 20ms fsync a after 1s", "fault EIO sync after 1ms for 60s",
            "fault ENOSPC write beyond 8MiB", "fault flip read", "fault misplace read a nth 1",
            "fault EIO write --json", "fault clear 1", "fault clear all", "lie", "lie on",
            "lie off",
            "checkpoint", "evict", "evict d/f", "evict -f", "log", "log 5", "save /tmp/x", "quit",
        ])
    func understood(words: String) {
        #expect(ControlGrammar.refusal(of: split(words)) == nil)
    }

    @Test(
        "what is not is refused with one sentence, which names what is wrong",
        arguments: [
            ("", "expected a command: pending, cut, arm,"),
            ("pendng", "there is no command `pendng`; did you mean `pending`?"),
            ("cut", "expected more after `cut`: worst, seed, plan"),
            ("cut worse", "`cut` has no `worse`; did you mean `worst`?"),
            ("arm cut", "expected more after `arm cut`: worst, seed"),
            ("arm cut best", "`arm cut` has no `best`; known are worst, seed"),
            ("cut seed", "Missing expected argument '<N>'"),
            ("cut seed x", "expected a seed, a number from 0 on, got `x`"),
            ("cut worst now", "Unexpected argument 'now'"),
            ("arm cut worst during write", "expected before or after, got `during`"),
            ("arm cut worst before wirte", "there is no operation `wirte`; did you mean `write`?"),
            ("disarm", "Missing expected argument '<ID|all>'"),
            ("lie maybe", "expected on or off, got `maybe`"),
            ("wait within", "expected a duration after `within`"),
            ("fault EIO", "an operation is missing"), ("log 0", "expected a count"),
            ("--help", "there is no command `--help`"), ("quit --help", "Unexpected argument"),
            ("log --version", "expected a count"),
        ])
    func refused(words: String, sentence: String) throws {
        let refusal = try #require(ControlGrammar.refusal(of: split(words)))
        #expect(refusal.hasPrefix(sentence), "\(refusal)")
        #expect(!refusal.contains("\n"))
    }

    @Test("long and hostile words are refused in a short line")
    func hostile() throws {
        let word = String(repeating: "\u{1b}[2J", count: 100_000)
        for words in [
            [word], ["cut", word], ["cut", "worst", word], ["disarm", word], ["fault", word],
        ] {
            let refusal = try #require(ControlGrammar.refusal(of: words))
            #expect(refusal.utf8.allSatisfy { $0 >= 0x20 })
            #expect(refusal.utf8.count < 5000)
        }
    }

    @Test("any words are a command or refused with a sentence", arguments: Seed.first(20))
    func anyWords(seed: Seed) {
        var random = TestRandom(seed: seed)
        let known = ControlGrammar.usages.flatMap {
            $0.split(whereSeparator: { " |[]".contains($0) })
        }
        let words =
            known.map(String.init) + FaultWords.effects + FaultWords.occurrences
            + [
                "", " ", "--", "-", "--help", "-h", "--version", "--json",
                "--generate-completion-script",
            ]
            + [
                "=", "--a=b", "0", "-1", "18446744073709551616", "1/2", "20ms", "\0", "\u{301}",
                "*",
            ]
        for _ in 0..<50 {
            let line = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                words.randomElement(using: &random)!
            }
            let refusal = ControlGrammar.refusal(of: line)
            #expect(refusal != "" && refusal?.contains("\n") != true, "\(line)")
        }
    }

    @Test("help has every command, error and word, in lines of 80")
    func help() {
        let help = ControlGrammar.summary
        for word in FaultWords.effects + FaultWords.occurrences { #expect(help.contains(word)) }
        for usage in ControlGrammar.usages { #expect(help.contains(usage), "\(usage)") }
        #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(help)")
        #expect(ControlGrammar.help(["arm", "fault"]).contains("short BYTES"))
        #expect(ControlGrammar.help(["fault"]).contains("beyond SIZE"))
        #expect(ControlGrammar.help(["cut", "seed"]).contains("perjury ctl DIR cut seed"))
    }

    @Test("docs/mount.md has every command")
    func documented() throws {
        let path = MadeDocument("docs/mount.md").path
        let text = String(decoding: try FileBytes.read(path), as: UTF8.self)
        for usage in ControlGrammar.usages {
            let words = usage.split(separator: " ").prefix { $0.allSatisfy(\.isLowercase) }
            #expect(text.contains("`\(words.joined(separator: " "))"), "\(usage)")
        }
    }

    private func split(_ words: String) -> [String] { words.split(separator: " ").map(String.init) }
}
