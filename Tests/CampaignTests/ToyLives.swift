import Campaign
import FileTree
import Oracles
import PowerLoss
import Recording

import struct SystemPackage.Errno

/// A toy as something whose power goes again and again, in memory.
///
/// Its clock goes on by a millisecond with each request.
final class ToyLives: LiveSubject {
    let toy: ToySubject
    /// What fails in each run, and how.
    private let failing: Failing?
    private(set) var setUps = 0
    /// Lives whose recovery was seen to its end, whatever it showed.
    private(set) var recovered: Set<Int> = []
    /// What was kept of lives, by where.
    private(set) var kept: [String: RecordedRun] = [:]

    /// The n-th request of a kind in each run.
    struct Failing {
        let kind: OperationKind
        let number: Int
        /// nil where success is told, and nothing done.
        let error: Errno?

        var text: String { "\(error.map { "\($0)" } ?? "lie") \(kind) nth \(number)" }
    }

    init(_ toy: ToySubject, failing: Failing? = nil) {
        self.toy = toy
        self.failing = failing
    }

    var subject: any Subject { toy }
    var faults: [FaultCount] { failing.map { [FaultCount(text: $0.text)] } ?? [] }
    var remarks: [Note] { [] }

    func setUp() throws -> (tree: FileTree, output: [UInt8]) {
        setUps += 1
        return try toy.base()
    }

    func powerOn(_ tree: FileTree, life: Int, _ pages: SyncFailure) throws -> any PowerOn {
        var settled = tree
        _ = settled.settle()
        return try ToyPower(
            toy, settled, life: life, failing, pages, onRecovery: { self.recovered.insert(life) })
    }

    func keep(_ run: RecordedRun, life: Int) throws -> (run: RecordedRun, path: String) {
        let path = "life-\(life)"
        kept[path] = run
        return (run, path)
    }

    func discard(_ path: String) { kept[path] = nil }
}

private final class ToyPower: PowerOn {
    private let toy: ToySubject
    private let disk: ToyDisk
    private let writer: RecordingWriter
    private let failing: ToyLives.Failing?
    private let pages: SyncFailure
    private let onRecovery: () -> Void
    private var counter = StepCounter()
    private var isOff = false
    /// Faults meet the clients alone.
    private var isRunning = false
    private(set) var faults: [FaultCount]
    private(set) var storeSeconds = 0.0
    private(set) var runSeconds = 0.0
    /// When the power goes, in seconds of the run.
    private var end = Double.infinity

    init(
        _ toy: ToySubject, _ tree: FileTree, life: Int, _ failing: ToyLives.Failing?,
        _ pages: SyncFailure, onRecovery: @escaping () -> Void
    ) throws {
        self.toy = toy
        self.failing = failing
        self.pages = pages
        self.onRecovery = onRecovery
        faults = failing.map { [FaultCount(text: $0.text)] } ?? []
        writer = try toy.writer(on: tree, nonce: UInt64(life) + 3)
        disk = ToyDisk(tree, writer: writer, life: life)
        disk.intercept = { [unowned self] in try meet($0, $1, $2) }
    }

    var steps: [LifeProfile.Step] { counter.steps }

    func arm(_ moment: CutMoment?) { counter.begin(moment) }

    func recover(patience: Double) throws -> Observation {
        disk.saysMarks = false
        let outcome = try toy.recover(on: disk)
        disk.saysMarks = true
        onRecovery()
        return Observation(output: disk.output, outcome: outcome)
    }

    func runUntilPowerGoes(_ moment: CutMoment) throws {
        if case .seconds(let seconds) = moment.trigger, !moment.isInRecovery { end = seconds }
        isRunning = true
        try toy.life(disk)
    }

    func runToEnd() throws -> Observation.Outcome {
        try toy.life(disk)
        runSeconds = storeSeconds
        return toy.end
    }

    func cut() throws -> (tree: FileTree, recording: Recording) {
        isOff = true
        return (disk.tree, writer.recording())
    }

    private func meet(_ kind: OperationKind, _ side: RequestMoment, _ path: String?) throws {
        if isOff { throw PowerGone() }
        if side == .before { storeSeconds += 0.001 }
        if isRunning, side == .before { runSeconds += 0.001 }
        if counter.meets(kind, side, path: path) || runSeconds > end {
            isOff = true
            throw PowerGone()
        }
        if isRunning, side == .before, let path { try fail(kind, path) }
    }

    private func fail(_ kind: OperationKind, _ path: String) throws {
        guard let failing, kind == failing.kind else { return }
        let fires = faults[0].matched + 1 == failing.number
        faults[0] = FaultCount(
            text: failing.text, matched: faults[0].matched + 1,
            fired: faults[0].fired + (fires ? 1 : 0))
        guard fires else { return }
        try disk.meet(
            Fault(
                operation: kind.rawValue, effect: failing.text, path: path, error: failing.error,
                sync: .file(try disk.number(path), dataOnly: false),
                failure: failing.error == nil ? nil : pages))
        if let error = failing.error { throw error }
    }
}
