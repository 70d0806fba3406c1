/// Text from programs and file names, made harmless before it is shown.
///
/// Whatever could move a cursor, change a colour, reorder a line or break a document becomes visible: control
/// characters, ANSI sequences (by their ESC), invisible and direction-changing characters. A backslash stays as it is, so
/// that escaping twice changes nothing.
package enum Escaped {
    /// One line of plain text.
    package static func line(_ text: some StringProtocol) -> String {
        var result = ""
        for scalar in text.unicodeScalars { append(scalar, to: &result) }
        return result
    }

    /// The lines of a text, each escaped; no empty line at the end.
    package static func lines(_ text: some StringProtocol) -> [String] {
        var result: [String] = []
        var current = ""
        for scalar in text.unicodeScalars {
            if scalar == "\n" {
                result.append(current)
                current = ""
            } else {
                append(scalar, to: &current)
            }
        }
        if !current.isEmpty { result.append(current) }
        return result
    }

    /// Text between tags or in an attribute of XML 1.0.
    package static func xml(_ text: some StringProtocol) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            case "\n": result += "&#10;"
            default: append(scalar, to: &result)
            }
        }
        return result
    }

    /// A word for a POSIX shell: as it is when harmless, else quoted.
    package static func shell(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: ","),
                UInt8(ascii: "="), UInt8(ascii: ":"):
                true
            default: false
            }
        }
        if isPlain && !word.isEmpty { return word }
        return "'"
            + word.split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: "'\\''") + "'"
    }

    package static func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// 16 digits.
    package static func hexadecimal(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
        switch scalar {
        case "\n": result += "\\n"
        case "\t": result += "\\t"
        case "\r": result += "\\r"
        case " "..."~": result.unicodeScalars.append(scalar)
        default:
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
                .unassigned:
                result +=
                    scalar.value < 0x80
                    ? "\\x\(hexadecimal(scalar.value, digits: 2))"
                    : "\\u{\(hexadecimal(scalar.value, digits: 4))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}
