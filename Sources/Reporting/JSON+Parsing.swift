/// What is wrong with a JSON text, and at which byte; one sentence.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension JSON {
    /// Texts longer than this, in bytes, are refused.
    package static let largestText = 16 << 20
    /// Arrays and objects in one another.
    package static let deepest = 32

    /// Reads one JSON text of RFC 8259, strictly: no member twice, no number outside of what `JSON` holds, no lone
    /// surrogate, nothing behind the value. The text is not trusted.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        guard bytes.count <= Self.largestText else {
            throw JSONError(
                "the text has \(bytes.count) bytes; at most \(Self.largestText) are read")
        }
        var parser = Parser(bytes: bytes)
        self = try parser.document()
    }

    private struct Parser {
        let bytes: [UInt8]
        var index = 0
        private var depth = 0

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        mutating func document() throws(JSONError) -> JSON {
            let value = try value()
            skipSpace()
            guard index == bytes.count else { throw failure("something follows the value") }
            return value
        }

        private func failure(_ what: String) -> JSONError {
            JSONError("\(what) at byte \(index)")
        }

        private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

        private mutating func skipSpace() {
            while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
                index += 1
            }
        }

        private mutating func take(_ byte: UInt8) -> Bool {
            guard next == byte else { return false }
            index += 1
            return true
        }

        private mutating func value() throws(JSONError) -> JSON {
            skipSpace()
            switch next {
            case UInt8(ascii: "{"): return try nested { p throws(JSONError) in try p.object() }
            case UInt8(ascii: "["): return try nested { p throws(JSONError) in try p.array() }
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case UInt8(ascii: "n"): return try word("null", .null)
            case nil: throw failure("the text ends where a value was expected")
            case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
                return try number()
            default: throw failure("no value begins")
            }
        }

        private mutating func nested(
            _ body: (inout Parser) throws(JSONError) -> JSON
        ) throws(JSONError) -> JSON {
            guard depth < JSON.deepest else {
                throw failure("more than \(JSON.deepest) arrays and objects are nested")
            }
            depth += 1
            index += 1
            let value = try body(&self)
            depth -= 1
            return value
        }

        private mutating func word(_ text: String, _ value: JSON) throws(JSONError) -> JSON {
            guard bytes[index...].starts(with: text.utf8) else { throw failure("no value begins") }
            index += text.utf8.count
            return value
        }

        private mutating func array() throws(JSONError) -> JSON {
            var values: [JSON] = []
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(values) }
            while true {
                values.append(try value())
                skipSpace()
                if take(UInt8(ascii: "]")) { return .array(values) }
                guard take(UInt8(ascii: ",")) else { throw failure("`,` or `]` is missing") }
            }
        }

        private mutating func object() throws(JSONError) -> JSON {
            var members: [Member] = []
            var names: Set<String> = []
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            while true {
                skipSpace()
                guard next == UInt8(ascii: "\"") else { throw failure("a name is missing") }
                let name = try string()
                guard names.insert(name).inserted else {
                    throw failure("the name \(JSON.quoted(String(name.prefix(40)))) is there twice")
                }
                skipSpace()
                guard take(UInt8(ascii: ":")) else { throw failure("`:` is missing") }
                members.append(Member(name, try value()))
                skipSpace()
                if take(UInt8(ascii: "}")) { return .object(members) }
                guard take(UInt8(ascii: ",")) else { throw failure("`,` or `}` is missing") }
            }
        }

        // MARK: Numbers

        private mutating func digits() -> Int {
            let start = index
            while let byte = next, byte >= 0x30 && byte <= 0x39 { index += 1 }
            return index - start
        }

        private mutating func number() throws(JSONError) -> JSON {
            let start = index
            _ = take(UInt8(ascii: "-"))
            let first = next
            let count = digits()
            guard count > 0 && (count == 1 || first != UInt8(ascii: "0")) else {
                throw failure("a number has no digits or begins with 0")
            }
            var isInteger = true
            if take(UInt8(ascii: ".")) {
                isInteger = false
                guard digits() > 0 else { throw failure("a number ends with its point") }
            }
            if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
                isInteger = false
                if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
                guard digits() > 0 else { throw failure("a number ends with its exponent") }
            }
            let text = String(decoding: bytes[start..<index], as: UTF8.self)
            if isInteger {
                let range = Int128(Int64.min)...Int128(UInt64.max)
                guard let value = Int128(text), range.contains(value) else {
                    throw failure("a number is too large")
                }
                return .integer(value)
            }
            guard let value = Double(text), value.isFinite else {
                throw failure("a number is too large")
            }
            return .real(value)
        }

        // MARK: Strings

        private mutating func string() throws(JSONError) -> String {
            index += 1
            var content: [UInt8] = []
            while let byte = next {
                switch byte {
                case UInt8(ascii: "\""):
                    index += 1
                    guard let text = String(validating: content, as: UTF8.self) else {
                        throw failure("a string is not UTF-8")
                    }
                    return text
                case UInt8(ascii: "\\"):
                    index += 1
                    content += try escape()
                case 0..<0x20: throw failure("a string has a raw control character")
                default:
                    content.append(byte)
                    index += 1
                }
            }
            throw failure("a string does not end")
        }

        private mutating func escape() throws(JSONError) -> [UInt8] {
            guard let byte = next else { throw failure("a string does not end") }
            index += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
            case UInt8(ascii: "b"): return [0x08]
            case UInt8(ascii: "f"): return [0x0C]
            case UInt8(ascii: "n"): return [0x0A]
            case UInt8(ascii: "r"): return [0x0D]
            case UInt8(ascii: "t"): return [0x09]
            case UInt8(ascii: "u"): return try scalar()
            default: throw failure("a string has an unknown escape")
            }
        }

        private mutating func scalar() throws(JSONError) -> [UInt8] {
            var value = try unit()
            if (0xD800..<0xDC00).contains(value) {
                guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
                    throw failure("a string has half a surrogate pair")
                }
                let low = try unit()
                guard (0xDC00..<0xE000).contains(low) else {
                    throw failure("a string has half a surrogate pair")
                }
                value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(value) else {
                throw failure("a string has half a surrogate pair")
            }
            return Array(String(scalar).utf8)
        }

        private mutating func unit() throws(JSONError) -> UInt32 {
            var value: UInt32 = 0
            for _ in 0..<4 {
                guard let byte = next, let digit = Self.digit(byte) else {
                    throw failure("`\\u` needs four hexadecimal digits")
                }
                value = value << 4 | digit
                index += 1
            }
            return value
        }

        private static func digit(_ byte: UInt8) -> UInt32? {
            switch byte {
            case 0x30...0x39: UInt32(byte - 0x30)
            case 0x61...0x66: UInt32(byte - 0x61 + 10)
            case 0x41...0x46: UInt32(byte - 0x41 + 10)
            default: nil
            }
        }
    }
}
