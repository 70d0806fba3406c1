import Basics
import Campaign
import FileTree
import FuseMount
import Oracles
import PowerLoss
import Recording
import Stage

/// One power-on of a workload: a mount, the store's recovery, its clients, and the end of all of them at once.
final class Power: PowerOn {
    private let subject: WorkloadSubject
    private let programs: Programs
    private let life: Life
    private let trigger: CutTrigger
    private let injector: FaultInjector
    private(set) var storeSeconds = 0.0
    private(set) var runSeconds = 0.0

    /// - Parameter pages: what becomes of the data of a sync that is made to fail.
    init(
        _ subject: WorkloadSubject, _ stage: any Stage, _ tree: FileTree, _ number: Int,
        _ pages: SyncFailure
    ) throws {
        self.subject = subject
        injector = FaultInjector(subject.faults.plan, life: number)
        trigger = try CutTrigger()
        var options = subject.options
        options.life = number
        options.seed &+= UInt64(number)
        programs = try Programs(subject.workload, stage, options, subject.user)
        var lived = subject.lifeOptions
        lived.firstProcessID = UInt32(2000 + number % 50 * 500)
        if tree.mentions(stage.namespaceNumber) { lived.namespaceNumber = stage.namespaceNumber }
        lived.mount.isWatched = true
        lived.mount.syncFailure = pages
        lived.trip = trigger.trip
        life = try stage.life(on: tree, lived)
        let (trigger, injector) = (trigger, injector)
        life.server.setInterceptor { request in
            let verdict = trigger.answer(request)
            if case .proceed = verdict { return injector.answer(request) }
            return verdict
        }
    }

    func arm(_ moment: CutMoment?) {
        life.server.withState { _, _ in trigger.begin(moment) }
    }

    var steps: [LifeProfile.Step] { life.server.withState { _, _ in trigger.steps } }

    /// What came of the faults so far.
    var faults: [FaultCount] {
        life.server.withState { _, _ in injector.counts }
    }

    /// Runs the store's own programs.
    private func timed<Answer>(_ body: () throws -> Answer) throws -> Answer {
        let start = MonotonicClock.seconds
        defer { storeSeconds += MonotonicClock.seconds - start }
        do {
            return try body()
        } catch is Life.PowerGone {
            throw PowerGone()
        }
    }

    func recover(patience: Double) throws -> Observation {
        try timed {
            if let trouble = try programs.startServer(in: life, patience: patience) {
                try checkPower()
                var shown = Observation(output: [], outcome: trouble.outcome)
                shown.log = Array("\(trouble.serverTrouble ?? "")\n".utf8) + life.errors()
                return shown
            }
            let (ended, output) = try programs.observe(in: life, patience: patience)
            try checkPower()
            var shown = Observation(output: output, outcome: ended.outcome)
            shown.log += life.errors()
            return shown
        }
    }

    /// An error that a program met since the power was going is no word of the store's.
    private func checkPower() throws {
        if life.server.withState({ _, _ in trigger.hasFired }) { throw PowerGone() }
    }

    func runUntilPowerGoes(_ moment: CutMoment) throws {
        try timed {
            life.server.withState { _, writer in injector.begin(at: writer.elapsed) }
            let id = try programs.startRun(in: life)
            var seconds = Double(subject.workload.file.timeoutNanoseconds) / 1e9
            if case .seconds(let after) = moment.trigger, !moment.isInRecovery {
                seconds = min(seconds, after)
            }
            let ended = try life.pollEnd(id, seconds: seconds, interrupt: programs.interrupt)
            try checkPower()
            if ended == nil {
                // Its time has come, or the program never ends by itself.
                life.server.hold()
                throw PowerGone()
            }
        }
    }

    func runToEnd() throws -> Observation.Outcome {
        let start = MonotonicClock.seconds
        defer { runSeconds = MonotonicClock.seconds - start }
        let id = try programs.startRun(in: life)
        let seconds = Double(subject.workload.file.timeoutNanoseconds) / 1e9
        return try life.wait(id, seconds: seconds, interrupt: programs.interrupt).outcome
    }

    func cut() throws -> (tree: FileTree, recording: Recording) { try life.cut() }
}
