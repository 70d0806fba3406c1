import ArgumentParser
import Basics
import Reporting
import Stage
import Workloads

/// The commands of a mount by hand: their words, what these mean, and their help.
///
/// The mount reads with it what comes over its socket, and `perjury ctl` prints its help from it. Neither has another
/// list of commands.
package struct ControlGrammar: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "perjury ctl DIR",
        abstract: "Ask something of a mount made by `perjury mount`.",
        subcommands: [
            Pending.self, Cut.self, Arm.self, Disarm.self, Wait.self, Fault.self, Lie.self,
            Checkpoint.self, Evict.self, Log.self, Save.self, Quit.self,
        ])

    package init() {}

    /// The part of the grammar that the first words name, and the words after these.
    static func part(
        _ words: [String]
    ) -> (part: any ParsableCommand.Type, rest: ArraySlice<String>) {
        var part: any ParsableCommand.Type = Self.self
        var rest = words[...]
        while let next = subcommand(of: part, rest.first) {
            part = next
            rest = rest.dropFirst()
        }
        return (part, rest)
    }

    private static func subcommand(
        of part: any ParsableCommand.Type, _ word: String?
    ) -> (any ParsableCommand.Type)? {
        part.configuration.subcommands.first { $0.configuration.commandName == word }
    }

    /// Why these words mean nothing; nil when they are a command.
    package static func refusal(of words: [String]) -> String? {
        do throws(Refusal) {
            _ = try Command(words)
            return nil
        } catch {
            return error.sentence
        }
    }

    // MARK: Help

    /// Each command's words.
    package static var usages: [String] { leaves(of: Self.self).map { usage(of: $0) } }

    /// The help of what the words name.
    package static func help(_ words: [String]) -> String { helpMessage(for: part(words).part) }

    /// Each command on a line of its own, with what it does; then the words that several of them have.
    package static var summary: String {
        let lines = leaves(of: Self.self).map { leaf in
            let usage = usage(of: leaf)
            let gap = usage.count < 23 ? String(repeating: " ", count: 24 - usage.count) : indent
            return usage + gap + leaf.configuration.abstract
        }
        return lines.joined(separator: "\n") + "\n\n" + vocabulary
    }

    private static let indent = "\n" + String(repeating: " ", count: 24)

    /// All that can be done, in the order of the help.
    static func leaves(of part: any ParsableCommand.Type) -> [any Verb.Type] {
        if let verb = part as? any Verb.Type { return [verb] }
        return part.configuration.subcommands.flatMap { leaves(of: $0) }
    }

    /// Its words, without the program's.
    static func usage(of leaf: any Verb.Type) -> String {
        let usage = leaf.configuration.usage ?? usageString(for: leaf)
        let words = usage.dropFirst(configuration.commandName!.count + 1)
        return String(words.filter { $0 != "<" && $0 != ">" })
    }

    /// The words that several commands have.
    static var vocabulary: String {
        """
        WHAT   \(FaultWords.errors): the error;
               20ms: the answer is so much later; short BYTES: of a write;
               flip or misplace: a read gives other bytes;
               lie: a sync is answered and not done
        WHEN   every; nth N; chance P/Q [seed S]; after TIME [for TIME];
               beyond SIZE, as in beyond 8MiB: while files hold so much
        """
    }
}

extension FaultWords {
    /// The errors, on two lines of the help.
    fileprivate static var errors: String {
        let names = effects.prefix { $0 == $0.uppercased() }
        return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    }
}

/// A command that can be done.
protocol Verb: ParsableCommand {
    /// What its words mean; refuses words that mean nothing.
    func command() throws(Refusal) -> Command
}

extension Command {
    init(_ words: [String]) throws(Refusal) {
        let (part, rest) = ControlGrammar.part(words)
        let named = part.configuration.defaultSubcommand ?? part
        guard let verb = named as? any Verb.Type else {
            let known = part.configuration.subcommands.compactMap { $0.configuration.commandName }
            throw ControlGrammar.refusal(of: words, known: known, rest: rest)
        }
        self = try verb.read(rest)
    }
}

extension Verb {
    /// After `--`, so that a path or pattern may begin with a hyphen.
    fileprivate static func read(_ words: ArraySlice<String>) throws(Refusal) -> Command {
        let verb: Self
        do {
            verb = try parse(["--"] + words)
        } catch {
            throw Refusal(Escaped.line(message(for: error).prefix(300)))
        }
        return try verb.command()
    }
}

extension ControlGrammar {
    /// The words name no command: only the beginning of some, and then `rest`.
    fileprivate static func refusal(
        of words: [String], known: [String], rest: ArraySlice<String>
    ) -> Refusal {
        let before = words.dropLast(rest.count).joined(separator: " ")
        guard let word = rest.first else {
            let what = before.isEmpty ? "a command" : "more after `\(before)`"
            return Refusal("expected \(what): \(known.joined(separator: ", "))")
        }
        let unknown = String(word.prefix(40))
        let problem = before.isEmpty ? "there is no command" : "`\(before)` has no"
        return Refusal(
            "\(problem) `\(Escaped.line(unknown))`"
                + NearestName.suggestion(for: unknown, among: known))
    }
}
