// The words of the line protocol.
//
// Names of transactions, keys and values are arbitrary bytes, percent-encoded where they have to
// be. Their identity here is their *canonical* text: percent-decoded, then every byte that is not
// printable ASCII, and `%` itself, encoded again as `%XX`. Two spellings of the same bytes are
// therefore one text, Unicode equivalence cannot merge two different values, and a sentence that
// shows such a text cannot carry a control character to a terminal.

/// Parsing and spelling of protocol words.
enum MarkText {
    static let space = UInt8(ascii: " ")
    static let at = UInt8(ascii: "@")
    static let equals = UInt8(ascii: "=")
    static let percent = UInt8(ascii: "%")
    static let slash = UInt8(ascii: "/")
    static let newline = UInt8(ascii: "\n")

    /// The words of a line, split at spaces and tabs; a carriage return at the end is no part.
    static func words(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var line = line
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line.split { $0 == space || $0 == UInt8(ascii: "\t") }
    }

    /// Whether each `%` of the word is followed by two hexadecimal digits.
    static func isWellEncoded(_ word: ArraySlice<UInt8>) -> Bool {
        var index = word.startIndex
        while let found = word[index...].firstIndex(of: percent) {
            guard encodedByte(word, at: found) != nil else { return false }
            index = found + 3
        }
        return true
    }

    /// The canonical text of a word. A `%` that encodes nothing stands for itself.
    ///
    /// - Parameter encodesEquals: keys spell their own `=` as `%3D`, so that `key=value` reads
    ///   one way only.
    static func canonical(_ word: ArraySlice<UInt8>, encodesEquals: Bool = false) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(word.count)
        var index = word.startIndex
        while index < word.endIndex {
            var byte = word[index]
            index += 1
            if byte == percent, let decoded = encodedByte(word, at: index - 1) {
                byte = decoded
                index += 2
            }
            let isPlain = byte > 0x20 && byte < 0x7F && byte != percent
            if isPlain && !(encodesEquals && byte == equals) {
                text.append(byte)
            } else {
                text.append(percent)
                text.append(hexadecimal(byte >> 4))
                text.append(hexadecimal(byte & 15))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A line as it may be quoted in a sentence: canonical bytes, spaces kept, cut at 120 bytes.
    static func quoted(_ line: ArraySlice<UInt8>) -> String {
        let text = line.prefix(120).split(separator: space, omittingEmptySubsequences: false)
            .map { part in
                var escaped: [UInt8] = []
                for byte in part {
                    if byte > 0x20 && byte < 0x7F {
                        escaped.append(byte)
                    } else {
                        escaped += [percent, hexadecimal(byte >> 4), hexadecimal(byte & 15)]
                    }
                }
                return String(decoding: escaped, as: UTF8.self)
            }.joined(separator: " ")
        return line.count > 120 ? text + "…" : text
    }

    /// At most three of the names, and how many more there are.
    static func list(_ names: [String]) -> String {
        let shown = names.prefix(3).joined(separator: ", ")
        return names.count > 3 ? "\(shown) and \(names.count - 3) more" : shown
    }

    private static func encodedByte(_ word: ArraySlice<UInt8>, at index: Int) -> UInt8? {
        guard index + 2 < word.endIndex, let high = digit(word[index + 1]),
            let low = digit(word[index + 2])
        else { return nil }
        return high << 4 | low
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func hexadecimal(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "A") + nibble - 10
    }
}
