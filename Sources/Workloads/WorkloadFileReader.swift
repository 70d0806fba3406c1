import Basics
import Oracles

/// One value of the file, with the words that errors call it by.
struct WorkloadFileNode {
    /// Its key, with those around it: `server.ready`.
    var name: String
    var node: YAMLNode
    var line: Int?
}

/// Turns YAML nodes into the fields of a `WorkloadFile`.
struct WorkloadFileReader {
    let path: String
    /// What the file describes, for messages.
    var subject = "a workload"

    func error(_ line: Int?, _ sentence: String) -> WorkloadFileError {
        WorkloadFileError(path: path, line: line, sentence: sentence)
    }

    func missing(_ key: String) -> WorkloadFileError {
        error(nil, "`\(key)` is missing")
    }

    // MARK: Structure

    /// The fields of a mapping, each known and there once.
    func fields(
        of value: WorkloadFileNode, allowed: [String], in parent: String?
    ) throws(WorkloadFileError) -> [String: WorkloadFileNode] {
        let pairs = try pairs(of: value)
        for (key, field) in pairs where !allowed.contains(key) {
            let place = parent.map { " in `\($0)`" } ?? ""
            throw error(
                field.line,
                "unknown key `\(shown(key))`\(place)"
                    + NearestName.suggestion(for: key, among: allowed))
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// The pairs of a mapping, in order; the value's line is that of its key.
    func pairs(
        of value: WorkloadFileNode
    ) throws(WorkloadFileError) -> [(String, WorkloadFileNode)] {
        guard case .mapping(let mapping, _) = value.node else {
            let what = value.name.isEmpty ? subject : "`\(value.name)`"
            throw error(value.line, "\(what) must be a mapping of keys to values")
        }
        var pairs: [(String, WorkloadFileNode)] = []
        for (key, node) in mapping {
            let line = key.line
            guard case .scalar(let scalar) = key else {
                throw error(line, "a key must be a word")
            }
            let name = value.name.isEmpty ? scalar.string : "\(value.name).\(scalar.string)"
            guard !pairs.contains(where: { $0.0 == scalar.string }) else {
                throw error(line, "key `\(shown(name))` is there twice")
            }
            pairs.append(
                (scalar.string, WorkloadFileNode(name: shown(name), node: node, line: line)))
        }
        return pairs
    }

    // MARK: Values

    /// A word or sentence, not empty.
    func text(_ value: WorkloadFileNode) throws(WorkloadFileError) -> String {
        guard case .scalar(let scalar) = value.node, !scalar.string.isEmpty else {
            throw error(value.line, "`\(value.name)` must be a text")
        }
        guard !scalar.string.utf8.contains(0) else {
            throw error(value.line, "`\(value.name)` holds a zero byte")
        }
        return scalar.string
    }

    /// A list of texts, or one text that is split at spaces.
    func command(_ value: WorkloadFileNode) throws(WorkloadFileError) -> [String] {
        let arguments: [String]
        switch value.node {
        case .scalar:
            arguments = try text(value).split(separator: " ").map(String.init)
            if let syntax = CommandText.shellSyntax(in: arguments) {
                throw error(
                    value.line,
                    "`\(value.name)` has shell syntax, `\(shown(syntax))`, and no shell reads it: "
                        + "write a list, `[sh, -c, '...']`")
            }
        case .sequence: arguments = try list(value, mayBeEmpty: true)
        default: arguments = []
        }
        guard let program = arguments.first, !program.isEmpty else {
            throw error(
                value.line,
                "`\(value.name)` must be a command: a list of its arguments, or a text")
        }
        return arguments
    }

    /// A list of texts; an argument may be the empty text if it is quoted.
    func list(
        _ value: WorkloadFileNode, mayBeEmpty: Bool = false
    ) throws(WorkloadFileError) -> [String] {
        if case .scalar = value.node { return [try text(value)] }
        guard case .sequence(let sequence, _) = value.node else {
            throw error(value.line, "`\(value.name)` must be a list of texts")
        }
        var texts: [String] = []
        for node in sequence {
            let line = node.line
            guard case .scalar(let scalar) = node else {
                throw error(line, "`\(value.name)` must be a list of texts")
            }
            guard !scalar.string.utf8.contains(0) else {
                throw error(line, "`\(value.name)` holds a zero byte")
            }
            guard !scalar.string.isEmpty || (mayBeEmpty && !scalar.isPlain) else {
                throw error(line, "`\(value.name)` has an empty item")
            }
            texts.append(scalar.string)
        }
        return texts
    }

    func duration(_ value: WorkloadFileNode) throws(WorkloadFileError) -> UInt64 {
        guard case .scalar(let scalar) = value.node,
            let nanoseconds = DurationText.nanoseconds(scalar.string)
        else {
            throw error(
                value.line, "`\(value.name)` must be a duration such as `20s` or `500ms`")
        }
        return nanoseconds
    }

    func count(_ value: WorkloadFileNode, upTo limit: Int) throws(WorkloadFileError) -> Int {
        guard case .scalar(let scalar) = value.node, let count = Int(scalar.string),
            (1...limit).contains(count)
        else {
            throw error(value.line, "`\(value.name)` must be a number from 1 to \(limit)")
        }
        return count
    }

    /// A list of names, each among the known ones.
    func names(
        _ value: WorkloadFileNode, of kind: String, among known: [String]
    ) throws(WorkloadFileError) -> [String] {
        let names = try list(value)
        for (index, name) in names.enumerated() {
            var line = value.line
            if case .sequence(let sequence, _) = value.node {
                line = sequence[index].line
            }
            try check(name, kind: kind, known: known, line: line)
            guard names.firstIndex(of: name) == index else {
                throw error(line, "`\(value.name)` names `\(name)` twice")
            }
        }
        guard !names.isEmpty else { throw error(value.line, "`\(value.name)` is empty") }
        return names
    }

    func check(
        _ name: String, kind: String, known: [String], line: Int?
    ) throws(WorkloadFileError) {
        guard known.contains(name) else {
            throw error(
                line,
                "unknown \(kind) `\(shown(name))`"
                    + NearestName.suggestion(for: name, among: known))
        }
    }

    // MARK: Words of errors

    /// A text of the file as an error may show it: escaped, and cut.
    func shown(_ text: String, limit: Int = 60) -> String {
        var shown = ""
        for scalar in text.unicodeScalars.prefix(limit) {
            let isPlain = scalar.value >= 0x20 && scalar.value < 0x7F
            shown += isPlain ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
        }
        return text.unicodeScalars.count > limit ? shown + "…" : shown
    }
}
