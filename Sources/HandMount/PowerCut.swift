import Basics
import Campaign
import FileTree
import FuseMount
import Oracles
import PowerLoss
import Recording
import Reporting
import Workloads

/// How a person wants the power to go.
enum CutKind: Sendable, CustomStringConvertible {
    /// Everything lost that can be.
    case worst
    /// Drawn from what the model allows.
    case seed(UInt64)
    case plan(CrashPlan)

    var description: String {
        switch self {
        case .worst: "worst"
        case .seed(let seed): "seed \(seed)"
        case .plan: "plan"
        }
    }
}

/// One power loss that happened.
package struct Cut: Sendable {
    /// Counted from 1.
    package let number: Int
    package let plan: CrashPlan
    /// Effects at risk when it came.
    package let pendingCount: Int
    package let lostCount: Int
    package let lost: [Culprit]

    var text: String {
        var lines = [
            "power loss \(number) after \(plan.crashPoint) records: \(lostCount) of "
                + "\(pendingCount) effects at risk were lost"
        ]
        lines += lost.prefix(Self.lineLimit).map { "  " + Escaped.line($0.words) }
        if lost.count > Self.lineLimit {
            lines.append("  and \(lost.count - Self.lineLimit) more records (all: --json)")
        }
        return lines.joined(separator: "\n")
    }

    /// Records that are told of in a text.
    private static let lineLimit = 20

    var json: JSON {
        .object([
            .init("powerLoss", .number(number)), .init("plan", plan.json),
            .init("atRisk", .number(pendingCount)), .init("effectsLost", .number(lostCount)),
            .init("lost", .strings(lost.map(\.words))),
        ])
    }
}

/// Makes the next life out of the present one.
struct PowerCut {
    private let model: PersistenceModel
    private let stack: Stack

    init(_ model: PersistenceModel, _ stack: Stack) {
        self.model = model
        self.stack = stack
    }

    /// - Throws: when a plan does not fit.
    func cut(
        _ kind: CutKind, _ tree: FileTree, _ writer: RecordingWriter, number: Int
    ) throws -> (NextLife, Cut) {
        let storage = Storage(
            log: try EffectLog(writer.recording()), model: model, stack: stack)
        let state = try state(kind, storage)
        var next = try state.tree.compacted()
        // What the kernel still knows by an old number must not meet something new.
        next.reserveInodes(below: tree.nextInode)
        _ = next.settle()
        let newWriter = try RecordingWriter(arena: Arena(), base: next, storesBase: false)
        let cut = Cut(
            number: number, plan: state.plan, pendingCount: state.pending.effects.count,
            lostCount: state.choice.kept.count { !$0 },
            lost: Explanation(storage, history: History()).lost(state))
        return (NextLife(tree: next, writer: newWriter), cut)
    }

    private func state(_ kind: CutKind, _ storage: Storage) throws -> CrashState {
        let pending = storage.pending(at: storage.lastCrashPoint)
        switch kind {
        case .worst: return CrashState(storage, pending, .losingAll(of: pending))
        case .seed(let seed): return storage.drawnState(pending, seed: seed)
        case .plan(let plan): return try storage.state(plan)
        }
    }
}
