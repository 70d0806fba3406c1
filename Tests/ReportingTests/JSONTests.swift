import Basics
import Reporting
import TestSupport
import Testing

@Suite("JSON")
struct JSONTests {
    @Test(
        "a text and its value",
        arguments: [
            ("null", JSON.null), ("true", .bool(true)), ("-0", .integer(0)),
            ("18446744073709551615", .integer(Int128(UInt64.max))),
            ("-9223372036854775808", .integer(Int128(Int64.min))), ("1.5e3", .real(1500)),
            (#""a\u00e9\ud83d\ude00\n\/""#, .string("aé😀\n/")), ("[]", .array([])),
            ("{}", .object([])),
            (" [1 , {\"a\":[ ]} ]\n", .array([.integer(1), .object([.init("a", .array([]))])])),
        ])
    func reads(text: String, value: JSON) throws {
        #expect(try JSON(parsing: Array(text.utf8)) == value)
    }

    @Test(
        "what is no JSON is refused",
        arguments: [
            "", " ", "nul", "01", "1.", ".5", "-", "1e", "+1", "[1,]", "[1 2]", "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
            "\"\n\"", "1 1",
            "{\"a\":1,\"a\":2}", "18446744073709551616", "1e999", "]", "\"\\", "[", "{\"a\"", "NaN",
        ])
    func refuses(text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: Array(text.utf8)) }
    }

    @Test("invalid UTF-8 is refused, deep nesting and long texts, too")
    func isBounded() {
        let quote = UInt8(ascii: "\"")
        #expect(throws: JSONError("a string is not UTF-8 at byte 3")) {
            try JSON(parsing: [quote, 0xFF, quote])
        }
        #expect(throws: JSONError.self) {
            try JSON(parsing: [UInt8](repeating: UInt8(ascii: "["), count: 100_000))
        }
        #expect(throws: JSONError.self) {
            try JSON(parsing: [UInt8](repeating: 0x20, count: JSON.largestText + 1))
        }
    }

    @Test("control characters and invisible ones are escaped, letters are not")
    func escapes() {
        #expect(
            JSON.quoted("a\"\\\u{1B}[1m\u{0}é\u{202E}\u{2028}😀\u{E0001}\n")
                == #""a\"\\\u001b[1m\u0000é\u202e\u2028😀\udb40\udc01\n""#)
    }

    @Test("random values read back as they were written", arguments: Seed.first(200))
    func readsBack(seed: Seed) throws {
        var random = TestRandom(seed: seed)
        let value = Self.value(&random, depth: 4)

        #expect(try JSON(parsing: Array(value.text.utf8)) == value)
    }

    private static func value(_ random: inout TestRandom, depth: Int) -> JSON {
        switch random.below(depth > 0 ? 7 : 5) {
        case 0: return .null
        case 1: return .bool(random.oneIn(2))
        case 2: return .integer(Int128(Int64(bitPattern: random.next())))
        case 3: return .real(Double(random.below(1 << 20)) / 1024)
        case 4: return .string(text(&random))
        case 5:
            return .array((0..<random.below(4)).map { _ in value(&random, depth: depth - 1) })
        default:
            return .object(
                (0..<random.below(4)).map {
                    .init("\($0) \(text(&random))", value(&random, depth: depth - 1))
                })
        }
    }

    private static func text(_ random: inout TestRandom) -> String {
        let length = random.below(12)
        let bytes =
            random.oneIn(2)
            ? random.bytes(length) : (0..<length).map { _ in UInt8(random.below(128)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

@Suite("Escaping")
struct EscapedTests {
    @Test("a terminal sees no control character")
    func line() {
        #expect(
            Escaped.line("\u{1B}[31ma\tb\r\n\u{7F}\u{9B}c\u{202E}\\")
                == #"\x1b[31ma\tb\r\n\x7f\u{009b}c\u{202e}\"#)
        #expect(Escaped.lines("a\nb\u{7}\n") == ["a", #"b\x07"#])
    }

    @Test("escaping twice changes nothing", arguments: Seed.first(100))
    func isStable(seed: Seed) {
        var random = TestRandom(seed: seed)
        let once = Escaped.line(String(decoding: random.bytes(40), as: UTF8.self))

        #expect(Escaped.line(once) == once)
        #expect(once.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F })
    }

    @Test("XML and shell words")
    func quotes() {
        #expect(Escaped.xml("<a b='\"&\u{0}\n>") == #"&lt;a b=&apos;&quot;&amp;\x00&#10;&gt;"#)
        #expect(Escaped.shell("perjury-out/a_b.json") == "perjury-out/a_b.json")
        #expect(Escaped.shell("it's $HOME") == #"'it'\''s $HOME'"#)
        #expect(Escaped.shell("") == "''")
    }
}
