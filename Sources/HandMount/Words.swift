import Basics
import FuseMount
import Oracles
import Reporting
import Stage
import Workloads

/// The words of a command whose number is open, and what single words mean.
struct Words {
    private var words: ArraySlice<String>

    init(_ words: [String]) { self.words = words[...] }

    var first: String? { words.first }

    mutating func next() -> String? { words.popFirst() }

    func expectEnd() throws(Refusal) {
        guard let word = words.first else { return }
        throw Refusal("`\(Escaped.line(word.prefix(40)))` is one word too many")
    }

    // MARK: Faults

    mutating func operations() throws(Refusal) -> OperationSet {
        try read { (words) throws(FaultTextError) in try words.operations() }
    }

    mutating func effect() throws(Refusal) -> FaultPlan.Effect {
        try read { (words) throws(FaultTextError) in try words.effect() }
    }

    mutating func fault() throws(Refusal) -> FaultWords.Fault {
        try read { (words) throws(FaultTextError) in try words.fault() }
    }

    private mutating func read<Part>(
        _ body: (inout FaultWords) throws(FaultTextError) -> Part
    ) throws(Refusal) -> Part {
        var reader = FaultWords(Array(words))
        defer { words = reader.left[...] }
        do {
            return try body(&reader)
        } catch {
            throw Refusal(Escaped.line(Self.shortened("\(error)")))
        }
    }

    /// Without the middle of a word that is very long.
    private static func shortened(_ sentence: String) -> String {
        guard sentence.count > 500 else { return sentence }
        return "\(sentence.prefix(100)) ... \(sentence.suffix(300))"
    }

    // MARK: Times

    /// `within DURATION`, in seconds; nil when there is no more.
    mutating func within() throws(Refusal) -> Double? {
        guard let word = next() else { return nil }
        guard word == "within" else { throw Self.wrong(word, "within") }
        guard let time = next() else { throw Refusal("expected a duration after `within`") }
        guard let nanoseconds = DurationText.nanoseconds(time) else {
            throw Self.wrong(time, "a duration such as 20s")
        }
        return Double(nanoseconds) / 1e9
    }

    // MARK: Single words

    static func wrong(_ word: String, _ what: String) -> Refusal {
        Refusal("expected \(what), got `\(Escaped.line(word.prefix(40)))`")
    }

    static func number(_ word: String, _ what: String) throws(Refusal) -> Int {
        guard word.allSatisfy(\.isNumber), let number = Int(word), number > 0 else {
            throw wrong(word, "\(what), a number from 1 on")
        }
        return number
    }

    /// The first, when there is no word.
    static func which(_ word: String?) throws(Refusal) -> Int {
        guard let word else { return 1 }
        return try number(word, "which of the matching operations")
    }

    static func seed(_ word: String) throws(Refusal) -> UInt64 {
        guard let seed = UInt64(word) else { throw wrong(word, "a seed, a number from 0 on") }
        return seed
    }

    /// nil: all.
    static func idOrAll(_ word: String) throws(Refusal) -> Int? {
        word == "all" ? nil : try number(word, "an ID, or `all`")
    }
}
