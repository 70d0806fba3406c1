extension Observation {
    /// The line of the observer's log that says why it failed; nil where the log is empty.
    ///
    /// Programs say it, and then where they were: the last line is most often a frame of a stack. Frames are indented, or say
    /// `from`; so it is the last line that is neither, of those that speak of an error where any does. What Python prints of
    /// destructors at its end is no reason, whatever it says.
    package var reason: String? {
        let lines = Self.withoutIgnoredExceptions(
            String(decoding: log, as: UTF8.self).split(whereSeparator: \.isNewline)
        ).filter { line in line.contains { !$0.isWhitespace } }
        let outer = lines.indices.filter { !Self.isFrame(lines[$0]) }
        guard let chosen = outer.last(where: { Self.speaksOfError(lines[$0]) }) ?? outer.last
        else { return lines.last.map(Self.shortened) }
        // Rust says where, and what on the next line.
        let goesOn = lines[chosen].contains(" panicked at ") && lines[chosen].hasSuffix(":")
        let next = goesOn && chosen + 1 < lines.endIndex ? " " + lines[chosen + 1] : ""
        return Self.shortened(lines[chosen] + next)
    }

    private static func withoutIgnoredExceptions(_ lines: [Substring]) -> [Substring] {
        var kept: [Substring] = []
        var isIgnored = false
        for line in lines {
            if line.hasPrefix("Exception ignored in") {
                isIgnored = true
            } else if !isIgnored {
                kept.append(line)
            } else if !isFrame(line), !line.hasPrefix("Traceback ") {
                // The exception itself ends what is said of it.
                isIgnored = false
            }
        }
        return kept
    }

    /// Where a program was; not what went wrong.
    private static func isFrame(_ line: Substring) -> Bool {
        guard let first = line.first, !first.isWhitespace else { return true }
        let beginnings = [
            "from ", "goroutine ", "exit status ", "note: ", "stack backtrace:", "Node.js v",
            "Traceback ", "main.", "created by ",
        ]
        return beginnings.contains { line.hasPrefix($0) }
            || line.allSatisfy { $0 == "^" || $0 == "~" }
    }

    private static func speaksOfError(_ line: Substring) -> Bool {
        line.split { !$0.isLetter }.contains { word in
            let word = word.lowercased()
            return errorWords.contains(word) || word.hasSuffix("error")
                || word.hasSuffix("exception")
        }
    }

    private static let errorWords: Set = [
        "fatal", "panic", "panicked", "corrupt", "corrupted", "corruption", "failed", "failure",
        "fail", "cannot", "invalid", "malformed", "aborted", "assertion",
    ]

    private static func shortened(_ line: some StringProtocol) -> String {
        line.count > 300 ? line.prefix(300) + "…" : String(line)
    }
}
