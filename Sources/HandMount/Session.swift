import FuseMount
import PowerLoss
import Recording

/// What a hand mount knows beside its tree and its recording.
struct Session {
    /// Counted from 1: the life that goes on.
    var life = 1
    var faults = FaultPlan()
    /// The rule by which `lie on` makes the drive lie.
    private var lie: Int?
    var armed: [Armed] = []
    var cuts: [Cut] = []
    /// The life that the latest cut ended.
    var previous: (recording: Recording, plan: CrashPlan)?
    /// In all lives.
    var injectionCount = 0
    private var nextID = 1

    /// Something that happens once, at one moment.
    struct Armed {
        enum Action {
            case cut(CutKind)
            case fault(FaultPlan.Effect)
        }

        enum State {
            case waiting
            /// The power has gone; the kernel has yet to forget what was.
            case firing(Cut)
            case done(String, Cut?)
        }

        let id: Int
        let action: Action
        let moment: Interception.Moment
        let operations: OperationSet
        let glob: PathGlob
        /// Which of the matching operations, counted from 1.
        let number: Int
        var matched = 0
        var state = State.waiting
        /// Whether somebody was told that it fired.
        var isTold = false

        var isWaiting: Bool { if case .waiting = state { true } else { false } }

        var text: String {
            let what =
                switch action {
                case .cut(let kind): "cut \(kind)"
                case .fault(let effect): "fault \(effect)"
                }
            return "\(what) \(moment.rawValue) \(operations) \(glob) \(number)"
        }
    }

    mutating func arm(
        _ action: Armed.Action, _ moment: Interception.Moment, _ operations: OperationSet,
        _ glob: PathGlob, _ number: Int
    ) -> Armed {
        defer { nextID += 1 }
        armed.append(
            Armed(
                id: nextID, action: action, moment: moment, operations: operations, glob: glob,
                number: number))
        return armed[armed.count - 1]
    }

    /// Counts the request wherever it matches.
    mutating func armedThatFires(_ request: Interception) -> Int? {
        var found: Int?
        for index in armed.indices where armed[index].isWaiting {
            let rule = armed[index]
            guard rule.moment == request.moment, rule.operations.contains(request.kind),
                rule.glob.matchesAny(request.paths)
            else { continue }
            armed[index].matched += 1
            // Of two that are due at once the second fires at the next occasion.
            if found == nil, armed[index].matched >= rule.number { found = index }
        }
        return found
    }

    /// Whether each sync is answered and not done.
    var isLying: Bool { faults.rules.contains { $0.id == lie } }

    mutating func setLying(_ isOn: Bool) {
        guard isOn != isLying else { return }
        if isOn, let syncs = OperationSet("sync") {
            lie = faults.add(.lie, syncs, .everything, .every)
        } else {
            _ = lie.map { faults.remove($0) }
            lie = nil
        }
    }

    /// A life has ended, the next one begins.
    mutating func began(_ cut: Cut, _ ended: Recording) {
        previous = (ended, cut.plan)
        cuts.append(cut)
        life += 1
    }

    /// What a person who ends the session is to know.
    var summary: String {
        let lost = cuts.reduce(0) { $0 + $1.lostCount }
        var lines = [
            "\(cuts.count) power losses, \(lost) effects lost; \(injectionCount) faults injected"
        ]
        for rule in armed where rule.isWaiting {
            lines.append(
                "NEVER FIRED: armed \(rule.id), \(rule.text): "
                    + "\(rule.matched) of \(rule.number) matching operations came")
        }
        for rule in faults.rules where rule.fired == 0 {
            lines.append(
                "NEVER FIRED: fault \(rule.id), \(rule): \(rule.matched) matching operations came")
        }
        return lines.joined(separator: "\n")
    }
}
