import PowerLoss
import TestSupport
import Testing

/// The parts of docs/models.md that are made from the rules and from what tests say of them.
@Suite("The tables of docs/models.md", .serialized)
struct ModelDocumentTests {
    private static let columns: [PersistenceModel] = [
        .posix, .ext4Ordered, .xfs, .btrfs, .inOrder, .dataOnly,
    ]

    @Test(
        "they are what the rules and the tests say; `make documents` writes them",
        arguments: [
            Part(name: "universal rules", text: universal), Part(name: "rules", text: rules),
            Part(name: "other models", text: others), Part(name: "sources", text: sources),
            Part(name: "a model of one's own", text: example),
        ])
    func parts(part: Part) throws {
        let document = MadeDocument("docs/models.md")
        let written = try #require(try document.part(part.name, made: part.text))
        for (line, other) in zip(part.text.split(separator: "\n"), written.split(separator: "\n")) {
            #expect(line == other)
        }
        #expect(part.text == written)
    }

    struct Part: CustomTestStringConvertible, Sendable {
        let name: String
        let text: String

        var testDescription: String { name }
    }

    @Test("every model that is built in has its row in the first table")
    func models() throws {
        let text = String(
            decoding: try FileBytes.read(MadeDocument("docs/models.md").path), as: UTF8.self)
        for model in PersistenceModel.all { #expect(text.contains("\n| `\(model.name)` | ")) }
    }

    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        func line(_ cells: [String]) -> String {
            "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
        }
        return line(head) + "|" + String(repeating: "---|", count: head.count) + "\n"
            + rows.map(line).joined()
    }

    private static func title(_ rule: PersistenceModel.Rule) -> String {
        rule.number.isEmpty ? "`\(rule.key)`" : "\(rule.number) `\(rule.key)`"
    }

    private static func tests(_ name: String) -> String {
        let rows = LitmusTests.rows.filter { $0.rules.contains(name) }.map { "\"\($0.name)\"" }
        let suites = RuleTableTests.suites.filter { $0.rules.contains(name) }.map { "`\($0.name)`" }
        return (rows + suites).joined(separator: "; ")
    }

    private static let universal = table(
        ["rule", "it says", "source", "rows of `Litmus`"],
        UniversalRule.table.map { [$0.number, $0.sentence, $0.source, tests($0.number)] })

    private static let rules = table(
        ["rule", "it says"] + columns.map { "`\($0.name)`" },
        PersistenceModel.table.map { rule in
            [title(rule), rule.sentence] + columns.map { rule.words(in: $0.rules) }
        })

    private static let sources = table(
        ["rule", "source", "rows of `Litmus`, and suites"],
        PersistenceModel.table.map { [title($0), $0.source, tests($0.key)] })

    /// The other models by what they answer otherwise than the most similar of `columns`.
    private static let others: String = {
        let named = columns.map(\.name)
        return table(
            ["model", "as", "but"],
            PersistenceModel.all.filter { !named.contains($0.name) }.map { model in
                let near = columns.min {
                    differences(model, $0).count < differences(model, $1).count
                }!
                let parts = differences(model, near).map {
                    "\(title($0)): \($0.words(in: model.rules))"
                }
                return ["`\(model.name)`", "`\(near.name)`", parts.joined(separator: "; ")]
            })
    }()

    private static func differences(
        _ model: PersistenceModel, _ other: PersistenceModel
    ) -> [PersistenceModel.Rule] {
        PersistenceModel.table.filter { $0.value(in: model.rules) != $0.value(in: other.rules) }
    }

    /// A file with every key there is; what it changes of its base comes first.
    private static let example: String = {
        let base = PersistenceModel.xfs
        let changes = [("fsync-covers-names", "none"), ("growth-needs-data", "never")]
        func line(_ key: String, _ value: String, _ comment: String) -> String {
            let text = "\(key): \(value)"
            return text + String(repeating: " ", count: max(1, 42 - text.count)) + "# \(comment)\n"
        }
        func values(_ rule: PersistenceModel.Rule) -> String { rule.values.joined(separator: ", ") }
        var text = """
            ```yaml
            name: xfs-careless
            about: XFS, if fsync covered no names

            """
        text += line("base", base.name, "a built-in model; a rule that is not named is as there")
        for (key, value) in changes {
            let rule = PersistenceModel.table.first { $0.key == key }!
            text += line(key, value, "\(values(rule)); \(base.name): \(rule.value(in: base.rules))")
        }
        text += "# The others, as \(base.name) has them:\n"
        for rule in PersistenceModel.table where !changes.contains(where: { $0.0 == rule.key }) {
            text += line(rule.key, rule.value(in: base.rules), values(rule))
        }
        return text + "```\n"
    }()
}
