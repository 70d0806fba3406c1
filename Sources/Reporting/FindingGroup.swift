import Campaign
import Oracles

/// Findings of one workload that show the same, under one or several models: told once.
struct FindingGroup {
    /// The first of them, which is shown.
    let finding: Finding
    let isExpected: Bool
    /// Under which models and stacks it came out, in the order of the report.
    private(set) var targets: [String]
    /// States that showed it, of all targets.
    private(set) var count: Int

    /// Groups by cause, and by expected or not.
    static func groups(of report: WorkloadReport) -> [FindingGroup] {
        var groups: [FindingGroup] = []
        var places: [String: Int] = [:]
        for finding in report.findings {
            let key =
                "\(finding.name) \(finding.isExpected) "
                + (finding.cause == nil ? pattern(finding.lost.joined(separator: "\n")) : "")
            let target = target(finding.model, finding.stack)
            if let place = places[key] {
                groups[place].count += finding.count
                if !groups[place].targets.contains(target) { groups[place].targets.append(target) }
            } else {
                places[key] = groups.count
                groups.append(
                    FindingGroup(
                        finding: finding, isExpected: finding.isExpected, targets: [target],
                        count: finding.count))
            }
        }
        return groups
    }

    /// Expected groups to show so that each kind under each model is there once, and how many are left out.
    static func telling(_ groups: [FindingGroup]) -> (shown: [FindingGroup], left: Int) {
        var covered: Set<String> = []
        var shown: [FindingGroup] = []
        for group in groups {
            let cells = Set(group.targets.map { "\(group.finding.kind.rawValue) \($0)" })
            if cells.isSubset(of: covered) { continue }
            covered.formUnion(cells)
            shown.append(group)
        }
        return (shown, groups.count - shown.count)
    }

    /// Runs of digits become `#`.
    private static func pattern(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            let isDigit = (0x30...0x39).contains(byte)
            if !isDigit {
                result.append(byte)
            } else if result.last != 0 {
                result.append(0)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
