import Campaign
import Oracles
import PowerLoss
import Reporting
import Testing

/// A finding is the smallest plan, and says in the program's own terms what to do.
@Suite("Findings")
struct FindingTests {
    /// The only finding of a toy under one model.
    private func finding(_ toy: ToySubject, _ target: String, _ kind: ViolationKind) throws
        -> Finding
    {
        let findings = explore(toy, [target]).findings.filter { $0.kind == kind }
        #expect(findings.count == 1)
        return try #require(findings.first)
    }

    @Test("a missing sync before an acknowledgement")
    func missingSync() throws {
        let finding = try finding(Toys.acknowledgesBeforeSync(), "ext4-ordered", .lostCommit)

        #expect(finding.plan == CrashPlan(crashPoint: 3, lost: [EffectID(record: 1, index: 1)]))
        #expect(finding.lost == ["#1 write log [0, 9): lost size"])
        #expect(finding.summary == "t1 was acknowledged at #2, but it was not seen")
        #expect(finding.advice == "fsync log after #1 and before acknowledging t1")
        #expect(finding.evidence.acknowledged == 1)
        #expect(finding.evidence.seen == 0)
        #expect(finding.model == "ext4-ordered" && finding.stack == "honest")
    }

    @Test("a sync that the stack did not do is named, and none is asked for")
    func ignoredSync() throws {
        var toy = Toys.log(1)
        toy.promiseUnder = ["lying-flush": .durable]
        let finding = try finding(toy, "ext4-ordered/lying-flush", .lostCommit)

        #expect(finding.lost == ["#1 write log [0, 9): lost size"])
        #expect(
            finding.advice
                == "sync #2 covered #1 (write log [0, 9)), and lying-flush did not do it: no sync helps, recovery must be able to tell that it is missing (a journal, a checksum, a copy)"
        )
    }

    @Test("a missing sync of a directory; one finding for many names")
    func missingDirectorySync() throws {
        let finding = try finding(
            Toys.files(5, syncsDirectory: false), "posix", .lostCommit)

        #expect(finding.lost == ["#1 create rows/k1: lost the name"])
        #expect(
            finding.advice
                == "fsync the directory rows/ after #1 and before acknowledging t1")
        #expect(finding.count > 100)
    }

    @Test("a missing sync of a file before its rename, also where the rename was synced since")
    func missingSyncBeforeRename() throws {
        let toy = Toys.replacement(syncsFile: false)
        let corrupt = try finding(toy, "ext4-ordered", .corrupt)
        let lost = try finding(toy, "ext4-ordered", .lostCommit)

        #expect(corrupt.lost == ["#2 write meta.tmp [0, 6): lost data"])
        #expect(
            corrupt.advice == "fsync meta.tmp after #2 and before #3 (rename meta.tmp -> meta)")
        #expect(corrupt.evidence.acknowledged == 0)
        #expect(lost.advice == corrupt.advice)
        #expect(lost.evidence.acknowledged == 1)
    }

    @Test("a missing sync of the directory after a rename")
    func missingSyncAfterRename() throws {
        let finding = try finding(
            Toys.replacement(syncsFile: true, syncsDirectory: false), "xfs", .lostCommit)

        #expect(
            finding.lost == [
                "#4 rename meta.tmp -> meta: lost the name, the removal of the name"
            ])
        #expect(
            finding.advice
                == "fsync the directory of the data (.) after #4 and before acknowledging t1")
    }

    @Test("the client whose commit is lost is the one that has to wait")
    func namesTheRightClient() throws {
        let finding = try finding(Toys.twoClients(bSyncs: false), "btrfs", .lostCommit)

        #expect(finding.summary == "b/1 was acknowledged at #6, but it was not seen")
        #expect(finding.advice == "fsync b.log after #1 and before acknowledging b/1")
        #expect(finding.evidence.acknowledged == 2)
        #expect(finding.evidence.seen == 1)
    }

    @Test("a torn page: the fewest units are missing")
    func tornPage() throws {
        let finding = try finding(Toys.page(), "ext4-ordered", .corrupt)

        #expect(finding.plan.lost == [])
        #expect(finding.plan.torn.map(\.kept.nonzeroBitCount) == [7])
        #expect(
            finding.lost == [
                "#1 write page [0, 4096): torn, 7 of 8 units of 512 bytes arrived, lost [3584, 4096)"
            ])
        #expect(
            finding.advice
                == "#1 overwrites page in place, and a power loss can leave it half done: "
                + "write it elsewhere first (a journal or a copy, synced)")
    }

    @Test("nothing need be lost: the steps are named, and neighbouring points are one finding")
    func order() throws {
        let finding = try finding(Toys.transfer(), "posix", .tornCommit)

        #expect(finding.plan == CrashPlan(crashPoint: 2, lost: []))
        #expect(finding.lost == [])
        #expect(
            finding.explanation.advice
                == .order(
                    after: Step(1, Call("write x ", 0..<8)), before: Step(2, Call("fsync x"))))
        #expect(finding.count == 3)
    }

    @Test("a commit that is taken away again is not one that was never written")
    func takenAway() throws {
        let finding = try finding(Toys.compacts(), "in-order", .lostCommit)

        #expect(finding.plan.lost == [])
        #expect(
            finding.summary
                == "t1 was acknowledged at #3, but it was not seen (in all 3 transactions)")
        guard case .order(_, let next) = finding.explanation.advice else {
            Issue.record("\(finding.advice)")
            return
        }
        #expect(next == Step(16, Call("rename new -> log")))
    }

    @Test("commits that are acknowledged from a buffer are one finding")
    func buffer() throws {
        let finding = try finding(Toys.buffersTwo(), "posix", .lostCommit)

        #expect(finding.plan == CrashPlan(crashPoint: 3, lost: []))
        #expect(finding.evidence.remarks == [.unwritten(mapped: nil)])
        #expect(finding.explanation.advice == .write(mapped: nil))
    }

    @Test("recovery is told to be at fault where it is")
    func recovery() throws {
        let finding = try finding(Toys.repairingLog(forgets: true), "posix", .unstableRecovery)

        #expect(
            finding.summary == "t1 was there after the first recovery and gone after the second")
        #expect(
            finding.advice
                == "recovery itself changes what it finds, and the next one finds less; it does so when "
                + "#5 (write log [9, 18)) is not wholly there")
    }

    @Test("a recovery that forgets whatever it finds is one finding")
    func recoveryOfAnything() throws {
        var toy = Toys.files(syncsDirectory: true)
        let read = toy.recovery
        toy.recovery = { disk in
            try read(disk)
            if let last = disk.names(in: "rows").last { try disk.unlink("rows/\(last)") }
        }

        let finding = try finding(toy, "ext4-ordered", .unstableRecovery)

        #expect(finding.lost == [])
        #expect(
            finding.advice
                == "nothing need be lost: recovery itself changes what it finds, and the next one finds less"
        )
    }

    @Test(
        "a finding cannot come earlier, and no lost effect or unit of it can be given back",
        arguments: VerdictTests.bugs)
    func isMinimal(_ expected: Expected) throws {
        let run = try expected.toy.record()
        var options = CampaignOptions(targets: VerdictTests.models.map { Target($0) })
        options.budget = .unlimited
        let report = Campaign(expected.toy, options: options, clock: { 0 }).explore(run)

        for finding in report.findings {
            func shows(_ plan: CrashPlan) throws -> Bool {
                let replay = try Replay(
                    run, plan: plan, model: .named(finding.model)!, stack: .honest)
                return try replay.judge(expected.toy).violations.contains {
                    $0.kind == finding.kind
                }
            }
            #expect(try shows(finding.plan))
            let replay = try Replay(
                run, plan: finding.plan, model: .named(finding.model)!, stack: .honest)
            #expect(replay.state.hash == finding.treeHash)
            #expect(replay.lost == finding.explanation.lost)
            try expectEarliest(finding, replay.storage, shows)
            for tear in finding.plan.torn {
                for bit in (0..<8).map({ UInt8(1 << $0) }) where tear.kept & bit == 0 {
                    let others = finding.plan.torn.filter { $0.effect != tear.effect }
                    let more = CrashPlan.TornEffect(effect: tear.effect, kept: tear.kept | bit)
                    let fewer = CrashPlan(
                        crashPoint: finding.plan.crashPoint, lost: finding.plan.lost,
                        torn: others + [more])
                    let isSmaller = (try? shows(fewer)) ?? false
                    #expect(!isSmaller, "\(finding.model) \(finding.kind): \(tear)")
                }
            }
            for effect in finding.plan.lost {
                let fewer = CrashPlan(
                    crashPoint: finding.plan.crashPoint,
                    lost: finding.plan.lost.filter { $0 != effect }, torn: finding.plan.torn)
                // A plan that the model does not allow is not smaller.
                let isSmaller = (try? shows(fewer)) ?? false
                #expect(!isSmaller, "\(finding.model) \(finding.kind): \(effect) need not be lost")
            }
        }
    }

    /// One record less, and all else as it is, the violation does not show. What was never written is shown at its
    /// acknowledgement.
    private func expectEarliest(
        _ finding: Finding, _ storage: Storage, _ shows: (CrashPlan) throws -> Bool
    ) throws {
        let state = try storage.state(finding.plan)
        guard state.crashPoint > 0, let earlier = state.earlier(at: state.crashPoint - 1)
        else { return }
        let plan = earlier.plan
        #expect(try !shows(plan), "\(finding.model) \(finding.kind) at \(plan.crashPoint)")
    }

    @Test("at most so many findings of a kind, and the report says that there are more")
    func findingsPerKind() {
        var toy = Toys.log()
        toy.setUp = { disk in for file in ["a", "b", "c"] { try disk.create(file) } }
        toy.life = { disk in
            for file in ["a", "b", "c"] {
                try disk.say("@begin \(file)")
                try disk.append(file, Toys.line(file))
                try disk.say("@ack \(file)")
            }
        }
        toy.recovery = { disk in
            for file in ["a", "b", "c"] {
                for name in Toys.lines(disk.text(file)) { try disk.say("@saw \(name)") }
            }
        }

        let all = explore(toy, ["posix"])
        let few = explore(toy, ["posix"]) { $0.findingsPerKind = 2 }

        #expect(all.findings.count == 3)
        #expect(all.notes == [])
        #expect(few.findings.count == 2)
        let others = Note.others(.lostCommit, 3, than: 2)
        #expect(few.notes == [.under(model: "posix", stack: "honest", others)])
    }
}
