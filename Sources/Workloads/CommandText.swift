import Stage

/// A command as one text, as a person types it for an option.
///
/// It is split at spaces; what stands in single or double quotes is kept together. Nothing is expanded but
/// `$PERJURY_DIR` and its like, and no shell ever reads it. So what only a shell understands is refused: as an argument it
/// would be taken for something else without a word.
package enum CommandText {
    /// - Parameter option: as the person typed it, for the message.
    package static func words(_ text: String, option: String) throws -> [String] {
        var parser = Parser()
        for character in text { parser.read(character) }
        parser.endWord()
        if let syntax = parser.syntax ?? shellSyntax(inFirst: parser.words.first) {
            throw HarnessError(
                "\(option) has shell syntax, `\(syntax)`, and no shell reads it: "
                    + "write \(option) \(inShell(text))")
        }
        guard let program = parser.words.first, !program.isEmpty else {
            throw HarnessError(
                "\(option) is empty: it takes a command, as in \(option) './put.sh 20'")
        }
        return parser.words
    }

    /// The text that is split into these words.
    package static func text(_ words: [String]) -> String {
        words.map(quoted).joined(separator: " ")
    }

    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { plain.contains($0) }
        if word.isEmpty { return "''" }
        if isPlain { return word }
        // Nothing is escaped within quotes: what has both kinds is put together.
        return word.split(separator: "'", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? "" : "'\($0)'" }
            .joined(separator: "\"'\"")
    }

    private static let plain = Set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=,./:@%".utf8)

    /// The first of the words that stands for something in a shell, where it stands alone.
    static func shellSyntax(in words: [String]) -> String? {
        shellSyntax(inFirst: words.first) ?? words.first(where: operators.contains)
    }

    private static let operators: Set = ["|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"]

    /// What shells do by themselves: there are no such programs, or they change nothing for others.
    private static let builtins: Set = [
        "cd", "export", "source", ".", "eval", "exec", "set", "ulimit", "umask", "trap",
    ]

    private static func shellSyntax(inFirst word: String?) -> String? {
        guard let word else { return nil }
        if builtins.contains(word) { return word }
        // VARIABLE=value before the program.
        let name = word.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        let isAssignment =
            !name.isEmpty && !word.first!.isNumber && word.dropFirst(name.count).first == "="
        return isAssignment ? word : nil
    }

    /// The text as an option's value that hands it to a shell.
    private static func inShell(_ text: String) -> String {
        guard !text.contains("'") else { return "with a script of these lines" }
        let isPlain = !text.contains { "\"$`\\!".contains($0) }
        return isPlain ? "\"sh -c '\(text)'\"" : "'sh -c '\\''\(text)'\\'''"
    }

    private struct Parser {
        private(set) var words: [String] = []
        /// What a shell would have done something with.
        private(set) var syntax: String?
        private var word: String?
        private var quote: Character?
        /// What follows an unquoted `$`.
        private var variable: String?

        mutating func read(_ character: Character) {
            if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + [character] }
                return
            }
            follow(character)
            switch character {
            case "'", "\"":
                quote = character
                word = word ?? ""
            case " ", "\t", "\n": endWord()
            default: word = (word ?? "") + [character]
            }
        }

        mutating func endWord() {
            if let variable, !variable.isEmpty, !variable.hasPrefix("PERJURY_") {
                note("$" + variable)
            }
            variable = nil
            if let word { words.append(word) }
            word = nil
        }

        private mutating func follow(_ character: Character) {
            if let name = variable {
                if character.isLetter || character.isNumber || character == "_" {
                    variable = name + [character]
                    return
                }
                if name.isEmpty, character == "(" || character == "{" { note("$\(character)") }
                if !name.isEmpty, !name.hasPrefix("PERJURY_") { note("$" + name) }
                variable = nil
            }
            switch character {
            case "$": variable = ""
            case "|", "&", ";", "<", ">", "`": note(String(character))
            default: break
            }
        }

        private mutating func note(_ found: String) { syntax = syntax ?? found }
    }
}
