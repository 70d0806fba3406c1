import Campaign
import PowerLoss

extension Note {
    /// One sentence, without a full stop; what a program printed follows `: ` and ends with a newline.
    package var words: String {
        switch self {
        case .text(let text): text
        case .observerSaid(let log): "the observer said: \(log)"
        case .endedEarly(let outcome): "run \(outcome); explored up to there"
        case .neverEnded(let names):
            "begun and never ended: \(names.prefix(3).joined(separator: ", "))"
                + (names.count > 3 ? " and \(names.count - 3) more" : "")
                + "; nothing is asked of them"
        case .machines(let names, let atOnce, let ending):
            "\(names.joined(separator: ", ")) are the mounts of machines of their own: "
                + Self.machines(ending, atOnce)
        case .recoveriesCut(let cut, let states, let isAll):
            "the power went again in \(cut) recover\(cut == 1 ? "y" : "ies"), which left "
                + "\(states) \(states == 1 ? "state" : "states")"
                + (isAll ? "" : "; the budget ended before the others")
        case .noRecoveryCut(let budgetEnded):
            "no power went again: "
                + (budgetEnded
                    ? "the budget had ended before"
                    : "no recovery that showed what it should changed anything")
        case .notSmallest: "time ran out while plans were shrunk: they may not be the smallest"
        case .notJudged(let reason, let more):
            "not every state could be judged: \(reason)" + (more > 0 ? " (and \(more) more)" : "")
        case .others(let kind, let count, let looked):
            "\(count) more \(count == 1 ? "state shows" : "states show") \(kind.rawValue) in other ways than the "
                + "\(looked) that were looked into"
        case .knownAndNotSeen(let causes):
            "known and not seen this time: \(causes.map(\.description).joined(separator: ", "))"
                + "; where they are mended, take them out of the baseline"
        case .noFailingSyncs:
            "`sync` among its faults works with `perjury run` only: here none was made to"
        case .withoutPowerLoss(let violation): "without any power loss: \(violation.summary)"
        case .notShownAgain(let life, let moment, let violation, let reason, let recording):
            "life \(life), cut \(moment): \(violation.summary); not shown again: "
                + "\(reason ?? "the observer alone sees nothing wrong"); \(recording)"
        case .notLookedInto(let life, let violation, let error):
            "life \(life): \(violation.summary); not looked into: \(error)"
        case .under(let model, let stack, let note): "\(model) on \(stack): \(note.words)"
        }
    }

    private static func machines(_ ending: Ending, _ most: Int) -> String {
        switch ending {
        case .powerLoss:
            (most == 1 ? "one loses its power" : "up to \(most) lose their power together")
                + ", on the others only the processes end"
        case .kernelPanic:
            (most == 1 ? "the kernel of one stops" : "the kernels of up to \(most) stop")
                + ", on the others only the processes end"
        case .processKill, .pageEviction: "the processes of all end, none loses its power"
        }
    }
}
