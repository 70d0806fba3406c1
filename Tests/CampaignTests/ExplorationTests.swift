import Campaign
import Oracles
import PowerLoss
import Synchronization
import Testing

@Suite("Determinism")
struct DeterminismTests {
    @Test(
        "one recording gives one report, whatever the number of workers",
        arguments: [nil, 3, 100, 700])
    func jobs(states: Int?) throws {
        for toy in VerdictTests.bugs.map(\.toy) + VerdictTests.correct.map(\.toy) {
            let run = try toy.record()
            let reports = [1, 4, 1].map { jobs in
                let campaign = campaign(toy, ["posix", "ext4-ordered", "posix/lying-flush"]) {
                    $0.jobs = jobs
                    $0.budget = states.map { .states($0) } ?? .unlimited
                }
                return json(campaign.explore(run))
            }

            #expect(reports[0] == reports[1])
            #expect(reports[0] == reports[2])
        }
    }

    @Test("a search gives the same plans in the same order; the seed decides samples only")
    func plans() throws {
        let run = try Toys.wide(1, syncs: false).record()
        let storage = Storage(log: try EffectLog(run.recording), model: .posix, stack: .honest)
        func plans(seed: UInt64) -> [CrashPlan] {
            PlanSearch(storage, seed: seed).map { $0.plan }
        }

        let first = plans(seed: 1)
        let other = plans(seed: 2)

        #expect(first == plans(seed: 1))
        #expect(first != other)
        #expect(first.prefix(1000) == other.prefix(1000))
        #expect(Set(first).count == first.count)
    }

    @Test("where all states are tried the seed changes no count and no verdict")
    func seeds() throws {
        let toy = Toys.replacement(syncsFile: false)
        let run = try toy.record()
        let reports = [UInt64(1), 99].map { seed in
            campaign(toy, VerdictTests.models) {
                $0.seed = seed
                $0.statesOnceViolated = nil
            }.explore(run)
        }

        #expect(reports[0].violated == reports[1].violated)
        #expect(reports[0].models.map(\.statesDistinct) == reports[1].models.map(\.statesDistinct))
        #expect(reports[0].models.allSatisfy { $0.exhaustive })
    }
}

@Suite("Observations")
struct ObservationEconomyTests {
    @Test("equal trees are observed once, for all crash points and models together")
    func once() {
        let toy = Toys.replacement(syncsFile: true)

        let report = explore(toy, VerdictTests.models)

        let observed = toy.observed.usual
        #expect(observed.count == Set(observed).count)
        #expect(toy.observed.confirming.isEmpty)
        let distinct = report.models.map(\.statesDistinct).max()!
        #expect(observed.count < report.models.map(\.statesDistinct).reduce(0, +))
        #expect(observed.count >= distinct)
        // The base tree and the complete one were observed by the control.
        #expect(report.models.map(\.statesObserved).reduce(0, +) == observed.count - 2)
        #expect(report.models.map(\.statesPlanned).reduce(0, +) > 3 * observed.count)
    }

    @Test("what recovery left is observed only where recovery changed something")
    func second() {
        let untouched = Toys.log()
        let repaired = Toys.repairingLog(forgets: false)

        _ = explore(untouched, ["posix"])
        _ = explore(repaired, ["posix"])

        // A repaired log is one of the logs that need no repair, which are crash states themselves.
        #expect(repaired.observed.usual.count == untouched.observed.usual.count)
        #expect(repaired.observed.usual.count == Set(repaired.observed.usual).count)
    }

    @Test("a tree that recovery left is observed again where it is a crash state, too")
    func secondOfSecond() {
        // Each recovery drops one line from the end that it has still shown.
        var toy = Toys.log()
        toy.recovery = { disk in
            let names = Toys.lines(disk.text("log"))
            for name in names { try disk.say("@saw \(name)") }
            guard names.count == 1, let line = disk.bytes("log")?.count else { return }
            try disk.truncate("log", to: UInt64(line - Toys.line(names[0]).utf8.count))
        }

        let report = explore(toy, ["in-order"])

        #expect(report.violated == ["in-order: unstable-recovery"])
        #expect(report.findings.first?.plan.lost == [])
    }
}

@Suite("Stacks and endings")
struct StackTests {
    @Test("where the drive lies, outcomes are counted and not judged")
    func lyingFlush() throws {
        var toy = Toys.log(6)
        toy.expectation = Expectation(general: .holds)

        let report = explore(toy, ["ext4-ordered", "ext4-ordered/lying-flush"])

        let lying = try #require(report.models.last)
        #expect(lying.verdict == nil)
        #expect(lying.isExpected)
        #expect(lying.kinds == [])
        #expect(report.findings.isEmpty)
        #expect(lying.outcomes.values.reduce(0, +) == lying.statesPlanned)
        #expect(lying.outcomes[.none, default: 0] > 0)
        #expect(lying.outcomes[.silentLoss, default: 0] > 0)
        #expect(lying.outcomes[.cannotOpen] == nil)
        #expect(report.verdict == .holds)
        #expect(report.isExpected)
    }

    @Test("a report on lying drives alone holds nothing")
    func onlyLyingFlush() {
        let report = explore(Toys.log(), ["ext4-ordered/lying-flush"])

        #expect(
            report.verdict
                == .inconclusive("no promise was judged: outcomes were only counted"))
        #expect(report.isExpected)
    }

    @Test("what is lost is counted by the workload's own promise")
    func countsByOwnPromise() {
        var toy = Toys.log(6)
        let durable = explore(toy, ["in-order/lying-flush"])
        toy.promise = .prefix
        let prefix = explore(toy, ["in-order/lying-flush"])

        #expect(durable.models[0].outcomes[.silentLoss, default: 0] > 0)
        // In order, the end of the log is all that can be lost.
        #expect(prefix.models[0].outcomes.keys.map(\.rawValue) == ["no loss"])
    }

    @Test("a delete that is lost is loss, not corruption; one lost out of order is not")
    func lostDelete() throws {
        var toy = Toys.log()
        toy.life = { disk in
            for (commit, write) in ["k=a", "k=", "l=b"].enumerated() {
                try disk.say("@begin t\(commit) \(write)")
                try disk.append("log", Toys.line(write))
                try disk.sync("log")
                try disk.say("@ack t\(commit)")
            }
        }
        toy.recovery = { disk in
            var table: [String: String] = [:]
            for line in Toys.lines(disk.text("log")) {
                let parts = line.split(separator: "=", omittingEmptySubsequences: false)
                table[String(parts[0])] = parts[1].isEmpty ? nil : String(parts[1])
            }
            for (key, value) in table.sorted(by: { $0.key < $1.key }) {
                try disk.say("@saw \(key)=\(value)")
            }
        }
        var skipping = toy
        let recovery = toy.recovery
        skipping.recovery = { disk in
            // Whoever shows the last commit without the delete is damaged, not older.
            if Toys.lines(disk.text("log")).count == 1 { try disk.say("@saw l=b") }
            try recovery(disk)
        }

        let older = try #require(explore(toy, ["in-order/lying-flush-in-order"]).models.first)
        let damaged = try #require(
            explore(skipping, ["in-order/lying-flush-in-order"]).models.first)

        #expect(older.outcomes[.silentLoss, default: 0] > 0)
        #expect(older.outcomes[.silentCorruption] == nil)
        #expect(damaged.outcomes[.silentCorruption, default: 0] > 0)
    }

    @Test("each kind of outcome is told from the others")
    func outcomes() throws {
        var toy = Toys.log(6)
        toy.recovery = { disk in
            let names = Toys.lines(disk.text("log"))
            if disk.bytes("log")?.contains(0) == true { try disk.say("@corrupt zeros") }
            if names.count == 3 { throw ToyEnd.exits(1) }
            for name in names { try disk.say("@saw \(name)") }
            if names.count == 4 { try disk.say("@saw t99") }
            if names.count == 2 { throw ToyEnd.exits(0) }
        }

        let report = explore(toy, ["posix/lying-flush"])

        let model = try #require(report.models.first)
        for outcome in Characterisation.allCases {
            #expect(model.outcomes[outcome, default: 0] > 0, "\(outcome.rawValue)")
        }
        // Two lines: the observer told nothing, which is no outcome.
        #expect(model.outcomes.values.reduce(0, +) < model.statesPlanned)
        #expect(
            report.notes.contains {
                guard case .under("posix", "lying-flush", .notJudged) = $0 else { return false }
                return true
            })
    }

    @Test("a promise stated for the lying drive is judged")
    func promiseUnder() {
        var keeps = Toys.log(6)
        keeps.promiseUnder = ["lying-flush": .prefix]
        var breaks = Toys.twoClients(bSyncs: true)
        breaks.promiseUnder = ["lying-flush": .durable]

        let kept = explore(keeps, ["in-order/lying-flush"])
        let broken = explore(breaks, ["in-order/lying-flush", "in-order"])

        #expect(kept.models.map(\.verdict) == [.holds])
        #expect(kept.models[0].outcomes.isEmpty)
        #expect(broken.violated == ["in-order/lying-flush: lost-commit"])
        #expect(broken.findings.allSatisfy { $0.stack == "lying-flush" })
    }

    @Test("what the process kept back is no finding of a stack that promises nothing")
    func keptBackUnderLies() {
        let report = explore(Toys.keepsLastBack(), ["posix", "posix/lying-flush"])

        #expect(report.findings.map(\.stack) == ["honest"])
        #expect(report.models.map(\.verdict) == [.violated, nil])
    }

    @Test("a process kill loses nothing that was written, whatever the drive does")
    func processKill() {
        let targets = ["posix", "posix/lying-flush"]
        let late = explore(Toys.acknowledgesBeforeSync(), targets) { $0.ending = .processKill }
        let parted = explore(Toys.transfer(), targets) { $0.ending = .processKill }

        #expect(late.models.map(\.verdict) == [.holds, .holds])
        for model in late.models {
            #expect(model.statesPlanned == late.records + 1)
            #expect(model.crashPoints == late.records + 1)
            #expect(model.exhaustive)
        }
        #expect(parted.violated == ["posix: torn-commit", "posix/lying-flush: torn-commit"])
        #expect(parted.findings.allSatisfy { $0.plan.lost.isEmpty && $0.plan.torn.isEmpty })
    }
}

@Suite("Budgets")
struct BudgetTests {
    @Test("a budget in states is used to the last one", arguments: [1, 2, 3, 7, 64, 513, 1000])
    func states(budget: Int) {
        let targets = ["posix", "ext4-ordered", "xfs"]
        let report = explore(Toys.wide(), targets) {
            $0.budget = .states(budget)
        }

        let planned = report.models.map(\.statesPlanned)
        #expect(planned.reduce(0, +) == budget)
        // No target has more than its share, and one more.
        #expect(planned.max()! - planned.min()! <= max(1, budget / 3))
        if budget >= 3 { #expect(planned.allSatisfy { $0 > 0 }) }
    }

    @Test("what a target does not need goes to the others")
    func unusedShare() {
        let report = explore(Toys.wide(), ["in-order", "posix"]) {
            $0.budget = .states(4000)
        }
        let alone = explore(Toys.wide(), ["in-order"])

        #expect(alone.models[0].exhaustive)
        #expect(report.models[0].statesPlanned == alone.models[0].statesPlanned)
        #expect(report.models.map(\.statesPlanned).reduce(0, +) == 4000)
    }

    @Test("a violated target is explored no further than to its limit", arguments: [20, 600])
    func onceViolated(limit: Int) {
        let report = explore(Toys.files(20, syncsDirectory: false), ["posix"]) {
            $0.statesOnceViolated = limit
            $0.budget = .states(5000)
        }

        #expect(report.violated == ["posix: lost-commit"])
        #expect(report.models[0].statesPlanned >= limit)
        #expect(report.models[0].statesPlanned <= max(limit, 128))
    }

    @Test("a violated target is explored until nothing else has come up for long")
    func onceNothingElseComes() {
        let report = explore(Toys.files(20, syncsDirectory: false), ["posix"]) {
            $0.leastOnceViolated = 300
            $0.budget = .states(5000)
        }

        let model = report.models[0]
        #expect(report.violated == ["posix: lost-commit"])
        #expect(!model.exhaustive)
        #expect(model.crashPoints == model.crashPointsInAll)
        // It ends with the turn in which it met the last crash point.
        let least = max(300, 4 * model.crashPointsInAll)
        #expect((least..<(least + 128)).contains(model.statesPlanned))
    }

    @Test("a violated target of many machines has met each crash point when it ends")
    func manyMachines() {
        let report = explore(Toys.machines(6, commits: 60), ["posix"]) {
            $0.budget = .states(20_000)
        }

        let model = report.models[0]
        #expect(report.violated == ["posix: lost-commit"])
        #expect(model.statesPlanned < 4000)
        #expect(model.crashPoints == model.crashPointsInAll)
    }

    @Test("breadth comes first: a small budget visits every crash point of a correct store")
    func crashPoints() {
        let report = explore(Toys.log(8), ["ext4-ordered"]) { $0.budget = .states(200) }

        let model = report.models[0]
        #expect(model.verdict == .holds)
        #expect(model.crashPoints == report.records + 1)
        #expect(model.crashPointsInAll == report.records + 1)
    }

    @Test("time is shared: every target has its turn, also beside one that takes long")
    func time() {
        // Each observation takes a second.
        let clock = Clock()
        var toy = Toys.files(20, syncsDirectory: false)
        let recovery = toy.recovery
        toy.recovery = { disk in
            clock.advance()
            try recovery(disk)
        }
        var options = CampaignOptions(
            targets: ["posix", "ext4-ordered", "xfs", "btrfs"].map { Target($0) })
        options.budget = .seconds(100)
        let report = Campaign(toy, options: options, clock: { clock.now }).run()

        #expect(report.models.map(\.verdict) == [.violated, .holds, .holds, .holds])
        #expect(report.models.allSatisfy { $0.statesPlanned >= 8 })
        let seconds = report.models.map(\.seconds)
        // A target may shrink for twice its share, and ends the turn that it has begun with less than its share: that may have
        // 64 observations.
        #expect(seconds.max()! <= 25 + 64, "\(seconds)")
        #expect(report.seconds <= 150)
    }

    @Test("a campaign that is ended early reports what it has")
    func cancelled() {
        let toy = Toys.files(20, syncsDirectory: false)
        var campaign = campaign(toy, ["posix", "xfs"])
        campaign.isCancelled = { toy.observed.usual.count > 20 }

        let report = campaign.run()

        #expect(report.models.count == 2)
        #expect(report.models.allSatisfy { $0.statesPlanned > 0 })
        #expect(report.models[0].statesPlanned < 200)
    }
}

/// Counts observations as seconds.
private final class Clock: Sendable {
    private let seconds = Mutex(0.0)

    var now: Double { seconds.withLock { $0 } }

    func advance() { seconds.withLock { $0 += 1 } }
}
