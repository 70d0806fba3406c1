import Glibc
import Oracles
import PowerLoss
import TestSupport
import Testing
import Workloads

/// What the catalogue expects, told once: `expect:` of each workload.yaml. The tables of Workloads/README.md are made
/// from it.
@Suite("The tables of Workloads/README.md", .serialized)
struct ExpectationTableTests {
    @Test("they are what the workloads say; `make documents` writes them", arguments: Kind.allCases)
    func tables(kind: Kind) throws {
        let text = try Self.table(of: kind)
        let document = MadeDocument("Workloads/README.md")
        let written = try #require(try document.part(kind.rawValue, made: text))
        for (line, other) in zip(text.split(separator: "\n"), written.split(separator: "\n")) {
            #expect(line == other)
        }
        #expect(text == written)
    }

    enum Kind: String, CaseIterable {
        case software = "real software"
        case servers, toys, stacks

        func has(_ workload: Workload) -> Bool {
            let isToy = workload.name.hasPrefix("toy-")
            let isLesson = workload.name.hasPrefix("config-") || workload.name.hasPrefix("example-")
            let file = workload.file
            switch self {
            case .software: return !isToy && !isLesson && file.server == nil
            case .servers: return !isToy && !isLesson && file.server != nil
            case .toys: return isToy && !workload.name.hasSuffix("-fixed")
            case .stacks: return isToy && Kind.tells(file, of: Stack.all.dropFirst().map(\.name))
            }
        }

        private static func tells(_ file: WorkloadFile, of stacks: [String]) -> Bool {
            stacks.contains {
                file.under[$0] != nil || file.expect.specific["\(model)/\($0)"] != nil
            }
        }

        static let model = PersistenceModel.ext4Ordered.name

        var columns: [String] {
            switch self {
            case .software: ["posix", "ext4-ordered", "xfs", "btrfs", "data-only"]
            case .servers: ["ext4-ordered", "xfs", "btrfs"]
            case .toys: ["posix", "ext4-ordered", "xfs", "btrfs", "in-order", "data-only"]
            case .stacks: Stack.all.map(\.name)
            }
        }

        var head: [String] {
            switch self {
            case .software, .servers: ["workload", "promise"]
            case .toys: ["toy", "what it is"]
            case .stacks: ["toy"]
            }
        }
    }

    private static func table(of kind: Kind) throws -> String {
        let catalogue = try Catalogue(folder: #require(Catalogue.defaultFolder))
        let workloads = try catalogue.names.sorted().map { try catalogue.load($0) }
        let rows = workloads.filter(kind.has).map { workload in
            [link(workload)] + described(workload.file, kind)
                + kind.columns.map { cell(workload.file, kind, $0) }
        }
        let head = kind.head + kind.columns.map { "`\($0)`" }
        let lines =
            [head, head.map { _ in "---" }] + rows
        return lines.map { "| \($0.joined(separator: " | ")) |\n" }.joined()
    }

    private static func link(_ workload: Workload) -> String {
        let machines = workload.file.mounts.count
        return "[\(workload.name)](\(workload.name))"
            + (machines > 0 ? ", \(machines) machines" : "")
    }

    private static func described(_ file: WorkloadFile, _ kind: Kind) -> [String] {
        switch kind {
        case .software, .servers: return [file.promise.description]
        case .toys:
            let about = file.about.replacing(" (planted bug)", with: "")
            return [about.prefix(1).lowercased() + about.dropFirst()]
        case .stacks: return []
        }
    }

    /// Of a lying stack a workload says either what comes out, or what it promises there.
    private static func cell(_ file: WorkloadFile, _ kind: Kind, _ column: String) -> String {
        guard kind == .stacks else { return words(file.expect.outcome(model: column)) }
        if column == Oracles.Expectation.honestStack {
            return words(file.expect.outcome(model: Kind.model))
        }
        let outcome = file.expect.specific["\(Kind.model)/\(column)"]
        guard let promise = file.under[column], (outcome ?? .holds) == .holds else {
            return words(outcome)
        }
        return promise == file.promise ? "holds" : "holds \(promise)"
    }

    private static func words(_ outcome: Oracles.Expectation.Outcome?) -> String {
        switch outcome {
        case nil: ""
        case .holds: "holds"
        case .violates([]): "**violates**"
        case .violates(let kinds): "**\(kinds.map(\.rawValue).joined(separator: " "))**"
        }
    }
}
