/// A stack or a model written down: one flat list of keys and words, the same in a file, in a finding and in the docs.
package struct RuleFields: Equatable, Sendable {
    package struct Field: Equatable, Sendable {
        package let key: String
        package let value: String

        package init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    package var fields: [Field]

    package init(_ fields: [Field]) {
        self.fields = fields
    }

    package subscript(key: String) -> String? { fields.first { $0.key == key }?.value }
}

/// What is wrong with one field; one sentence.
package struct RuleFieldError: Error, Equatable, CustomStringConvertible {
    /// Empty where something is missing.
    package let key: String
    package let description: String

    init(_ key: String, _ description: String) {
        self.key = key
        self.description = description
    }
}

extension RuleFields.Field {
    /// The value, which is a word of a fixed list.
    func choice<Value: RawRepresentable & CaseIterable>(
        of type: Value.Type
    ) throws(RuleFieldError) -> Value where Value.RawValue == String {
        if let value = type.allCases.first(where: { $0.rawValue.hyphenated == self.value }) {
            return value
        }
        let words = type.allCases.map(\.rawValue.hyphenated).joined(separator: ", ")
        throw RuleFieldError(key, "`\(key)` is one of \(words), not `\(self.value)`")
    }
}

extension String {
    /// As files write it: the words of a value with hyphens between them.
    var hyphenated: String { split(separator: " ").joined(separator: "-") }
}

// MARK: Stacks

extension Stack {
    package static let keys = [
        "about", "source", "atomic-unit", "atomic-write", "ignored-flushes", "ignores", "loses",
        "tears",
    ]

    private enum Loses: String, CaseIterable {
        case anyOrder = "any order"
        case inOrder = "in order"
    }

    /// Every field, those left out as `honest` has them.
    package init(name: String, _ rules: RuleFields) throws(RuleFieldError) {
        self.init(name: name, about: rules["about"] ?? "")
        guard rules["about"] != nil else {
            throw RuleFieldError("", "`about` is missing: what the stack is, in a sentence")
        }
        for field in rules.fields {
            switch field.key {
            case "about": break
            case "source": source = field.value
            case "atomic-unit":
                guard let unit = Int(field.value), Self.units.contains(unit) else {
                    throw RuleFieldError(
                        field.key, "`atomic-unit` is 512, 1024, 2048 or 4096 bytes")
                }
                atomicUnit = unit
            case "atomic-write":
                guard let size = Int(field.value), size == 0 || (4096...(1 << 20)).contains(size),
                    size & (size - 1) == 0
                else {
                    throw RuleFieldError(
                        field.key,
                        "`atomic-write` is 0 or a power of two from 4096 to 1048576 bytes")
                }
                atomicWrite = size
            case "ignored-flushes":
                guard let count = field.value == "all" ? Int.max : Int(field.value), count >= 0
                else {
                    throw RuleFieldError(field.key, "`ignored-flushes` is a number or `all`")
                }
                ignoredFlushes = count
            case "ignores": ignores = try field.choice(of: Ignored.self)
            case "loses": losesInOrder = try field.choice(of: Loses.self) == .inOrder
            case "tears": tears = try field.choice(of: Tears.self)
            default: throw RuleFieldError(field.key, "unknown key `\(field.key)`")
            }
        }
        if ignores == .commits, ignoredFlushes > 1 {
            throw RuleFieldError(
                "ignored-flushes",
                "of `commits` only the last can be lost: the next flush stores it; say 1")
        }
    }

    package var fields: RuleFields {
        RuleFields([
            .init("about", about), .init("source", source),
            .init("atomic-unit", "\(atomicUnit)"), .init("atomic-write", "\(atomicWrite)"),
            .init("ignored-flushes", ignoredFlushes == .max ? "all" : "\(ignoredFlushes)"),
            .init("ignores", ignores.rawValue),
            .init("loses", losesInOrder ? "in-order" : "any-order"),
            .init("tears", tears.rawValue),
        ])
    }
}
