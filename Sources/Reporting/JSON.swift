import Basics

/// A JSON value whose members keep the order in which they are given, so that equal reports are equal bytes.
package enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    /// From `Int64.min` to `UInt64.max`.
    case integer(Int128)
    case real(Double)
    case string(String)
    case array([JSON])
    case object([Member])

    package struct Member: Equatable, Sendable {
        package let name: String
        package let value: JSON

        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    package static func number(_ value: some BinaryInteger) -> JSON { .integer(Int128(value)) }

    package static func strings(_ values: some Sequence<String>) -> JSON {
        .array(values.map { .string($0) })
    }

    /// A string, or null.
    package static func optional(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }

    /// Seconds to the millisecond.
    package static func seconds(_ value: Double) -> JSON {
        .real((value * 1000).rounded() / 1000)
    }

    /// The member of this name; nil when this is no object or has none.
    package subscript(name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    // MARK: Writing

    /// Indented by two spaces, with a newline at the end. Arrays and objects without arrays or objects of their own in
    /// them take one line where it is short.
    package var text: String {
        var result = ""
        append(to: &result, indent: 0)
        return result + "\n"
    }

    /// All of it on one line.
    package var line: String {
        switch self {
        case .array(let values): return "[" + values.map(\.line).joined(separator: ", ") + "]"
        case .object(let members):
            let texts = members.map { Self.quoted($0.name) + ": " + $0.value.line }
            return "{" + texts.joined(separator: ", ") + "}"
        default:
            var text = ""
            appendScalar(to: &text)
            return text
        }
    }

    private static let shortLine = 100

    private func append(to result: inout String, indent: Int) {
        switch self {
        case .array(let values):
            Self.append(
                values.map { (nil, $0) }, "[", "]", isFlat: values.allSatisfy(\.isScalar),
                to: &result, indent: indent)
        case .object(let members):
            Self.append(
                members.map { ($0.name, $0.value) }, "{", "}",
                isFlat: members.allSatisfy(\.value.isScalar), to: &result, indent: indent)
        default: appendScalar(to: &result)
        }
    }

    private var isScalar: Bool {
        switch self {
        case .array(let values): values.isEmpty
        case .object(let members): members.isEmpty
        default: true
        }
    }

    private static func append(
        _ items: [(name: String?, value: JSON)], _ open: String, _ close: String, isFlat: Bool,
        to result: inout String, indent: Int
    ) {
        guard !items.isEmpty else {
            result += open + close
            return
        }
        if isFlat {
            var line = open
            for (index, item) in items.enumerated() {
                if index > 0 { line += ", " }
                item.name.map { line += quoted($0) + ": " }
                item.value.append(to: &line, indent: 0)
            }
            line += close
            if line.utf8.count + indent <= shortLine {
                result += line
                return
            }
        }
        let margin = String(repeating: " ", count: indent + 2)
        result += open
        for (index, item) in items.enumerated() {
            result += (index > 0 ? ",\n" : "\n") + margin
            item.name.map { result += quoted($0) + ": " }
            item.value.append(to: &result, indent: indent + 2)
        }
        result += "\n" + String(repeating: " ", count: indent) + close
    }

    private func appendScalar(to result: inout String) {
        switch self {
        case .null: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .integer(let value): result += String(value)
        // JSON knows neither infinity nor NaN.
        case .real(let value): result += value.isFinite ? "\(value)" : "null"
        case .string(let value): result += Self.quoted(value)
        case .array, .object: preconditionFailure("no scalar")
        }
    }

    /// Everything outside of printable ASCII that could be taken for something else is escaped; other letters stay.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case " "..."~": result.unicodeScalars.append(scalar)
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse,
                    .unassigned, .surrogate:
                    for unit in String(scalar).utf16 {
                        result += "\\u" + Escaped.hexadecimal(UInt32(unit), digits: 4)
                    }
                default: result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
