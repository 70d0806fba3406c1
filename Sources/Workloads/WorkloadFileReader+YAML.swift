// What is refused before the YAML parser sees it, because it would cost the parser more time or
// stack than the file is worth: a file over 1 MiB, deep nesting, and more than a few aliases (each
// stands for as much as there is at its anchor, and is read as often).

extension WorkloadFileReader {
    /// Nesting that a workload never needs; brackets inside texts count, too.
    static let depthLimit = 64
    /// Columns a line may be indented, `-` and `?` included: each can be a level.
    static let indentLimit = 200
    static let aliasLimit = 8

    /// The one document of the file.
    func root(_ bytes: some Collection<UInt8>) throws(WorkloadFileError) -> WorkloadFileNode {
        guard bytes.count <= WorkloadFile.sizeLimit else {
            throw error(nil, "the file is larger than 1 MiB")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw error(nil, "the file is not UTF-8")
        }
        let bytes = Array(bytes)
        try checkSize(bytes)
        let node: YAMLNode?
        do {
            node = try YAMLNode(parsing: bytes)
        } catch {
            throw described(error, in: text)
        }
        guard let node else { throw error(nil, "the file is empty") }
        return WorkloadFileNode(name: "", node: node, line: node.line)
    }

    private func checkSize(_ bytes: [UInt8]) throws(WorkloadFileError) {
        var line = 1
        var depth = 0
        var aliases = 0
        var indent: Int? = 0
        var previous = UInt8(ascii: "\n")
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                if byte == UInt8(ascii: "\n") { line += 1 }
                indent = 0
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "-"), UInt8(ascii: "?"):
                indent = indent.map { $0 + 1 }
            default: indent = nil
            }
            if let indent, indent > WorkloadFileReader.indentLimit {
                throw error(line, "the line is indented too far")
            }
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= depth > 0 ? 1 : 0
            default: break
            }
            if depth > WorkloadFileReader.depthLimit {
                throw error(line, "brackets are nested too deeply")
            }
            if previous == UInt8(ascii: "*") && isNameByte(byte) {
                aliases += 1
                if aliases > WorkloadFileReader.aliasLimit {
                    throw error(line, "more than \(WorkloadFileReader.aliasLimit) aliases")
                }
            }
            previous = byte
        }
    }

    private func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private func described(_ failure: YAMLError, in text: String) -> WorkloadFileError {
        guard let line = failure.line else {
            return error(nil, "not valid YAML: \(shown(failure.problem))")
        }
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        let isBound =
            lines.indices.contains(line - 1) && lines[line - 1].contains("bounded-loss:")
        return error(
            line,
            "not valid YAML: \(shown(failure.problem))"
                + (isBound
                    ? "; write `{bounded-loss: 1s}`"
                    : failure.problem.contains("mapping values are not allowed")
                        ? "; a text that has a colon and a space in it needs quotes" : ""))
    }
}
