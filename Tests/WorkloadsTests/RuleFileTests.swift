import PowerLoss
import TestSupport
import Testing
import Workloads

@Suite("Stacks and models from files")
struct RuleFileTests {
    /// The examples of docs/models.md, as somebody copies them.
    private static func examples() throws -> [String] {
        let path = MadeDocument("docs/models.md").path
        let text = String(decoding: try FileBytes.read(path), as: UTF8.self)
        return text.split(separator: "```yaml\n").dropFirst().map {
            String($0[..<$0.firstRange(of: "```")!.lowerBound])
        }
    }

    @Test("the examples of docs/models.md are read, and have every key")
    func documented() throws {
        let examples = try Self.examples()
        try #require(examples.count == 2)

        let stack = try RuleFile.stack(Array(examples[0].utf8), path: "stack.yaml")
        let model = try RuleFile.model(Array(examples[1].utf8), path: "model.yaml")

        #expect(stack.name == "my-array" && stack.tears == .clean)
        #expect(model.name == "xfs-careless" && model.base == "xfs")
        #expect(model.fields["fsync-covers-names"] == "none")
        for key in Stack.keys { #expect(examples[0].contains("\(key): "), "\(key)") }
        for key in PersistenceModel.keys { #expect(examples[1].contains("\(key): "), "\(key)") }
    }
}
