/// What recovery reported of one crash state.
///
/// Two observations are equal when they lead to the same judgement: the log text does not count.
package struct Observation: Sendable {
    /// How the observer ended.
    package enum Outcome: Hashable, Sendable {
        case exited(Int32)
        case killed(signal: Int32)
        /// It had not ended in its time and was ended.
        case timedOut
    }

    /// One `@saw KEY=VALUE`, canonical.
    package struct Value: Hashable, Sendable, Comparable {
        package var key: String
        package var value: String

        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }

        package static func < (left: Value, right: Value) -> Bool {
            (left.key, left.value) < (right.key, right.value)
        }
    }

    package var outcome: Outcome
    /// Transactions seen; sorted, each once.
    package var transactions: [String] = []
    /// Values seen; sorted. A key is here twice only if two values of it were listed.
    package var values: [Value] = []
    /// Texts of `@corrupt`, escaped, in their order.
    package var corruptions: [String] = []
    /// The listing is complete: `@end` was printed.
    package var isComplete = false
    /// Bytes of the output up to the end of the line that completed the listing, its newline left out; nil while that is
    /// missing. It is no part of what was seen.
    package private(set) var listingLength: Int?
    /// The last line that was printed, escaped; nil where none was. It is no part of what was seen.
    package private(set) var lastLine: String?
    /// Text of `@failed`, by which a persistent observer says that the store does not open.
    package var failure: String?
    /// Lines that the protocol does not know; each a sentence.
    package var errors: [String] = []
    /// Lines that are no marks, with their newlines.
    package var log: [UInt8] = []

    /// An observation of which nothing is known but how it ended; the fields are for the caller,
    /// who keeps names and values sorted.
    package init(outcome: Outcome) { self.outcome = outcome }

    /// Reads the observer's output. A last line without newline counts.
    package init(output: some Collection<UInt8>, outcome: Outcome) {
        self.outcome = outcome
        var names: Set<String> = []
        var seen: Set<Value> = []
        let lines = Array(output).split(separator: MarkText.newline)
        lastLine = lines.last.map { MarkText.quoted($0) }
        for line in lines {
            take(line, names: &names, seen: &seen)
            if isComplete && listingLength == nil { listingLength = line.endIndex }
        }
        transactions = names.sorted()
        values = seen.sorted()
    }

    /// The store opened, as far as the observer tells.
    package var opened: Bool { isComplete || (failure == nil && outcome == .exited(0)) }

    /// Why this observation cannot show that a promise holds; `nil` if it can.
    package var shortfall: String? {
        if let first = errors.first { return "the observer printed: \(first)" }
        if !isComplete && opened { return "the observer ended with status 0 but \(withoutEnd)" }
        return nil
    }

    /// That the listing did not end, and how far it came.
    var withoutEnd: String {
        "without `@end`" + (lastLine.map { "; its last line was `\($0)`" } ?? "")
    }

    private mutating func take(
        _ line: ArraySlice<UInt8>, names: inout Set<String>, seen: inout Set<Value>
    ) {
        guard line.first == MarkText.at else {
            if log.count + line.count < History.logLimit { log += line + [MarkText.newline] }
            return
        }
        let words = MarkText.words(line)
        let verb = String(decoding: words[0], as: UTF8.self)
        let text = MarkText.quoted(line.dropFirst(words[0].count + 1))
        guard !isComplete && failure == nil else {
            return errors.append("`\(MarkText.quoted(line))` after the end of the listing")
        }
        switch verb {
        case "@end": isComplete = true
        case "@failed": failure = text.isEmpty ? "no reason given" : text
        case "@corrupt": corruptions.append(text.isEmpty ? "no reason given" : text)
        case "@saw":
            guard words.count == 2 else {
                return errors.append(
                    "`\(MarkText.quoted(line))`, where one TX or one KEY=VALUE was expected "
                        + "(spaces are percent-encoded)")
            }
            guard let split = words[1].firstIndex(of: MarkText.equals) else {
                names.insert(MarkText.canonical(words[1]))
                return
            }
            let value = words[1][(split + 1)...]
            guard split > words[1].startIndex else {
                return errors.append("`\(MarkText.quoted(line))`, whose key is empty")
            }
            // As in `@begin`, no value means that the key is not there.
            guard !value.isEmpty else { return }
            seen.insert(
                Value(
                    key: MarkText.canonical(words[1][..<split], encodesEquals: true),
                    value: MarkText.canonical(value)))
        default: errors.append("`\(MarkText.quoted(line))`, which is not an observer's mark")
        }
    }
}

extension Observation: Hashable {
    package static func == (left: Observation, right: Observation) -> Bool {
        left.outcome == right.outcome && left.transactions == right.transactions
            && left.values == right.values && left.corruptions == right.corruptions
            && left.isComplete == right.isComplete && left.failure == right.failure
            && left.errors == right.errors
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(outcome)
        hasher.combine(transactions)
        hasher.combine(values)
        hasher.combine(corruptions)
        hasher.combine(isComplete)
        hasher.combine(failure)
        hasher.combine(errors)
    }
}

extension Observation.Outcome: LosslessStringConvertible {
    package var description: String {
        switch self {
        case .exited(let status): "exited with status \(status)"
        case .killed(let signal): "was killed by signal \(signal)"
        case .timedOut: "did not end in its time"
        }
    }

    /// Reads what `description` wrote.
    package init?(_ description: String) {
        let number = description.split(separator: " ").last.flatMap { Int32($0) } ?? 0
        let known: [Self] = [.exited(number), .killed(signal: number), .timedOut]
        guard let outcome = known.first(where: { $0.description == description }) else {
            return nil
        }
        self = outcome
    }
}
