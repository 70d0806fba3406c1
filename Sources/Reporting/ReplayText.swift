import Basics
import Campaign
import Oracles
import PowerLoss

/// A finding that is replayed, told to a person.
package struct ReplayText {
    private let file: FindingFile
    private let replay: Replay

    package init(_ file: FindingFile, _ replay: Replay) {
        self.file = file
        self.replay = replay
    }

    /// What is applied again.
    package var plan: String {
        let records = replay.storage.lastCrashPoint
        var lines = [
            "\(file.workload): \(file.kind.rawValue) under \(file.model)/\(file.stack)",
            "  \(end) after record \(grouped(replay.crashPoint)) of \(grouped(records))",
        ]
        if let failed = replay.failedSync { lines.append("  before that, \(failed.words)") }
        lines += replay.lost.map { "  \($0.words)" }
        for loss in replay.again {
            lines.append(
                "  the power goes again after record \(loss.crashPoint) of \(loss.records) of the recovery"
            )
            lines += loss.lost.map { "  \($0.words)" }
        }
        if replay.lost.isEmpty && replay.again.isEmpty { lines.append("  nothing is lost") }
        return lines.map { Escaped.line($0) + "\n" }.joined()
    }

    private var end: String {
        switch file.ending {
        case .powerLoss: "the power goes"
        case .kernelPanic: "the kernel stops"
        case .processKill: "the process ends"
        case .pageEviction: "the process ends, and clean pages leave the cache,"
        }
    }

    /// That the programs are others than those of the recorded run.
    package static func changed(_ change: String) -> String {
        "  \(Escaped.line(change)). This is the run as it was recorded then, recovered by the programs "
            + "as they are now; `perjury run` records the present ones.\n"
    }

    /// What came of it.
    ///
    /// - Parameters:
    ///   - tries: how often the store was started.
    ///   - isChanged: its programs are others than those of the recorded run.
    package func outcome(_ outcome: Replay.Outcome, tries: Int, isChanged: Bool) -> String {
        var text =
            "  acknowledged by then: \(grouped(outcome.acknowledged)); seen of them: "
            + "\(grouped(outcome.seen))\n"
        for violation in outcome.violations {
            text += "  \(violation.kind.rawValue): \(Escaped.line(violation.summary))\n"
        }
        let log = String(decoding: outcome.observation.log.suffix(4096), as: UTF8.self)
        for line in Escaped.lines(log).suffix(12) { text += "    | \(line)\n" }
        return text + end(outcome, tries: tries, isChanged: isChanged)
    }

    private func end(_ outcome: Replay.Outcome, tries: Int, isChanged: Bool) -> String {
        if outcome.shows(file.kind) {
            let old = isChanged ? ", in the run that was recorded before the change" : ""
            return "The finding shows again\(tries > 1 ? ", at try \(tries)" : "")\(old).\n"
        }
        if let shortfall = outcome.observation.shortfall {
            return "Inconclusive: \(Escaped.line(shortfall))\n"
        }
        let times = tries > 1 ? " in \(tries) tries" : ""
        return "The finding does not show: no \(file.kind.rawValue)\(times).\n"
    }
}
