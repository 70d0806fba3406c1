import Campaign
import Oracles
import PowerLoss
import Reporting
import Testing

/// Power losses while the store recovers from one.
@Suite("Power loss during recovery")
struct RecoveryTests {
    private static let targets = ["posix", "ext4-ordered", "xfs", "btrfs", "in-order", "data-only"]

    @Test("a recovery that overwrites in place is found by a second power loss only")
    func inPlace() throws {
        let once = explore(Toys.folding(inPlace: true), Self.targets)
        let twice = explore(Toys.folding(inPlace: true), Self.targets) { $0.nested = 1 }

        #expect(once.violated == [])
        #expect(twice.violated == Self.targets.map { "\($0): lost-commit" })
        let finding = try #require(twice.findings.first)
        #expect(finding.recoveries.count == 1)
        #expect(finding.summary.contains("the power went again after record "))
        for model in twice.models {
            #expect(model.recoveriesCut > 0)
            #expect(model.statesAfterRecoveries > model.recoveriesCut)
        }
    }

    @Test("a recovery that writes aside holds, whatever goes how often", arguments: [1, 2, 3])
    func aside(nested: Int) {
        let report = explore(Toys.folding(inPlace: false), Self.targets) { $0.nested = nested }

        #expect(report.findings.map(\.summary) == [])
        #expect(report.verdict == .holds)
        #expect(report.models.allSatisfy { $0.recoveriesCut > 0 })
    }

    @Test(
        "what a recovery had shown before the power went again must be shown again",
        arguments: ["@end\n", "@end \n", "@end\r\n", "@end\t\r\n", "@end", " \n@end\n"])
    func shownAndLost(lastMark: String) throws {
        // t1 was in flight. Recovery tells of it, and keeps it without a sync.
        var toy = Toys.folding(inPlace: false)
        toy.lastMark = lastMark
        toy.life = { disk in
            try disk.say("@begin t1")
            try disk.append("log", Toys.line("t1"))
            try disk.sync("log")
        }
        toy.end = .killed(signal: 9)
        toy.recovery = { disk in
            let names = Toys.lines(disk.text("table")) + Toys.lines(disk.text("log"))
            if disk.bytes("log")?.isEmpty == false {
                try disk.truncate("log", to: 0)
                try disk.sync("log")
                try disk.append("table", names.dropFirst().map(Toys.line).joined())
            }
            for name in names { try disk.say("@saw \(name)") }
        }

        let once = explore(toy, ["ext4-ordered"])
        let twice = explore(toy, ["ext4-ordered"]) { $0.nested = 1 }

        #expect(once.violated == [])
        #expect(twice.violated == ["ext4-ordered: unstable-recovery"])
    }

    /// A log of keys, one of which is deleted; recovery leaves a mark, and where it finds that, deletes are not heeded.
    private func resurrecting(at start: Int, seen: String) -> ToySubject {
        ToySubject(
            setUp: Toys.createLog,
            life: { disk in
                for (name, write) in [("t1", "k=1"), ("t2", "k="), ("t3", "q=1")] {
                    try disk.say("@begin \(name) \(write)")
                    try disk.append("log", Toys.line(write))
                    try disk.sync("log")
                    try disk.say("@ack \(name)")
                }
            },
            recovery: { disk in
                let starts = disk.bytes("starts")?.count ?? 0
                if starts == 0 {
                    try disk.create("starts")
                    try disk.syncDirectory()
                }
                try disk.append("starts", "x")
                try disk.sync("starts")
                var values: [String: String] = [:]
                for line in Toys.lines(disk.text("log")) {
                    let parts = line.split(separator: "=").map(String.init)
                    values[parts[0]] = parts.count > 1 ? parts[1] : nil
                }
                for (key, value) in values.sorted(by: { $0.key < $1.key }) {
                    try disk.say("@saw \(key)=\(value)")
                }
                // Not where the log is not yet that long.
                if starts + 1 == start, values["q"] != nil { try disk.say("@saw \(seen)") }
            })
    }

    @Test(
        "what only the second start shows is judged by the promise",
        arguments: [("k=1", "resurrected"), ("ghost=1", "phantom")])
    func secondStart(seen: String, kind: String) throws {
        let toy = resurrecting(at: 2, seen: seen)
        let report = explore(toy, ["ext4-ordered"])

        #expect(report.violated == ["ext4-ordered: \(kind)"])
        #expect(report.findings.count == 1)
        let finding = try #require(report.findings.first)
        #expect(finding.summary.hasPrefix("only the second start shows it: "))
        #expect(
            finding.explanation.advice == .recovery(findsLess: false, unlessWhole: nil))
        let replay = try Replay(
            toy.record(), plan: finding.plan, model: .ext4Ordered, stack: .honest)
        #expect(try replay.judge(toy).violations.map(\.kind.rawValue) == [kind])
    }

    @Test("a second start that could not be judged is not passed over", arguments: [false, true])
    func secondShortfall(fails: Bool) {
        var toy = resurrecting(at: 0, seen: "")
        let recovery = toy.recovery
        toy.recovery = { disk in
            let isSecond = disk.exists("starts")
            if isSecond && fails { throw ToyHarnessFailure(description: "no mount") }
            try recovery(disk)
            if isSecond { throw ToyEnd.exits(0) }
        }
        let report = explore(toy, ["ext4-ordered"])

        #expect("\(report.verdict)".hasPrefix("inconclusive: at the second start, "))
    }

    @Test("a recovery that goes wrong late is cut, although many like it went well")
    func lateRecovery() {
        // It makes the same calls each time, to files of one name pattern: only the second one matters.
        let toy = ToySubject(
            setUp: { disk in
                for name in ["log", "file1", "file2"] { try disk.create(name) }
                try disk.append("file2", Toys.line("t0"))
                try disk.say("@ack t0")
            },
            life: { disk in
                for commit in 1...10 {
                    try disk.say("@begin t\(commit)")
                    try disk.append("log", Toys.line("t\(commit)"))
                    try disk.sync("log")
                    try disk.say("@ack t\(commit)")
                }
            },
            recovery: { disk in
                let names = Toys.lines(disk.text("log"))
                let old = Toys.lines(disk.text("file2"))
                let file = names.count < 10 ? "file1" : "file2"
                for name in old + names { try disk.say("@saw \(name)") }
                try disk.truncate(file, to: 0)
                try disk.append(file, old.map(Toys.line).joined())
                try disk.sync(file)
            })

        let once = explore(toy, ["ext4-ordered"])
        let twice = explore(toy, ["ext4-ordered"]) { $0.nested = 1 }

        #expect(once.violated == [])
        #expect(twice.violated == ["ext4-ordered: lost-commit"])
    }

    @Test("a finding's recordings and plans leave the tree that was found, and no others do")
    func replays() throws {
        let toy = Toys.folding(inPlace: true)
        let run = try toy.record()
        var options = CampaignOptions(targets: [Target("btrfs")])
        options.budget = .unlimited
        options.nested = 1
        let report = Campaign(toy, options: options, clock: { 0 }).explore(run)
        let finding = try #require(report.findings.first)
        let recovery = try #require(finding.recoveries.first)
        func replay(_ recoveries: [RecoveryCut]) throws -> Replay {
            try Replay(
                run, plan: finding.plan, model: .btrfs, stack: .honest, recoveries: recoveries)
        }

        let outcome = try replay([recovery]).judge(toy)

        #expect(outcome.violations.map(\.kind) == [.lostCommit])
        #expect(outcome.acknowledged == finding.evidence.acknowledged)
        #expect(try replay([]).state.hash == finding.treeHash)
        #expect(try replay([]).judge(toy).violations.isEmpty)
        #expect(throws: (any Error).self) {
            try replay([
                .init(
                    recording: recovery.recording, plan: recovery.plan,
                    treeHash: recovery.treeHash ^ 1)
            ])
        }
        #expect(throws: (any Error).self) { try replay([recovery, recovery]) }
    }

    @Test("equal runs give equal reports")
    func deterministic() {
        let reports = [1, 4].map { jobs in
            explore(Toys.folding(inPlace: true), Self.targets) {
                $0.nested = 2
                $0.jobs = jobs
                $0.budget = .states(2000)
            }
        }

        #expect(json(reports[0]) == json(reports[1]))
    }
}
