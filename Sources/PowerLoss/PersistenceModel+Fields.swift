// A model written down: the rules of a built-in one, and those that differ, by the keys of `table`.

extension PersistenceModel {
    package static var keys: [String] { ["base", "about"] + table.map(\.key) }

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
        for field in rules.fields where !["about", "base"].contains(field.key) {
            guard let rule = Self.table.first(where: { $0.key == field.key }) else {
                throw RuleFieldError(field.key, "unknown key `\(field.key)`")
            }
            try rule.set(field.value, in: &changed)
        }
        self.init(name: name, about: about, rules: changed, base: base)
    }

    /// Every rule, those with answers of their own first: the order in which findings have them.
    package var fields: RuleFields {
        let ordered = Self.table.filter { !$0.isGuarantee } + Self.table.filter(\.isGuarantee)
        return RuleFields(
            [.init("base", base ?? name), .init("about", about)]
                + ordered.map { .init($0.key, $0.value(in: rules)) })
    }
}
