import Campaign
import Oracles
import PowerLoss
import Reporting
import Testing

/// What a finding names and advises: the losses at fault, what made them hurt, and syncs that mend it.
@Suite("Culprits and advice")
struct AdviceTests {
    private func finding(_ toy: ToySubject, _ target: String, _ kind: ViolationKind) throws
        -> Finding
    {
        let findings = explore(toy, [target]).findings.filter { $0.kind == kind }
        #expect(findings.count == 1)
        return try #require(findings.first)
    }

    /// A pointer whose target is not synced, or only before the acknowledgement.
    ///
    /// - Parameter showsNothing: where the pointer's target is missing, nothing at all is shown.
    private func anchor(syncsDataLate: Bool, showsNothing: Bool = false) -> ToySubject {
        ToySubject(
            life: { disk in
                try disk.say("@begin t1")
                try disk.create("data")
                try disk.write("data", "x")
                try disk.create("log1")
                try disk.create("CURRENT")
                try disk.write("CURRENT", "data")
                try disk.sync("CURRENT")
                if syncsDataLate { try disk.sync("data") }
                try disk.say("@ack t1")
            },
            recovery: { disk in
                guard disk.names().contains("CURRENT") else { return }
                if (disk.bytes("data") ?? []).isEmpty {
                    try disk.say("@corrupt CURRENT without data")
                    if showsNothing { return }
                }
                try disk.say("@saw t1")
            })
    }

    @Test("a sync that mends what was found is not advised where the store is broken before it")
    func earlierThanFound() throws {
        let toy = anchor(syncsDataLate: false, showsNothing: true)
        let finding = try finding(toy, "ext4-ordered", .lostCommit)

        // Before the acknowledgement at #7 it would be in time for this, but the store would not open from #4 on.
        #expect(finding.plan.crashPoint == 8)
        #expect(finding.lost == ["#2 write data [0, 1): lost size"])
        #expect(finding.advice == "fsync data after #2 and before #4 (create CURRENT)")
    }

    @Test(
        "the kept step that makes a loss hurt is named, and the sync is to come before it",
        arguments: ["ext4-ordered", "xfs", "btrfs"], [false, true])
    func anchor(model: String, syncsDataLate: Bool) throws {
        let finding = try finding(anchor(syncsDataLate: syncsDataLate), model, .corrupt)

        #expect(finding.plan.crashPoint == 5)
        #expect(finding.lost == ["#2 write data [0, 1): lost size"])
        #expect(finding.kept == "#4 create CURRENT")
        #expect(finding.advice == "fsync data after #2 and before #4 (create CURRENT)")
    }

    @Test("several writes to one file want one sync, after the last of them")
    func severalWrites() throws {
        let toy = ToySubject(
            setUp: { disk in
                try disk.create("f")
                try disk.write("f", [UInt8](repeating: 48, count: 3 * 4096))
            },
            life: { disk in
                try disk.say("@begin t1 a=1 b=1 c=1")
                for page in 0..<3 {
                    try disk.write("f", [49], at: UInt64(page * 4096))
                }
                try disk.say("@ack t1")
            },
            recovery: { disk in
                let bytes = disk.bytes("f") ?? []
                for (place, key) in ["a", "b", "c"].enumerated() {
                    if bytes[place * 4096] == 49 { try disk.say("@saw \(key)=1") }
                }
            })
        let report = explore(toy, ["posix"])

        #expect(report.findings.map(\.kind).sorted() == [.tornCommit, .lostCommit])
        #expect(
            report.findings.map(\.advice).contains(
                "fsync f after #3 and before acknowledging t1"))
    }

    @Test("what the order of metadata takes with a loss is no culprit")
    func forcedLosses() throws {
        let toy = ToySubject(
            setUp: { try $0.create("meta") },
            life: { disk in
                try disk.say("@begin t1")
                try disk.create("new")
                try disk.write("new", "1")
                try disk.sync("new")
                try disk.rename("new", "meta")
                try disk.create("other")
                try disk.create("another")
                try disk.say("@ack t1")
            },
            recovery: { disk in
                if disk.text("meta") == "1" { try disk.say("@saw t1") }
            })
        let finding = try finding(toy, "ext4-ordered", .lostCommit)

        #expect(finding.plan.lost.map(\.record) == [4, 4, 5, 6])
        #expect(finding.lost == ["#4 rename new -> meta: lost the name, the removal of the name"])
        #expect(finding.kept == nil)
        #expect(
            finding.advice
                == "fsync the directory of the data (.) after #4 and before acknowledging t1")
    }

    @Test("one directory that is not synced is one finding, whatever the names")
    func oneDirectory() throws {
        let names = ["apple", "pear", "plum", "fig"]
        let toy = ToySubject(
            life: { disk in
                for name in names {
                    try disk.say("@begin \(name)")
                    try disk.create("tmp-\(name)")
                    try disk.sync("tmp-\(name)")
                    try disk.rename("tmp-\(name)", name)
                    try disk.say("@ack \(name)")
                }
            },
            recovery: { disk in
                for name in disk.names() where names.contains(name) {
                    try disk.say("@saw \(name)")
                }
            })

        _ = try finding(toy, "ext4-ordered", .lostCommit)
        _ = try finding(toy, "xfs", .lostCommit)
    }

    @Test("culprits name the bytes that are lost; a live block is to be written elsewhere")
    func lostBytes() throws {
        let size = 4 * 4096
        let toy = ToySubject(
            setUp: { disk in
                try disk.create("pages")
                try disk.write("pages", [UInt8](repeating: 48, count: size))
            },
            life: { disk in
                try disk.say("@begin t1")
                try disk.write("pages", [UInt8](repeating: 49, count: size))
                try disk.sync("pages")
                try disk.say("@ack t1")
            },
            recovery: { disk in
                let bytes = Set(disk.bytes("pages") ?? [])
                if bytes.count != 1 { try disk.say("@corrupt pages are mixed") }
                if bytes == [49] { try disk.say("@saw t1") }
            })
        let finding = try finding(toy, "btrfs/torn-4096", .corrupt)

        #expect(finding.lost.count == 1)
        #expect(
            finding.lost[0].hasPrefix("#1 write pages [0, 16384): lost data ["), "\(finding.lost)")
        #expect(finding.explanation.advice == .inPlace(record: 1, path: "pages"))
    }

    @Test("an append that arrives in part is for recovery to bear")
    func append() throws {
        var toy = Toys.log(1)
        toy.recovery = { disk in
            let bytes = disk.bytes("log") ?? []
            if bytes.contains(0) { return try disk.say("@corrupt a hole in the log") }
            for name in Toys.lines(disk.text("log")) { try disk.say("@saw \(name)") }
        }
        let finding = try finding(toy, "posix", .corrupt)

        #expect(finding.plan.crashPoint == 2)
        #expect(finding.lost == ["#1 write log [0, 9): lost data"])
        #expect(
            finding.explanation.advice == .endOfLog(record: 1, path: "log"))
    }

    @Test("a page that is new is no end of a log")
    func newPage() throws {
        let toy = ToySubject(
            setUp: { disk in
                try disk.create("pages")
                try disk.write("pages", [UInt8](repeating: 48, count: 4096))
            },
            life: { disk in
                try disk.say("@begin t1")
                try disk.write("pages", [49])
                try disk.write("pages", [UInt8](repeating: 49, count: 4096), at: 4096)
                try disk.sync("pages")
                try disk.say("@ack t1")
            },
            recovery: { disk in
                let bytes = disk.bytes("pages") ?? []
                if bytes[0] == 48 { return }
                if bytes.count == 8192, Set(bytes[4096...]) != [49] {
                    try disk.say("@corrupt a page is not whole")
                }
                if bytes.count == 8192 { try disk.say("@saw t1") }
            })
        let finding = try finding(toy, "posix", .corrupt)

        #expect(finding.lost == ["#2 write pages [4096, 8192): lost data"])
        #expect(finding.explanation.advice == .newPart(record: 2, path: "pages"))
    }

    @Test("the first write of a file that is overwritten later is no end of a log")
    func firstPage() throws {
        let toy = ToySubject(
            life: { disk in
                try disk.say("@begin t1")
                try disk.create("pages")
                try disk.write("pages", [UInt8](repeating: 49, count: 4096))
                try disk.sync("pages")
                try disk.syncDirectory()
                try disk.say("@ack t1", "@begin t2")
                try disk.write("pages", [49])
                try disk.sync("pages")
                try disk.say("@ack t2")
            },
            recovery: { disk in
                guard let bytes = disk.bytes("pages"), !bytes.isEmpty else { return }
                if bytes.contains(0) { try disk.say("@corrupt a page is not whole") }
                try disk.say("@saw t1", "@saw t2")
            })
        let finding = try finding(toy, "posix", .corrupt)

        #expect(finding.explanation.advice == .newPart(record: 2, path: "pages"))
    }

    @Test("damage to what a sector held before is told of")
    func neighbour() throws {
        var toy = Toys.log(2)
        toy.promiseUnder = ["rmw-neighbour": .durable]
        toy.life = { disk in
            for commit in 1...2 {
                try disk.say("@begin t\(commit)")
                let line = Toys.line("t\(commit)")
                try disk.write("log", line, at: UInt64(512 * (commit - 1)))
                try disk.sync("log")
                try disk.say("@ack t\(commit)")
            }
        }
        toy.recovery = { disk in
            let bytes = disk.bytes("log") ?? []
            for commit in 1...2 {
                let line = Array(Toys.line("t\(commit)").utf8)
                if bytes.dropFirst(512 * (commit - 1)).starts(with: line) {
                    try disk.say("@saw t\(commit)")
                }
            }
        }
        let finding = try finding(toy, "ext4-ordered/rmw-neighbour", .lostCommit)

        #expect(finding.lost.first?.contains("[0, 512), which it did not write, became") == true)
        #expect(finding.explanation.advice == .sharedSector(record: 5, path: "log"))
    }
}
