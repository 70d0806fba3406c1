import Campaign
import Recording

extension Step {
    /// `#5 create CURRENT`
    package var words: String { "#\(record) \(call)" }

    /// `#5 (create CURRENT)`, within a sentence.
    var inPassing: String { "#\(record) (\(call))" }
}

extension Culprit {
    /// `#1 write log [0, 9): lost data, size`
    package var words: String {
        switch self {
        case .lost(let step, let parts, let failedSync):
            "\(step.words): lost \(parts.map(\.words).sorted().joined(separator: ", "))"
                + (failedSync.map { ", which the sync at #\($0) failed to store" } ?? "")
        case .torn(let step, let tear): "\(step.words): torn, \(tear.words)"
        case .staleBlocks: "new blocks whose data was lost show what they held before"
        case .injected(let effect, let step, let times):
            "\(step.words): \(effect), which was injected"
                + (times > 1 ? " (the first of \(times) injected faults)" : "")
        }
    }
}

extension Culprit.Part {
    /// `data [4096, 8192)`, `size`, `the name`: without a range where all of the record is lost.
    fileprivate var words: String {
        switch self {
        case .birth: "its birth"
        case .data(let ranges): "data" + (ranges.map { " " + list($0) } ?? "")
        case .zeros(let ranges): "the zeros of " + list(ranges)
        case .hole: "the hole"
        case .size(let kept): "size" + (kept.map { " beyond \($0)" } ?? "")
        case .name: "the name"
        case .removal: "the removal of the name"
        case .attributes: "attributes"
        case .attribute(let name): "attribute \(name)"
        }
    }
}

extension Culprit.Tear {
    fileprivate var words: String {
        var text = "\(arrived) of \(of) unit\(of == 1 ? "" : "s") of \(unit) bytes arrived"
        if !missing.isEmpty { text += ", lost \(list(missing))" }
        if let damage {
            let own = damage.wasWritten ? "" : ", which it did not write,"
            text +=
                "; \(list(damage.ranges))\(own) became "
                + (damage.fill == .zero ? "zeros" : "garbage")
        }
        return text
    }
}

/// `[0, 512), [4096, 8192)`: no more than three.
private func list(_ ranges: [Range<UInt64>]) -> String {
    let shown = ranges.prefix(3).map { "[\($0.lowerBound), \($0.upperBound))" }
    let more = ranges.count - shown.count
    return shown.joined(separator: ", ") + (more > 0 ? " and \(more) more ranges" : "")
}

extension FailedSync {
    /// `the 2nd sync, fsync log at #7, failed with EIO; its pages count as clean since`
    package var words: String {
        let outcome = error.map { "failed with \($0)" } ?? "failed"
        let pages = failure.map { "; \($0.words)" } ?? ""
        return "the \(ordinal(number)) sync, \(step.call) at #\(step.record), \(outcome)\(pages)"
    }

    private func ordinal(_ number: Int) -> String {
        let isTeen = (11...13).contains(number % 100)
        let ending = isTeen ? "th" : [1: "st", 2: "nd", 3: "rd"][number % 10] ?? "th"
        return "\(number)\(ending)"
    }
}

extension SyncFailure {
    /// What it does to the pages.
    fileprivate var words: String {
        switch self {
        case .markedClean: "its pages count as clean since"
        case .evicted: "its pages were dropped from the cache at once"
        case .reportedLate: "it was answered with success, the next one reports it"
        case .reverted: "the file went back to what its last sync had stored"
        }
    }
}
