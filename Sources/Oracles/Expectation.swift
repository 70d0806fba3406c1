/// What a workload says of itself: `expect:` in its `workload.yaml`.
package struct Expectation: Hashable, Sendable {
    /// What is expected under one model and stack.
    package enum Outcome: Hashable, Sendable {
        case holds
        /// Any of these kinds; if none is named, of any kind.
        case violates([ViolationKind])

        /// Reads `holds` or `violates` with kinds behind it, separated by spaces or commas.
        package init(_ text: String) throws(ExpectationError) {
            let words = text.split { $0 == " " || $0 == "," }.map(String.init)
            switch words.first {
            case "holds":
                guard words.count == 1 else {
                    throw ExpectationError(sentence: "nothing can follow `holds`, as in `\(text)`")
                }
                self = .holds
            case "violates":
                var kinds: [ViolationKind] = []
                for word in words.dropFirst() {
                    guard let kind = ViolationKind(rawValue: word) else {
                        throw ExpectationError(
                            sentence: "unknown violation `\(word)`", word: word,
                            known: ViolationKind.allCases.map(\.rawValue))
                    }
                    if !kinds.contains(kind) { kinds.append(kind) }
                }
                self = .violates(kinds)
            default:
                throw ExpectationError(
                    sentence: "an expectation is `holds` or `violates …`, not `\(text)`",
                    word: words.first ?? "", known: ["holds", "violates"])
            }
        }

        /// Whether it came out as expected. A kind that is not named is unexpected, also beside
        /// one that is; an inconclusive verdict is never as expected.
        package func matches(_ verdict: Verdict, kinds: some Sequence<ViolationKind>) -> Bool {
            switch (self, verdict) {
            case (.holds, .holds): true
            case (.violates(let named), .violated):
                named.isEmpty || kinds.allSatisfy { named.contains($0) }
            default: false
            }
        }
    }

    /// The stack that keeps every promise; a bare model name is about this one.
    package static let honestStack = "honest"

    /// The one word for all.
    package var general: Outcome?
    /// By `model` or `model/stack`.
    package var specific: [String: Outcome] = [:]

    /// Causes that are known, each with a reason in words; nil where no list is kept, and kinds alone tell.
    package var known: [Fingerprint: String]?

    package init(general: Outcome? = nil, specific: [String: Outcome] = [:]) {
        self.general = general
        self.specific = specific
    }

    /// What is expected, most specific first: `model/stack`; `model` for the honest stack; the one
    /// word for all. `nil`: the workload says nothing about it.
    package func outcome(model: String, stack: String = honestStack) -> Outcome? {
        specific["\(model)/\(stack)"]
            ?? (stack == Expectation.honestStack ? specific[model] : nil) ?? general
    }

    /// Whether nothing can be expected: the workload says nothing about this stack, and what it says of the honest one is
    /// that promises are broken there already.
    package func isOpen(model: String, stack: String) -> Bool {
        guard outcome(model: model, stack: stack) == nil else { return false }
        if case .violates = outcome(model: model) { return true }
        return false
    }

    /// Why a violation of this cause may come; nil where no list says so.
    package func reason(_ fingerprint: Fingerprint?) -> String? {
        fingerprint.flatMap { known?[$0] }
    }

    /// Whether a violation may come. Where there is a list, nothing may that is not on it, whatever its kind; a lying stack
    /// of which the workload says nothing is open to all.
    package func allows(
        _ kind: ViolationKind, _ fingerprint: Fingerprint?, model: String, stack: String
    ) -> Bool {
        if isOpen(model: model, stack: stack) { return true }
        if known != nil { return reason(fingerprint) != nil }
        guard case .violates(let kinds) = outcome(model: model, stack: stack) else { return false }
        return kinds.isEmpty || kinds.contains(kind)
    }

    /// The models named, sorted, each once.
    package var models: [String] {
        Set(specific.keys.map { String($0.prefix { $0 != "/" }) }).sorted()
    }
}

/// What is wrong with the text of an expectation.
package struct ExpectationError: Error, Hashable, CustomStringConvertible {
    package var sentence: String
    /// The word not known, and those that are; empty if that is not what is wrong.
    package var word = ""
    package var known: [String] = []
    package var description: String { sentence }
}

extension Expectation.Outcome: CustomStringConvertible {
    package var description: String {
        switch self {
        case .holds: "holds"
        case .violates(let kinds):
            (["violates"] + kinds.map(\.rawValue)).joined(separator: " ")
        }
    }
}
