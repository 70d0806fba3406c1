import Campaign
import Oracles
import PowerLoss
import Testing

/// Power losses while the store recovers from one.
@Suite("Power loss during recovery")
struct RecoveryTests {
    /// A log whose recovery folds it into a table.
    private func folding(inPlace: Bool) -> ToySubject {
        ToySubject(
            setUp: { disk in
                try disk.create("log")
                try disk.create("table")
                try disk.append("table", Toys.line("t0"))
                try disk.say("@begin t0", "@ack t0")
            },
            life: { disk in
                for commit in 1...2 {
                    try disk.say("@begin t\(commit)")
                    try disk.append("log", Toys.line("t\(commit)"))
                    try disk.sync("log")
                    try disk.say("@ack t\(commit)")
                }
            },
            recovery: { disk in
                let old = Toys.lines(disk.text("table"))
                let new = Toys.lines(disk.text("log")).filter { !old.contains($0) }
                for name in old + new { try disk.say("@saw \(name)") }
                guard disk.bytes("log")?.isEmpty == false else { return }
                let text = (old + new).map(Toys.line).joined()
                if inPlace {
                    try disk.truncate("table", to: 0)
                    try disk.append("table", text)
                    try disk.sync("table")
                } else {
                    // Not truncated: where half of the rename was lost, it is the table, too.
                    if disk.exists("tmp") { try disk.unlink("tmp") }
                    try disk.create("tmp")
                    try disk.append("tmp", text)
                    try disk.sync("tmp")
                    try disk.rename("tmp", "table")
                    try disk.syncDirectory()
                }
                try disk.truncate("log", to: 0)
                try disk.sync("log")
            })
    }

    private static let targets = ["posix", "ext4-ordered", "xfs", "btrfs", "in-order", "data-only"]

    @Test("a recovery that overwrites in place is found by a second power loss only")
    func inPlace() throws {
        let once = explore(folding(inPlace: true), Self.targets)
        let twice = explore(folding(inPlace: true), Self.targets) { $0.nested = 1 }

        #expect(once.violated == [])
        #expect(twice.violated == Self.targets.map { "\($0): lost-commit" })
        let finding = try #require(twice.findings.first)
        #expect(finding.recoveries.count == 1)
        #expect(finding.summary.contains("the power went again when"))
        for model in twice.models {
            #expect(model.recoveriesCut > 0)
            #expect(model.statesAfterRecoveries > model.recoveriesCut)
        }
    }

    @Test("a recovery that writes aside holds, whatever goes how often", arguments: [1, 2, 3])
    func aside(nested: Int) {
        let report = explore(folding(inPlace: false), Self.targets) { $0.nested = nested }

        #expect(report.findings.map(\.summary) == [])
        #expect(report.verdict == .holds)
        #expect(report.models.allSatisfy { $0.recoveriesCut > 0 })
    }

    @Test(
        "what a recovery had shown before the power went again must be shown again",
        arguments: ["@end\n", "@end \n", "@end\r\n", "@end\t\r\n", "@end", " \n@end\n"])
    func shownAndLost(lastMark: String) throws {
        // t1 was in flight. Recovery tells of it, and keeps it without a sync.
        var toy = folding(inPlace: false)
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

    @Test("a finding's recordings and plans leave the tree that was found, and no others do")
    func replays() throws {
        let toy = folding(inPlace: true)
        let run = try toy.record()
        var options = CampaignOptions(targets: [Target("btrfs")])
        options.seconds = nil
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
        #expect(outcome.acknowledged == finding.acknowledged)
        #expect(try replay([]).treeHash == finding.treeHash)
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
            explore(folding(inPlace: true), Self.targets) {
                $0.nested = 2
                $0.jobs = jobs
                $0.states = 2000
            }
        }

        #expect(json(reports[0]) == json(reports[1]))
    }
}
