import FuseMount
import Oracles
import Recording
import TestSupport
import Testing
import Workloads

/// Lists of words that a document repeats for people: none is forgotten. What a word means is not looked at.
@Suite("What the documents have to name")
struct DocumentedTests {
    /// The text below a heading, up to the next one of its rank or above; all for nil.
    private static func text(_ document: String, _ heading: String? = nil) throws -> Substring {
        let all = String(decoding: try FileBytes.read(MadeDocument(document).path), as: UTF8.self)
        guard let heading else { return all[...] }
        let start = try #require(all.firstRange(of: "\n\(heading)\n")).upperBound
        let rank = heading.prefix { $0 == "#" }
        let rest = all[start...]
        let ends = (1...rank.count).compactMap {
            rest.firstRange(of: "\n\(String(repeating: "#", count: $0)) ")?.lowerBound
        }
        return rest[..<(ends.min() ?? rest.endIndex)]
    }

    @Test("docs/workloads.md has a row for each key of workload.yaml")
    func keys() throws {
        let table = try Self.text("docs/workloads.md", "## workload.yaml")
        for key in WorkloadFile.keys { #expect(table.contains("\n| `\(key)` | "), "\(key)") }
    }

    @Test("docs/workloads.md and docs/formats.md name each kind of violation")
    func kinds() throws {
        let expectations = try Self.text("docs/workloads.md", "### Expectations")
        let finding = try Self.text("docs/formats.md", "## Finding (version 1)")
        for kind in ViolationKind.allCases {
            #expect(expectations.contains("`\(kind.rawValue)`"), "\(kind)")
            #expect(finding.contains("`\(kind.rawValue)`"), "\(kind)")
        }
    }

    @Test("docs/workloads.md has each fault, and when it may come")
    func faults() throws {
        let section = try Self.text("docs/workloads.md", "### Faults")
        for word in FaultWords.effects { #expect(section.contains("`\(word)"), "\(word)") }
        for word in FaultWords.occurrences { #expect(section.contains("`\(word)"), "\(word)") }
    }

    @Test("docs/mount.md names the groups of operations, and single ones as examples")
    func operations() throws {
        let section = try Self.text("docs/mount.md", "## Commands")
        let kinds = OperationKind.allCases.map(\.rawValue)
        for word in OperationSet.words where !kinds.contains(word) {
            #expect(section.contains("`\(word)`"), "\(word)")
        }
    }
}
