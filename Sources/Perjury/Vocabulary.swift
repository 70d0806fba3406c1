import Oracles
import PowerLoss

/// What a store swears to hold after a power loss. `docs/workloads.md` says it exactly.
public enum Promise: Hashable, Sendable {
    /// Every acknowledged transaction is there, whole; one in flight wholly or not at all.
    case durable
    /// What is there is a beginning of what was acknowledged, whole.
    case prefix
    /// `prefix`, and whatever was acknowledged more than this before the power loss is there.
    case boundedLoss(Duration)
    /// Each transaction is whole or absent.
    case atomic
    /// Every acknowledged transaction is there; one in flight may be there in part.
    case acknowledged
    /// The store opens and its own check is content.
    case opens

    package init(_ promise: Oracles.Promise) {
        switch promise {
        case .durable: self = .durable
        case .prefix: self = .prefix
        case .boundedLoss(let time): self = .boundedLoss(.nanoseconds(Int64(clamping: time)))
        case .atomic: self = .atomic
        case .acknowledged: self = .acknowledged
        case .opens: self = .opens
        }
    }

    package var value: Oracles.Promise {
        switch self {
        case .durable: .durable
        case .prefix: .prefix
        case .boundedLoss(let time): .boundedLoss(nanoseconds: time.nanoseconds)
        case .atomic: .atomic
        case .acknowledged: .acknowledged
        case .opens: .opens
        }
    }
}

/// What a filesystem may lose: a persistence model of `docs/models.md`.
public struct Model: Hashable, Sendable, CustomStringConvertible {
    let rules: PersistenceModel

    /// What POSIX promises and no more.
    public static let posix = Model(.posix)
    /// ext4 as it is mounted by default.
    public static let ext4 = Model(.ext4Ordered)
    public static let xfs = Model(.xfs)
    public static let btrfs = Model(.btrfs)

    private init(_ rules: PersistenceModel) { self.rules = rules }

    /// One of those that `perjury show model` names.
    ///
    /// - Throws: `PerjuryError` where there is none of this name.
    public init(named name: String) throws {
        guard let rules = PersistenceModel.named(name) else {
            throw PerjuryError(unknown: "model", name, among: PersistenceModel.all.map(\.name))
        }
        self.rules = rules
    }

    public var description: String { rules.name }

    public static func == (left: Model, right: Model) -> Bool {
        left.rules.name == right.rules.name
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(rules.name) }
}

/// What lies below the filesystem, and which of its words it keeps: a durability stack of `docs/models.md`.
public struct Stack: Hashable, Sendable, CustomStringConvertible {
    let rules: PowerLoss.Stack

    /// Every level keeps its word; a sector of 512 bytes is atomic.
    public static let honest = Stack(.honest)

    private init(_ rules: PowerLoss.Stack) { self.rules = rules }

    /// One of those that `perjury show stack` names, such as `torn-4096` or `lying-flush`.
    ///
    /// - Throws: `PerjuryError` where there is none of this name.
    public init(named name: String) throws {
        guard let rules = PowerLoss.Stack.named(name) else {
            throw PerjuryError(unknown: "stack", name, among: PowerLoss.Stack.all.map(\.name))
        }
        self.rules = rules
    }

    public var description: String { rules.name }

    public static func == (left: Stack, right: Stack) -> Bool {
        left.rules.name == right.rules.name
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(rules.name) }
}

/// In which way a promise is broken; `docs/workloads.md` describes each.
public enum Violation: String, Hashable, Sendable, CaseIterable {
    case cannotOpen = "cannot-open"
    case hang
    case corrupt
    case tornCommit = "torn-commit"
    case hole
    case resurrected
    case phantom
    case lostCommit = "lost-commit"
    case swallowedSyncError = "swallowed-sync-error"
    case unstableRecovery = "unstable-recovery"
}

/// Whether a store keeps its promise.
public enum Verdict: Hashable, Sendable {
    /// In all that was tried.
    case holds
    case violated
    /// It could not be found out, for this reason: neither passed nor failed.
    case inconclusive(String)

    init(_ verdict: Oracles.Verdict) {
        switch verdict {
        case .holds: self = .holds
        case .violated: self = .violated
        case .inconclusive(let reason): self = .inconclusive(reason)
        }
    }
}
