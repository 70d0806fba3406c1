import Basics
import Campaign

/// What a person who waits sees on stderr: one line that is drawn again and again on a terminal, elsewhere a plain line
/// from time to time. It only makes texts; the caller writes them and tells the time.
package struct ProgressLine: Sendable {
    private let isTerminal: Bool
    private let width: Int
    /// How many workloads there are.
    private let total: Int
    private var finished = 0
    private var last: Double?
    private var isDrawn = false

    /// Seconds between two texts.
    private var pause: Double { isTerminal ? 0.1 : 2 }

    package init(isTerminal: Bool, width: Int, total: Int) {
        self.isTerminal = isTerminal
        self.width = max(20, width)
        self.total = total
    }

    /// The text to write, if it is time for one.
    ///
    /// - Parameter now: seconds of a monotonic clock.
    package mutating func update(
        workload: String, phase: String, planned: Int, observed: Int, findings: Int, now: Double
    ) -> String? {
        if let last, now - last < pause { return nil }
        last = now
        var line = "[\(finished + 1)/\(total)] \(Escaped.line(workload)): \(Escaped.line(phase))"
        if planned > 0 {
            line +=
                ", \(counted(planned, "state")), \(counted(observed, "observation")), "
                + counted(findings, "finding")
        }
        guard isTerminal else { return line + "\n" }
        isDrawn = true
        return "\r\u{1B}[K" + line.prefix(width - 1)
    }

    package mutating func update(_ progress: Campaign.Progress, now: Double) -> String? {
        update(
            workload: progress.workload, phase: progress.phase, planned: progress.planned,
            observed: progress.observed, findings: progress.findings, now: now)
    }

    /// A workload is done: its outcome, in a line that stays.
    package mutating func finish(_ report: WorkloadReport) -> String {
        finished += 1
        let outcome =
            switch report.outcome {
            case .asExpected: "as expected"
            case .unexpected: "NOT AS EXPECTED"
            case .inconclusive: "inconclusive"
            }
        let states = report.models.reduce(0) { $0 + $1.statesPlanned }
        return clear()
            + "[\(finished)/\(total)] \(Escaped.line(report.name)): \(outcome), "
            + "\(counted(states, "state")), \(counted(report.findings.count, "finding"))\n"
    }

    /// Takes the drawn line away.
    package mutating func clear() -> String {
        defer { isDrawn = false }
        return isDrawn ? "\r\u{1B}[K" : ""
    }
}
