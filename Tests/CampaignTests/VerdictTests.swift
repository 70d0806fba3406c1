import Campaign
import Oracles
import PowerLoss
import Testing

/// A toy and what is to come of it.
struct Expected: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let toy: ToySubject
    /// As `WorkloadReport.violated` has it.
    let violated: [String]

    init(_ description: String, _ toy: ToySubject, _ violated: [String] = []) {
        testDescription = description
        self.toy = toy
        self.violated = violated
    }
}

@Suite("Verdicts")
struct VerdictTests {
    static let models = ["posix", "ext4-ordered", "xfs", "btrfs", "in-order", "data-only"]

    @Test(
        "a planted bug is found under the models where it is one, and under no other",
        arguments: bugs)
    func findsBug(_ expected: Expected) {
        let report = explore(expected.toy, Self.models)

        #expect(report.inconclusive == nil)
        #expect(report.violated == expected.violated)
        #expect(report.verdict == .violated)
        #expect(report.models.allSatisfy { $0.verdict == .violated || $0.verdict == .holds })
        #expect(!report.isExpected, "a toy that says nothing is expected to hold")
    }

    static let bugs = [
        Expected(
            "acknowledges before it syncs", Toys.acknowledgesBeforeSync(),
            models.map { "\($0): lost-commit" }),
        Expected(
            "never syncs the directory of new files", Toys.files(syncsDirectory: false),
            ["posix: lost-commit"]),
        Expected(
            "renames a file that was not synced", Toys.replacement(syncsFile: false),
            models.filter { $0 != "in-order" }.map { "\($0): corrupt lost-commit" }),
        Expected(
            "does not sync the directory after a rename",
            Toys.replacement(syncsFile: true, syncsDirectory: false),
            models.filter { $0 != "data-only" }.map { "\($0): lost-commit" }),
        Expected(
            "overwrites a page in place", Toys.page(),
            ["posix", "ext4-ordered", "xfs", "in-order"].map { "\($0): corrupt lost-commit" }),
        Expected(
            "forgets in recovery", Toys.repairingLog(forgets: true),
            ["posix", "ext4-ordered", "data-only"].map { "\($0): unstable-recovery" }),
        Expected(
            "lets one of two clients go without sync", Toys.twoClients(bSyncs: false),
            models.filter { $0 != "in-order" }.map { "\($0): lost-commit" }),
        Expected(
            "changes two files one after the other", Toys.transfer(),
            models.map { "\($0): torn-commit" }),
    ]

    @Test("a correct store holds, and a small one exhaustively", arguments: correct)
    func holds(_ expected: Expected) {
        let targets = Self.models + ["posix/torn-4096", "ext4-ordered/torn-4096"]
        let report = explore(expected.toy, targets)

        #expect(report.inconclusive == nil)
        #expect(report.findings.map(\.summary) == [])
        #expect(report.verdict == .holds)
        #expect(report.isExpected)
        for model in report.models {
            #expect(model.exhaustive, "\(model.model)/\(model.stack)")
            #expect(model.crashPoints == report.records + 1)
            #expect(model.crashPointsInAll == report.records + 1)
        }
    }

    static let correct = [
        Expected("a log", Toys.log()),
        Expected("files in a directory", Toys.files(syncsDirectory: true)),
        Expected("a file that is replaced", Toys.replacement(syncsFile: true)),
        Expected("a log that is repaired", Toys.repairingLog(forgets: false)),
        Expected("two clients", Toys.twoClients(bSyncs: true)),
    ]

    @Test("a page does not tear where the device's atomic unit is the page")
    func atomicPage() {
        let report = explore(
            Toys.page(), ["posix/torn-4096", "ext4-ordered/torn-4096", "btrfs", "data-only"])

        #expect(report.violated == [])
        #expect(report.verdict == .holds)
    }

    @Test("what was not said is expected to hold; what was said, to come out so")
    func expectations() throws {
        var toy = Toys.files(syncsDirectory: false)
        toy.expectation = Expectation(specific: [
            "posix": .violates([.lostCommit]), "posix/torn-4096": .violates([.corrupt]),
        ])

        let report = explore(toy, ["posix", "posix/torn-4096", "btrfs"])

        #expect(report.models.map(\.verdict) == [.violated, .violated, .holds])
        #expect(report.models.map(\.isExpected) == [true, false, true])
        #expect(report.models.map { $0.expectation == nil } == [false, false, true])
        #expect(!report.isExpected)
    }

    @Test("an expected violation that is not found is not as expected")
    func expectedViolationMissing() {
        var toy = Toys.log()
        toy.expectation = Expectation(general: .violates([]))

        let report = explore(toy, ["posix"])

        #expect(report.models.map(\.verdict) == [.holds])
        #expect(!report.isExpected)
    }

    @Test("under bounded loss it counts how long ago an acknowledgement was")
    func boundedLoss() throws {
        var toy = Toys.log()
        toy.life = { disk in
            try disk.say("@begin t1")
            try disk.append("log", Toys.line("t1"))
            try disk.say("@ack t1")
            for _ in 1...3 { try disk.create("other\(disk.names().count)") }
        }
        toy.promise = .boundedLoss(nanoseconds: 3_600_000_000_000)
        let lax = explore(toy, ["in-order", "posix"])
        toy.promise = .boundedLoss(nanoseconds: 1)
        let strict = explore(toy, ["in-order"])

        #expect(lax.models.map(\.verdict) == [.holds, .holds])
        #expect(strict.violated == ["in-order: lost-commit"])
        let points = strict.findings.map(\.plan.crashPoint)
        #expect(points.allSatisfy { $0 >= 3 })
    }

    @Test("under bounded loss the power is on until the next record comes", arguments: [1, 3])
    func boundedLossUntilNextRecord(seconds: UInt64) {
        let second = UInt64(1_000_000_000)
        var toy = Toys.log()
        toy.promise = .boundedLoss(nanoseconds: 2 * second)
        toy.life = { disk in
            disk.time = second
            try disk.say("@begin t1")
            try disk.append("log", Toys.line("t1"))
            try disk.say("@ack t1")
            disk.time = (1 + seconds) * second
            try disk.sync("log")
        }

        let report = explore(toy, ["ext4-ordered"])

        #expect(report.violated == (seconds > 2 ? ["ext4-ordered: lost-commit"] : []))
    }

    @Test(
        "a value that setup left at rest is not lost under any promise but opens",
        arguments: ["durable", "prefix", "bounded-loss: 1m", "atomic", "acknowledged", "opens"])
    func atRest(promise: String) throws {
        var toy = Toys.files(syncsDirectory: true)
        toy.promise = try #require(Promise(promise))
        toy.setUp = { disk in
            try disk.create("value")
            try disk.write("value", Toys.line("0"))
            try disk.say("@begin t0 value=0", "@ack t0")
        }
        toy.life = { disk in
            try disk.say("@begin t1 value=1")
            try disk.create("tmp")
            try disk.write("tmp", Toys.line("1"))
            try disk.rename("tmp", "value")
            try disk.say("@ack t1")
        }
        toy.recovery = { disk in
            for value in Toys.lines(disk.text("value")) { try disk.say("@saw value=\(value)") }
        }

        let report = explore(toy, ["xfs", "in-order"])

        switch promise {
        case "opens": #expect(report.violated == [])
        case "durable", "acknowledged":
            #expect(report.violated == ["xfs: lost-commit", "in-order: lost-commit"])
        default: #expect(report.violated == ["xfs: lost-commit"])
        }
    }

    @Test("`acknowledged` lets what is in flight be there in part, and nothing else go")
    func acknowledged() {
        var whole = Toys.transfer()
        whole.promise = .acknowledged
        var lost = Toys.acknowledgesBeforeSync()
        lost.promise = .acknowledged

        #expect(explore(whole, Self.models).violated == [])
        #expect(explore(lost, ["posix"]).violated == ["posix: lost-commit"])
    }
}
