import Basics
import FuseMount
import Oracles
import Recording

/// Faults as people write them: `EIO write *.log nth 3`.
///
///     fault      := effect operation glob? occurrence?
///     effect     := error | duration | "short" bytes | "lie" | "flip" | "misplace"
///     occurrence := "every" | "nth" number | "chance" number "/" number ("seed" number)?
///                 | "after" duration ("for" duration)? | "beyond" size
package struct FaultWords {
    package private(set) var left: [String]

    package init(_ words: [String]) {
        left = words
    }

    package struct Fault: Sendable {
        package let effect: FaultPlan.Effect
        package let operations: OperationSet
        package let glob: PathGlob
        package let occurrence: FaultPlan.Occurrence
    }

    package static let longestDelay: UInt64 = 60_000_000_000

    private mutating func next(_ what: String) throws(FaultTextError) -> String {
        guard !left.isEmpty else { throw FaultTextError("\(what) is missing") }
        return left.removeFirst()
    }

    /// All of one fault.
    package mutating func fault() throws(FaultTextError) -> Fault {
        let effect = try effect()
        let operations = try operations(for: effect)
        var glob = PathGlob.everything
        if let word = left.first, !Self.occurrences.contains(word) {
            glob = PathGlob(word)
            left.removeFirst()
        }
        return Fault(
            effect: effect, operations: operations, glob: glob, occurrence: try occurrence())
    }

    package mutating func effect() throws(FaultTextError) -> FaultPlan.Effect {
        let word = try next("an error, a delay, `short BYTES`, `lie`, `flip` or `misplace`")
        if let known = FaultPlan.errors.first(where: { $0.name == word }) {
            return .fail(known.error, name: known.name)
        }
        switch word {
        case "lie": return .lie
        case "flip": return .flip
        case "misplace": return .misplace
        default: break
        }
        if word == "short" { return .shorten(to: try number("how many bytes a short write takes")) }
        if let time = DurationText.nanoseconds(word), time <= Self.longestDelay {
            return .delay(nanoseconds: time, text: word)
        }
        throw FaultTextError(
            "`\(word)` is neither an error nor a delay such as 20ms, up to 60s", word,
            among: Self.effects)
    }

    package mutating func operations(
        for effect: FaultPlan.Effect? = nil
    ) throws(FaultTextError) -> OperationSet {
        let word = try next("an operation")
        guard let set = OperationSet(word) else {
            throw FaultTextError(
                "there is no operation `\(word)`", word, among: OperationSet.words)
        }
        switch effect {
        case .lie where OperationKind.allCases.contains { set.contains($0) && !$0.isSync }:
            throw FaultTextError(
                "`lie` is about syncs, not `\(word)`", word,
                among: ["sync"] + OperationKind.allCases.filter(\.isSync).map(\.rawValue))
        case .shorten where word != OperationKind.write.rawValue:
            throw FaultTextError("`short` is about `write`, not `\(word)`")
        case .flip where word != OperationKind.read.rawValue,
            .misplace where word != OperationKind.read.rawValue:
            throw FaultTextError("`flip` and `misplace` are about `read`, not `\(word)`")
        default: return set
        }
    }

    /// The words for what is done, but for a delay.
    package static let effects =
        FaultPlan.errors.map(\.name) + ["short", "lie", "flip", "misplace"]
    /// The words for when it is done.
    package static let occurrences = ["every", "nth", "chance", "after", "beyond"]

    private mutating func occurrence() throws(FaultTextError) -> FaultPlan.Occurrence {
        guard let word = left.first else { return .every }
        left.removeFirst()
        switch word {
        case "every": return .every
        case "nth": return .nth(try number("which of the matching operations"))
        case "chance":
            let text = try next("a chance such as 1/20")
            let parts = text.split(separator: "/").map { Int($0) }
            guard parts.count == 2, let part = parts[0], let whole = parts[1], part > 0,
                part <= whole
            else { throw FaultTextError("`\(text)` is not a probability; write it as 1/20") }
            guard let word = left.first else { return .chance(part, of: whole, seed: 1) }
            guard word == "seed" else { throw unknown(word, ["seed"]) }
            left.removeFirst()
            let seed = try next("a seed")
            guard let number = UInt64(seed) else {
                throw FaultTextError("`\(seed)` is not a seed: a number from 0 on")
            }
            return .chance(part, of: whole, seed: number)
        case "after":
            let (from, text) = try duration()
            guard let word = left.first else {
                return .during(from..<UInt64.max, text: "after \(text)")
            }
            guard word == "for" else { throw unknown(word, ["for"]) }
            left.removeFirst()
            let (length, more) = try duration()
            return .during(from..<from + length, text: "after \(text) for \(more)")
        case "beyond":
            let text = try next("a size such as 8MiB")
            guard let bytes = Self.bytes(text) else {
                throw FaultTextError("`\(text)` is not a size such as 65536, 512KiB, 8MiB")
            }
            return .beyond(bytes: bytes, text: "beyond \(text)")
        default: throw unknown(word, Self.occurrences)
        }
    }

    private mutating func duration() throws(FaultTextError) -> (UInt64, String) {
        let text = try next("a time such as 2s")
        guard let time = DurationText.nanoseconds(text), time < UInt64.max / 4 else {
            throw FaultTextError("`\(text)` is not a time such as 20ms, 2s")
        }
        return (time, text)
    }

    private static func bytes(_ text: String) -> UInt64? {
        let units: [(String, UInt64)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]
        let unit = units.first { text.hasSuffix($0.0) }
        let digits = text.dropLast(unit?.0.count ?? 0)
        guard !digits.isEmpty, digits.allSatisfy(\.isNumber), let number = UInt64(digits) else {
            return nil
        }
        let (bytes, overflows) = number.multipliedReportingOverflow(by: unit?.1 ?? 1)
        return overflows ? nil : bytes
    }

    private func unknown(_ word: String, _ known: [String]) -> FaultTextError {
        FaultTextError("`\(word)` cannot follow here", word, among: known)
    }

    private mutating func number(_ what: String) throws(FaultTextError) -> Int {
        let word = try next(what)
        guard word.allSatisfy(\.isNumber), let number = Int(word), number > 0 else {
            throw FaultTextError("`\(word)` is not \(what), a number from 1 on")
        }
        return number
    }
}

/// What is wrong with the text of a fault; one sentence.
package struct FaultTextError: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ sentence: String, _ word: String = "", among known: [String] = []) {
        description =
            sentence + NearestName.suggestion(for: word, among: known)
    }
}

/// What a workload, or a person, asks to be made to fail while the program runs.
package struct FaultRequests: Hashable, Sendable {
    /// The error of the syncs that are made to fail one after the other, each in a run of its own; nil: none.
    package var syncError: String?
    /// Of the recorded run, as they were written.
    package private(set) var texts: [String] = []

    package init() {}

    /// `sync`, `sync ENOSPC`, or a fault.
    package mutating func add(_ text: String) throws(FaultTextError) {
        let words = text.split(separator: " ").map(String.init)
        if words.first == "sync" {
            let error = words.count > 1 ? words[1] : "EIO"
            guard words.count <= 2, Self.syncErrors.contains(error) else {
                throw FaultTextError(
                    "no sync fails with `\(words.dropFirst().joined(separator: " "))`", error,
                    among: Self.syncErrors)
            }
            syncError = error
            return
        }
        var reader = FaultWords(words)
        _ = try reader.fault()
        if let word = reader.left.first {
            throw FaultTextError("nothing is to follow the fault, as `\(word)` does")
        }
        texts.append(words.joined(separator: " "))
    }

    /// A line for each, as `add` reads it.
    var text: String {
        (texts + (syncError.map { ["sync \($0)"] } ?? [])).joined(separator: "\n")
    }

    static let syncErrors = ["EIO", "ENOSPC", "EDQUOT"]

    /// These and others; where both make syncs fail, the others' error.
    package func adding(_ others: FaultRequests) -> FaultRequests {
        var all = self
        all.syncError = others.syncError ?? syncError
        all.texts += others.texts
        return all
    }

    /// The faults, in order.
    var plan: FaultPlan {
        var plan = FaultPlan()
        for text in texts {
            var reader = FaultWords(text.split(separator: " ").map(String.init))
            guard let fault = try? reader.fault() else {
                preconditionFailure("`\(text)` was read before")
            }
            _ = plan.add(fault.effect, fault.operations, fault.glob, fault.occurrence)
        }
        return plan
    }
}
