import Basics
import Campaign
import Oracles

/// The version that `--version` and every report name.
package let perjuryVersion = "0.1.0"

/// Everything that one call of the command found out: what all reports are drawn from.
package struct CampaignReport: Sendable {
    package var seed: UInt64
    /// What ended the runs: a word of `Ending`.
    package var ending: String
    /// In words: `20 s a workload`, `5,000 states a workload`.
    package var budget: String
    /// Asked for by name; empty where each workload has its own.
    package var models: [String]
    package var stacks: [String]
    /// Findings lie below it; as the person typed it.
    package var outputFolder: String
    package var workloads: [WorkloadReport] = []
    /// Those of the catalogue that nobody named, and that this machine lacks something for.
    package var skipped: [Skipped] = []
    /// Someone ended it before its end.
    package var isInterrupted = false
    package var seconds = 0.0

    package init(
        seed: UInt64, ending: String, budget: String, models: [String], stacks: [String],
        outputFolder: String
    ) {
        self.seed = seed
        self.ending = ending
        self.budget = budget
        self.models = models
        self.stacks = stacks
        self.outputFolder = outputFolder
    }

    package struct Skipped: Sendable {
        package let name: String
        package let reason: String

        package init(name: String, reason: String) {
            self.name = name
            self.reason = reason
        }
    }

    /// How the command is to exit.
    package var exitStatus: ExitStatus {
        if isInterrupted { return .interrupted }
        let all = workloads.map(\.outcome)
        if all.contains(.unexpected) { return .unexpected }
        return all.contains(.inconclusive) || workloads.isEmpty ? .inconclusive : .asExpected
    }

    /// The command that repeats a finding.
    package func replayCommand(_ finding: Finding) -> String? {
        finding.path.map { path in
            let file = outputFolder.isEmpty ? path : "\(outputFolder)/\(path)"
            return "perjury replay \(Escaped.shell(file))"
        }
    }
}

/// What the exit status of the command says.
package enum ExitStatus: Int32, Sendable, CaseIterable {
    case asExpected = 0
    case unexpected = 1
    case inconclusive = 2
    case usage = 64
    case unavailable = 69
    case interrupted = 130

    package var meaning: String {
        switch self {
        case .asExpected: "every workload came out as it expects"
        case .unexpected:
            "a violation that was not expected, or an expected one that was not found"
        case .inconclusive: "something could not be found out"
        case .usage: "the command was not understood"
        case .unavailable: "the machine lacks something; `perjury doctor` says what"
        case .interrupted: "interrupted; what was found until then is reported"
        }
    }
}

/// Why something ends without a result, and with which status a command exits then.
package struct Failure: Error, CustomStringConvertible {
    package let status: ExitStatus
    package let sentence: String

    package var description: String { sentence }

    package init(_ status: ExitStatus, _ sentence: String) {
        self.status = status
        self.sentence = sentence
    }
}

/// How a workload, or one model of it, came out beside what was expected of it.
package enum ComparedOutcome: Sendable {
    case asExpected
    case unexpected
    case inconclusive
}

extension ModelReport {
    /// `ext4-ordered`, or `ext4-ordered/torn-4096` where the stack is not the honest one.
    package var target: String { Reporting.target(model, stack) }

    package var outcome: ComparedOutcome {
        if case .inconclusive = verdict { return .inconclusive }
        return isExpected ? .asExpected : .unexpected
    }

    /// `holds` where the workload says nothing.
    var expected: Expectation.Outcome { expectation ?? .holds }
}

extension WorkloadReport {
    package var outcome: ComparedOutcome {
        let all = models.map(\.outcome)
        if all.contains(.unexpected) { return .unexpected }
        return inconclusive != nil || all.contains(.inconclusive) || all.isEmpty
            ? .inconclusive : .asExpected
    }
}

func target(_ model: String, _ stack: String) -> String {
    stack == Expectation.honestStack ? model : "\(model)/\(stack)"
}

extension Verdict {
    /// Its first word.
    var word: String {
        switch self {
        case .holds: "holds"
        case .violated: "violated"
        case .inconclusive: "inconclusive"
        }
    }

    var reason: String? {
        if case .inconclusive(let reason) = self { return reason }
        return nil
    }
}
