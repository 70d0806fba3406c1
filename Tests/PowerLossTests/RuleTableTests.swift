import PowerLoss
import Testing

@Suite("The table of rules")
struct RuleTableTests {
    /// Suites that are about rules beside the rows of `Litmus`, which name theirs.
    static let suites: [(name: String, rules: [String])] = [
        ("FailedSyncTests", FailedSyncTests.rules), ("SyncReachTests", SyncReachTests.rules),
        ("UniversalRuleTests", UniversalRuleTests.rules),
    ]

    @Test("every rule of the models is in the table, once")
    func complete() throws {
        let fields = Set(Self.leaves(PersistenceModel.posix.rules).keys)
        var found: [String] = []
        for rule in PersistenceModel.table {
            let changed = try Self.changes(of: rule)
            #expect(changed.count == 1, "\(rule.key) changes \(changed.sorted())")
            found += changed
        }
        #expect(Set(found) == fields)
        #expect(found.count == fields.count)
        #expect(Set(PersistenceModel.table.map(\.key)).count == fields.count)
    }

    /// The fields that differ between two answers to a rule.
    private static func changes(of rule: PersistenceModel.Rule) throws -> Set<String> {
        var changed: Set<String> = []
        var rules = PersistenceModel.posix.rules
        for value in rule.values {
            let before = leaves(rules)
            try rule.set(value, in: &rules)
            #expect(rule.value(in: rules) == value)
            for (name, text) in leaves(rules) where before[name] != text { changed.insert(name) }
        }
        return changed
    }

    /// The fields of a struct, and of the structs in it, as text.
    private static func leaves(_ value: Any, _ name: String = "") -> [String: String] {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .struct else { return [name: "\(value)"] }
        var found: [String: String] = [:]
        for (label, child) in mirror.children {
            found.merge(leaves(child, "\(name).\(label ?? "")")) { first, _ in first }
        }
        return found
    }

    // MARK: Tests of rules

    @Test("every rule is named by a test, and every name that a test says is a rule's")
    func named() {
        let rules = UniversalRule.table.map(\.number) + PersistenceModel.table.map(\.key)
        let named = LitmusTests.rows.flatMap(\.rules) + Self.suites.flatMap(\.rules)
        #expect(Set(rules) == Set(named))
    }

    @Test(
        "a row tells the answers to its rules apart",
        arguments: LitmusTests.rows.filter { !$0.rules.isEmpty })
    func sensitive(_ row: Litmus) throws {
        for rule in PersistenceModel.table where row.rules.contains(rule.key) {
            #expect(try Self.tells(row, rule), "\(rule.key)")
        }
    }

    /// Whether another answer to the rule allows other states after the row, under some model.
    private static func tells(_ row: Litmus, _ rule: PersistenceModel.Rule) throws -> Bool {
        for filesystem in Litmus.Filesystem.allCases {
            let model = filesystem.model
            let allowed = row.allowed(model, unit: 2048)
            for value in rule.values where value != rule.value(in: model.rules) {
                var rules = model.rules
                try rule.set(value, in: &rules)
                let other = PersistenceModel(name: "other", about: "", rules: rules)
                if row.allowed(other, unit: 2048) != allowed { return true }
            }
        }
        return false
    }

    // MARK: Written down

    @Test("findings have the rules in the order that they had from the first")
    func order() {
        #expect(
            PersistenceModel.xfs.fields.fields.map(\.key) == [
                "base", "about", "tail-zeroing", "tearing", "replacement-needs", "lost-blocks-read",
                "fsync-covers-names", "failed-sync", "o-sync-covers-allocation",
                "metadata-in-order", "rename-is-atomic", "data-in-order", "data-brings-metadata",
                "growth-needs-data", "growth-needs-new-blocks", "new-blocks-are-whole",
                "data-needs-zeroed-range", "names-are-durable-at-once", "everything-in-order",
                "fdatasync-covers-attributes", "fdatasync-covers-names",
                "directory-sync-covers-all", "sync-closes-order", "sync-covers-all",
            ])
    }

    @Test("a model is read back from its fields, and what cannot be is said")
    func fields() throws {
        for model in PersistenceModel.all {
            #expect(try PersistenceModel(name: "x", model.fields).rules == model.rules)
            #expect(Set(model.fields.fields.map(\.key)) == Set(PersistenceModel.keys))
        }
        for (key, value, sentence) in [
            ("tearing", "byte", "`tearing` is one of device-unit, block, not `byte`"),
            (
                "failed-sync", "x",
                "`failed-sync` is one of marks-clean, reports-late, reverts, not `x`"
            ),
            ("tearings", "block", "unknown key `tearings`"),
        ] {
            let fields: [RuleFields.Field] = [
                .init("about", "x"), .init("base", "xfs"), .init(key, value),
            ]
            let error = #expect(throws: RuleFieldError.self) {
                try PersistenceModel(name: "x", RuleFields(fields))
            }
            #expect(error?.description == sentence)
            #expect(error?.key == key)
        }
    }
}
