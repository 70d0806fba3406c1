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

/// A word of a fixed list.
private func choice<Value: RawRepresentable & CaseIterable>(
    _ field: RuleFields.Field, _ type: Value.Type
) throws(RuleFieldError) -> Value where Value.RawValue == String {
    if let value = type.allCases.first(where: { hyphenated($0.rawValue) == field.value }) {
        return value
    }
    let words = type.allCases.map { hyphenated($0.rawValue) }.joined(separator: ", ")
    throw RuleFieldError(field.key, "`\(field.key)` is one of \(words), not `\(field.value)`")
}

private func hyphenated(_ words: String) -> String {
    words.split(separator: " ").joined(separator: "-")
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
            case "ignores": ignores = try choice(field, Ignored.self)
            case "loses": losesInOrder = try choice(field, Loses.self) == .inOrder
            case "tears": tears = try choice(field, Tears.self)
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

// MARK: Models

extension PersistenceModel {
    private static var guarantees: [(key: String, path: WritableKeyPath<Rules, Guarantee>)] {
        [
            ("metadata-in-order", \.metadataInOrder), ("rename-is-atomic", \.renameIsAtomic),
            ("data-in-order", \.dataInOrder), ("data-brings-metadata", \.dataBringsMetadata),
            ("growth-needs-data", \.growthNeedsData),
            ("growth-needs-new-blocks", \.growthNeedsNewBlocks),
            ("new-blocks-are-whole", \.newBlocksAreWhole),
            ("data-needs-zeroed-range", \.dataNeedsZeroedRange),
            ("names-are-durable-at-once", \.namesAreDurableAtOnce),
            ("everything-in-order", \.everythingInOrder),
            ("fdatasync-covers-attributes", \.sync.dataSyncCoversAttributes),
            ("fdatasync-covers-names", \.sync.dataSyncCoversNames),
            ("directory-sync-covers-all", \.sync.anyDirectoryCoversAll),
            ("sync-closes-order", \.sync.closesOrder), ("sync-covers-all", \.sync.coversAll),
        ]
    }

    package static var keys: [String] {
        ["base", "about", "tail-zeroing", "tearing", "replacement-needs", "lost-blocks-read"]
            + ["fsync-covers-names", "failed-sync", "o-sync-covers-allocation"]
            + guarantees.map(\.key)
    }

    /// The rules of `base`, which is built in, changed as the fields say.
    package init(name: String, _ rules: RuleFields) throws(RuleFieldError) {
        guard let about = rules["about"] else {
            throw RuleFieldError("", "`about` is missing: what the model is, in a sentence")
        }
        let names = Self.all.map(\.name).joined(separator: ", ")
        guard let base = rules["base"] else {
            throw RuleFieldError("", "`base` is missing: the model that it changes, of \(names)")
        }
        guard let model = Self.named(base) else {
            throw RuleFieldError("base", "`base` is one of \(names), not `\(base)`")
        }
        var changed = model.rules
        for field in rules.fields {
            switch field.key {
            case "about", "base": break
            case "tail-zeroing": changed.tailZeroing = try choice(field, TailZeroing.self)
            case "tearing": changed.tearing = try choice(field, Tearing.self)
            case "replacement-needs":
                changed.replacementNeeds = try choice(field, ReplacementNeeds.self)
            case "lost-blocks-read":
                changed.lostBlocksRead = try choice(field, LostBlocks.self)
            case "fsync-covers-names":
                changed.sync.fileNames = try choice(field, FileNames.self)
            case "o-sync-covers-allocation":
                changed.sync.synchronousAllocation = try choice(field, SynchronousAllocation.self)
            case "failed-sync": changed.failedSync = try choice(field, FailedSync.self)
            default:
                guard let rule = Self.guarantees.first(where: { $0.key == field.key }) else {
                    throw RuleFieldError(field.key, "unknown key `\(field.key)`")
                }
                changed[keyPath: rule.path] = try choice(field, Guarantee.self)
            }
        }
        self.init(name: name, about: about, rules: changed, base: base)
    }

    package var fields: RuleFields {
        RuleFields(
            [
                .init("base", base ?? name), .init("about", about),
                .init("tail-zeroing", hyphenated(rules.tailZeroing.rawValue)),
                .init("tearing", hyphenated(rules.tearing.rawValue)),
                .init("replacement-needs", rules.replacementNeeds.rawValue),
                .init("lost-blocks-read", hyphenated(rules.lostBlocksRead.rawValue)),
                .init("fsync-covers-names", rules.sync.fileNames.rawValue),
                .init("failed-sync", hyphenated(rules.failedSync.rawValue)),
                .init("o-sync-covers-allocation", rules.sync.synchronousAllocation.rawValue),
            ] + Self.guarantees.map { .init($0.key, rules[keyPath: $0.path].rawValue) })
    }
}
