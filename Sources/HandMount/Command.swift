import Basics
import FuseMount
import Oracles
import PowerLoss
import Reporting
import Workloads

/// Why a command is not done; one sentence. Nothing has changed.
struct Refusal: Error {
    let sentence: String

    init(_ sentence: String) { self.sentence = sentence }
}

/// What a person can ask of a hand mount, as read from words. `ControlCommand` and `docs/mount.md` have the grammar.
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

    static let words = [
        "pending", "cut", "arm", "disarm", "wait", "lie", "fault", "evict", "checkpoint", "log",
        "save", "quit",
    ]

    init(_ words: [String]) throws {
        var reader = WordReader(words)
        let verb = try reader.next("a command (\(Self.words.joined(separator: ", ")))")
        switch verb {
        case "pending": self = .pending
        case "cut": self = .cut(try reader.cutKind(mayBePlan: true))
        case "arm": self = try reader.arm()
        case "disarm": self = .disarm(try reader.idOrAll())
        case "wait": self = try reader.wait()
        case "lie": self = .lie(try reader.isAtEnd ? nil : reader.onOrOff())
        case "fault": self = try reader.fault()
        case "evict": self = .evict(try reader.isAtEnd ? nil : reader.next("a path"))
        case "checkpoint": self = .checkpoint
        case "log": self = .log(limit: try reader.isAtEnd ? .max : reader.number("a count"))
        case "save": self = .save(try reader.next("a folder"))
        case "quit": self = .quit
        default:
            throw Refusal(
                "there is no command `\(Escaped.line(verb.prefix(40)))`"
                    + NearestName.suggestion(for: String(verb.prefix(40)), among: Self.words))
        }
        try reader.expectEnd()
    }
}

private struct WordReader {
    private var words: ArraySlice<String>

    init(_ words: [String]) { self.words = words[...] }

    var isAtEnd: Bool { words.isEmpty }

    mutating func next(_ what: String) throws -> String {
        guard let word = words.popFirst() else {
            throw Refusal("expected \(what) at the end of the command")
        }
        return word
    }

    func expectEnd() throws {
        guard let word = words.first else { return }
        throw Refusal("`\(Escaped.line(word.prefix(40)))` is one word too many")
    }

    private func wrong(_ word: String, _ what: String) -> Refusal {
        Refusal("expected \(what), got `\(Escaped.line(word.prefix(40)))`")
    }

    mutating func number(_ what: String) throws -> Int {
        let word = try next(what)
        guard word.allSatisfy(\.isNumber), let number = Int(word), number > 0 else {
            throw wrong(word, "\(what), a number from 1 on,")
        }
        return number
    }

    mutating func seed() throws -> UInt64 {
        let word = try next("a seed")
        guard let seed = UInt64(word) else { throw wrong(word, "a seed, a number from 0 on,") }
        return seed
    }

    mutating func idOrAll() throws -> Int? {
        if words.first == "all" {
            words.removeFirst()
            return nil
        }
        return try number("an ID, or `all`")
    }

    mutating func onOrOff() throws -> Bool {
        let word = try next("on or off")
        guard ["on", "off"].contains(word) else { throw wrong(word, "on or off") }
        return word == "on"
    }

    mutating func cutKind(mayBePlan: Bool) throws -> CutKind {
        let what = mayBePlan ? "worst, seed N or plan FILE" : "worst or seed N"
        let word = try next(what)
        switch word {
        case "worst": return .worst
        case "seed": return .seed(try seed())
        case "plan" where mayBePlan: return .plan(try plan())
        default: throw wrong(word, what)
        }
    }

    /// The plan itself, which the client has read: a plan, or a finding that has one.
    private mutating func plan() throws -> CrashPlan {
        let text = try next("a plan")
        do {
            let json = try JSON(parsing: Array(text.utf8))
            return try FindingFile.plan(json["plan"] ?? json)
        } catch {
            throw Refusal("the plan cannot be read: \(error)")
        }
    }

    mutating func operations() throws -> OperationSet {
        try read { (words) throws(FaultTextError) in try words.operations() }
    }

    mutating func effect() throws -> FaultPlan.Effect {
        try read { (words) throws(FaultTextError) in try words.effect() }
    }

    private mutating func read<Part>(
        _ body: (inout FaultWords) throws(FaultTextError) -> Part
    ) throws -> Part {
        var reader = FaultWords(Array(words))
        defer { words = reader.left[...] }
        do {
            return try body(&reader)
        } catch {
            throw Refusal(Escaped.line("\(error)"))
        }
    }

    mutating func arm() throws -> Command {
        let word = try next("cut or fault")
        let action: Session.Armed.Action
        var moment = Interception.Moment.before
        switch word {
        case "cut":
            action = .cut(try cutKind(mayBePlan: false))
            let word = try next("before or after")
            guard let known = Interception.Moment(rawValue: word) else {
                throw wrong(word, "before or after")
            }
            moment = known
        case "fault": action = .fault(try effect())
        default: throw wrong(word, "cut or fault")
        }
        let operations = try operations()
        if moment == .after {
            for kind in [OperationKind.open, .read, .readdir] where operations.contains(kind) {
                throw Refusal(
                    "nothing changes after \(kind.rawValue): say before, or name an operation that is recorded"
                )
            }
        }
        let glob = isAtEnd ? PathGlob.everything : PathGlob(try next("a glob"))
        let count = try isAtEnd ? 1 : number("which of the matching operations")
        return .arm(action, moment, operations, glob, number: count)
    }

    mutating func wait() throws -> Command {
        var id: Int?
        if let word = words.first, word != "within" { id = try number("an ID") }
        guard !isAtEnd else { return .wait(id, seconds: nil) }
        let word = try next("within")
        guard word == "within" else { throw wrong(word, "within") }
        let time = try next("a duration")
        guard let nanoseconds = DurationText.nanoseconds(time) else {
            throw wrong(time, "a duration such as 20s")
        }
        return .wait(id, seconds: Double(nanoseconds) / 1e9)
    }

    mutating func fault() throws -> Command {
        guard let word = words.first else { return .faults }
        if word == "clear" {
            words.removeFirst()
            return .clearFault(try idOrAll())
        }
        let fault = try read { (words) throws(FaultTextError) in try words.fault() }
        return .fault(fault.effect, fault.operations, fault.glob, fault.occurrence)
    }
}
