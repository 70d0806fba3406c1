import Reporting

/// What was found out about a store. Its description is the report that `perjury run` prints.
public struct Report: Sendable, CustomStringConvertible {
    private let campaign: CampaignReport

    init(_ campaign: CampaignReport) { self.campaign = campaign }

    /// Of all models and stacks together: violated where any of them is, else inconclusive where any is. What the `workload.yaml`
    /// expects is no part of it.
    public var verdict: Verdict { Verdict(campaign.workloads[0].verdict) }

    /// Of one model and stack; nil where it was not explored, or where no promise can be kept on the stack.
    public func verdict(under model: Model, on stack: Stack = .honest) -> Verdict? {
        campaign.workloads[0].models
            .first { $0.model == model.description && $0.stack == stack.description }?
            .verdict.map(Verdict.init)
    }

    /// Different ways in which the promise is broken, each with the smallest power loss that shows it.
    public var findings: [Finding] {
        campaign.workloads[0].findings.map { finding in
            // The file has the words.
            let file = FindingFile(
                finding, workload: "", folder: "", recording: "", seed: campaign.seed,
                ownModel: nil, ownStack: nil)
            return Finding(file, finding.name, replay: campaign.replayCommand(finding))
        }
    }

    /// Whether it came out as the store's `workload.yaml` says under `expect` and `known`; without one, whether it holds.
    public var isExpected: Bool { campaign.exitStatus == .asExpected }

    /// Crash states that were tried, of all models and stacks together; the same one may be among them more than once.
    public var stateCount: Int { campaign.workloads[0].models.reduce(0) { $0 + $1.statesPlanned } }

    public var description: String { TextReport(campaign).text }

    /// As `perjury run --json` writes it; `docs/formats.md` describes it.
    public var json: String { JSONReport(campaign).text }
}

/// One way in which a promise is broken, with the smallest power loss that shows it.
public struct Finding: Sendable, CustomStringConvertible {
    public let violation: Violation
    /// The same cause has the same one in each run, as in `lost-commit-5c1f03aa`.
    public let fingerprint: String
    public let model: String
    public let stack: String
    /// What was promised, what was seen.
    public let summary: String
    /// What the power loss took that the store needed, in words.
    public let culprits: [String]
    /// The sync that is missing, and where; empty where none helps.
    public let advice: String
    /// Transactions acknowledged before the power loss, and how many of them were there after it.
    public let acknowledged: Int
    public let seen: Int
    /// The command that shows it again; nil where it was not kept.
    public let replayCommand: String?

    init(_ file: FindingFile, _ name: String, replay: String?) {
        violation = Violation(rawValue: file.kind.rawValue)!
        fingerprint = name
        model = file.model
        stack = file.stack
        summary = file.story.summary
        culprits = file.story.lost
        advice = file.story.advice
        acknowledged = file.story.acknowledged
        seen = file.story.seen
        replayCommand = replay
    }

    public var description: String {
        (["\(fingerprint) under \(model)" + (stack == "honest" ? "" : " on \(stack)"), summary]
            + culprits + [advice, replayCommand ?? ""])
            .filter { !$0.isEmpty }.joined(separator: "\n  ")
    }
}
