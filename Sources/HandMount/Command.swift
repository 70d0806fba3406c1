import Basics
import FuseMount
import PowerLoss

/// Why a command is not done; one sentence. Nothing has changed.
struct Refusal: Error {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }
}

/// What a person can ask of a hand mount. `ControlGrammar` reads it from words; `docs/mount.md` explains it.
enum Command {
    case pending
    case cut(CutKind)
    case arm(Session.Armed.Action, Interception.Moment, OperationSet, PathGlob, number: Int)
    /// nil: all.
    case disarm(Int?)
    /// nil: whichever fires first.
    case wait(Int?, seconds: Double?)
    /// nil asks.
    case lie(Bool?)
    case fault(FaultPlan.Effect, OperationSet, PathGlob, FaultPlan.Occurrence)
    case faults
    /// nil: all.
    case clearFault(Int?)
    /// A path below the mount; nil: every file.
    case evict(String?)
    case checkpoint
    case log(limit: Int)
    /// An absolute path.
    case save(String)
    case quit
}
