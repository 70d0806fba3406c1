import Campaign
import Oracles
import PowerLoss
import Recording
import TestSupport
import Testing

import struct SystemPackage.Errno

/// Chains of lives of stores in memory: the same campaign that `perjury live` makes on mounts.
@Suite("Live campaigns")
struct LiveTests {
    private static func live(
        _ lives: ToyLives, _ target: String = "ext4-ordered", cuts: Int = 60, _ seed: Seed = 1,
        _ configure: (inout LiveCampaign.Options) -> Void = { _ in }
    ) -> LiveReport {
        var options = LiveCampaign.Options(cuts: cuts, target: Target(target), seed: seed.value)
        configure(&options)
        return LiveCampaign(lives, options, clock: { 0 }).run()
    }

    /// Whether a finding shows when its plan is applied again to what was kept of its life.
    private static func shows(_ found: LiveFinding, _ lives: ToyLives) throws -> Bool {
        let run = try #require(lives.kept[found.recordingPath])
        let replay = try Replay(
            run, plan: found.finding.plan, model: .named(found.finding.model)!, stack: .honest)
        return try replay.judge(lives.toy).violations.contains { $0.kind == found.finding.kind }
    }

    // MARK: Toys that live on

    /// Drops half a line that a power loss left before it goes on.
    private static func repairing(_ toy: ToySubject) -> ToySubject {
        var toy = toy
        toy.recovery = Toys.repairingLog(forgets: false).recovery
        return toy
    }

    /// A store that does not start where its file is not whole.
    private static func refusing(_ toy: ToySubject) -> ToySubject {
        var toy = toy
        let recovery = toy.recovery
        toy.recovery = { disk in
            if Toys.lines(disk.text("meta")).isEmpty { throw ToyEnd.exits(1) }
            try recovery(disk)
        }
        return toy
    }

    struct Pair: Sendable, CustomTestStringConvertible {
        let name: String
        let buggy: ToySubject
        let fixed: ToySubject
        let kind: ViolationKind
        var model = "ext4-ordered"
        var cuts = 50

        var testDescription: String { name }
    }

    static let pairs = [
        Pair(
            name: "acknowledges before it syncs", buggy: repairing(Toys.acknowledgesBeforeSync()),
            fixed: repairing(Toys.log()), kind: .lostCommit),
        Pair(
            name: "directory not synced", buggy: Toys.files(syncsDirectory: false),
            fixed: Toys.files(syncsDirectory: true), kind: .lostCommit, model: "posix"),
        Pair(
            name: "renamed before it is synced", buggy: Toys.replacement(syncsFile: false),
            fixed: Toys.replacement(syncsFile: true), kind: .corrupt, model: "posix"),
        Pair(
            name: "does not start then", buggy: refusing(Toys.replacement(syncsFile: false)),
            fixed: refusing(Toys.replacement(syncsFile: true)), kind: .cannotOpen,
            model: "posix"),
        Pair(
            name: "recovery forgets", buggy: Toys.repairingLog(forgets: true),
            fixed: Toys.repairingLog(forgets: false), kind: .lostCommit, model: "posix"),
        Pair(
            name: "recovery overwrites in place", buggy: Toys.folding(inPlace: true),
            fixed: Toys.folding(inPlace: false), kind: .lostCommit, cuts: 120),
    ]

    /// What a chain of a given length meets is chance.
    private static let lucky: [Seed] = [0, 1, 2]

    @Test("a toy is found, and what is found replays", arguments: pairs, lucky)
    func found(pair: Pair, seed: Seed) throws {
        let lives = ToyLives(pair.buggy)

        let report = Self.live(lives, pair.model, cuts: pair.cuts, seed)

        #expect(report.verdict == .violated, "\(report)")
        #expect(report.counts.kinds[pair.kind] ?? 0 > 0, "\(report.counts)")
        #expect(report.findings.contains { $0.finding.kind == pair.kind }, "\(report.notes)")
        for found in report.findings { #expect(try Self.shows(found, lives), "\(found)") }
    }

    @Test("its twin holds, and nothing of it is kept", arguments: pairs, Seed.first(3))
    func holds(pair: Pair, seed: Seed) {
        let lives = ToyLives(pair.fixed)

        let report = Self.live(lives, pair.model, cuts: 50, seed)

        #expect(report.verdict == .holds, "\(report)")
        #expect(report.counts.losses == 0 && report.notes.isEmpty, "\(report)")
        #expect(report.counts.cuts == 50)
        #expect(report.counts.acknowledged > 25)
        #expect(report.counts.effectsLost > 0)
        #expect(lives.kept.isEmpty && lives.setUps == 1)
    }

    // MARK: The chain

    @Test("the power goes during recovery, too, and at rest", arguments: lucky)
    func duringRecovery(seed: Seed) {
        let lives = ToyLives(Toys.folding(inPlace: false))

        let counts = Self.live(lives, cuts: 60, seed).counts

        #expect(counts.cutsInRecovery > 0 && counts.cutsAtRest > 0)
        // All but the last are lives of the chain, which end with a power loss each.
        #expect(lives.recovered.count == counts.cuts - counts.cutsInRecovery + 2)
        #expect(counts.judged == counts.cuts - counts.cutsInRecovery)
    }

    @Test(
        "a loss is found in the life in which it arose, although the power went again before anybody saw",
        arguments: lucky)
    func unseen(seed: Seed) throws {
        let lives = ToyLives(Self.folded(Toys.acknowledgesBeforeSync()))

        let report = Self.live(lives, cuts: 100, seed) { $0.findingsPerKind = 1000 }

        let last = report.counts.cuts + 1
        let unseen = report.findings.filter {
            $0.life + 1 < last && !lives.recovered.contains($0.life + 1)
        }
        #expect(!unseen.isEmpty, "\(report.counts)")
        for found in unseen { #expect(try Self.shows(found, lives), "\(found)") }
    }

    /// Recovery always has something to do.
    private static func folded(_ toy: ToySubject) -> ToySubject {
        var folding = Toys.folding(inPlace: false)
        folding.life = toy.life
        return folding
    }

    @Test("a store that is lost begins anew, with the same power losses still to come")
    func beginsAnew() {
        let lives = ToyLives(Self.refusing(Toys.replacement(syncsFile: false)))

        let report = Self.live(lives, "posix", cuts: 80)

        #expect(report.counts.cuts == 80)
        #expect(lives.setUps == 1 + (report.counts.kinds[.cannotOpen] ?? 0), "\(report.counts)")
        #expect(report.inconclusive == nil)
    }

    @Test("equal seeds give equal reports, other seeds others")
    func deterministic() {
        func report(_ seed: Seed) -> String {
            "\(Self.live(ToyLives(Self.pairs[0].buggy), cuts: 40, seed))"
        }

        #expect(report(1) == report(1))
        #expect(report(1) != report(2))
    }

    @Test("machines lose their power alone or together", arguments: [1, 2, 3])
    func machines(most: Int) {
        let lives = ToyLives(Toys.machines(3, commits: 6))

        let report = Self.live(lives, "posix", cuts: 60) { $0.machinesAtOnce = most }

        let lost = report.counts.machinesLost
        #expect(most == 1 ? lost == 60 : lost > 60 && lost < 60 * most)
        #expect(report.verdict == .violated)
        for found in report.findings {
            #expect((1...most).contains(found.finding.run.mounts.count))
        }
    }

    // MARK: Inconclusive

    private static func inconclusive(_ report: LiveReport) -> String {
        if case .inconclusive(let reason) = report.verdict { return reason }
        return "\(report.verdict)"
    }

    @Test("where nothing is acknowledged, nothing is found out")
    func nothingAcknowledged() {
        var silent = Toys.log()
        silent.life = { try $0.append("log", Toys.line("t1")) }
        var lapsing = repairingLog
        let life = lapsing.life
        lapsing.life = { disk in
            if disk.life == 0 { try life(disk) } else { try disk.append("log", "x") }
        }

        #expect(Self.inconclusive(Self.live(ToyLives(silent))) == "run acknowledged nothing")
        #expect(
            Self.inconclusive(Self.live(ToyLives(lapsing)))
                == "nothing was acknowledged in the last 50 lives")
    }

    private var repairingLog: ToySubject { Toys.repairingLog(forgets: false) }

    @Test("a recovery that tells nothing, and for which nothing is to blame, is no loss")
    func tellsNothing() {
        var toy = repairingLog
        let recovery = toy.recovery
        toy.recovery = { disk in
            try recovery(disk)
            if disk.text("log")?.contains("t3-") == true { throw ToyEnd.exits(0) }
        }
        let report = Self.live(ToyLives(toy))

        #expect(report.counts.losses == 0)
        #expect(Self.inconclusive(report).hasPrefix("recovery told nothing: "))
    }

    @Test("a store that uses its names again is not judged")
    func sameNames() {
        var toy = repairingLog
        toy.life = { disk in
            try disk.say("@begin t1")
            try disk.append("log", Toys.line("t1"))
            try disk.sync("log")
            try disk.say("@ack t1")
        }

        #expect(Self.inconclusive(Self.live(ToyLives(toy))).contains("PERJURY_LIFE counts them"))
    }

    @Test("a promise that the stack leaves no room for is not judged")
    func noPromise() {
        let report = Self.live(ToyLives(Toys.log()), "ext4-ordered/lying-flush")

        #expect(Self.inconclusive(report).hasPrefix("no store can keep a promise on the stack"))
    }

    // MARK: Faults

    /// Goes on after a sync that failed, or stops.
    private static func appending(stops: Bool) -> ToySubject {
        var toy = repairing(Toys.log())
        toy.life = { disk in
            for commit in 1...3 {
                let name = Toys.name("t", commit, in: disk)
                try disk.say("@begin \(name)")
                try disk.append("log", Toys.line(name))
                do {
                    try disk.sync("log")
                } catch is Errno {
                    if stops { return try disk.say("@unknown \(name)") }
                }
                try disk.say("@ack \(name)")
            }
        }
        return toy
    }

    @Test(
        "a sync that fails is swallowed by one store and not by its twin", arguments: [true, false])
    func failedSync(stops: Bool) throws {
        let lives = ToyLives(
            Self.appending(stops: stops),
            failing: .init(kind: .fsync, number: 2, error: .ioError))

        let report = Self.live(lives, cuts: 60)

        #expect(report.verdict == (stops ? .holds : .violated), "\(report)")
        #expect(Array(report.counts.kinds.keys) == (stops ? [] : [.swallowedSyncError]))
        #expect(report.faults[0].fired > 20)
        for found in report.findings {
            #expect(try Self.shows(found, lives))
            #expect(found.finding.fault?.contains("fsync log") == true, "\(found)")
        }
    }

    @Test("a fault that fires in no life leaves it open")
    func idle() {
        let report = Self.live(
            ToyLives(
                repairingLog, failing: .init(kind: .rename, number: 1, error: .ioError)))

        #expect(report.counts.judged > 0 && report.counts.losses == 0)
        #expect(
            Self.inconclusive(report)
                == "the fault `\(report.faults[0].text)` never fired: 0 matching requests came")
    }
}
