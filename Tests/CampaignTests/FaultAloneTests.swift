import Campaign
import Oracles
import Recording
import Testing

import struct SystemPackage.Errno

/// Runs that meet an injected fault and lose something by that alone.
@Suite("What a fault alone destroys")
struct FaultAloneTests {
    private static let full = Fault(
        operation: "write", effect: "ENOSPC", path: "f", error: .noSpace)

    /// Truncates a file to write it anew, which fails.
    private func truncating(files: [String], fault: Fault = full, answer: String) -> ToySubject {
        ToySubject(
            setUp: { disk in
                for name in files {
                    try disk.create(name)
                    try disk.append(name, Toys.line("1"))
                }
                try disk.say(
                    "@begin t1 " + files.map { "\($0)=1" }.joined(separator: " "), "@ack t1")
            },
            life: { disk in
                try disk.say("@begin t2 \(files[0])=2")
                try disk.truncate(files[0], to: 0)
                try disk.meet(fault)
                try disk.say("\(answer) t2")
            },
            recovery: { disk in
                for name in files {
                    for value in Toys.lines(disk.text(name)) {
                        try disk.say("@saw \(name)=\(value)")
                    }
                }
            })
    }

    @Test(
        "what the store had, and lost by the fault, is violated, with the fault as the culprit",
        arguments: [["f"], ["f", "g"]], ["@unknown", "@abort", "@ack"])
    func destroyed(files: [String], answer: String) throws {
        let report = explore(truncating(files: files, answer: answer), ["ext4-ordered"])

        #expect(report.inconclusive == nil)
        #expect(report.verdict == .violated)
        let culprit = "#2 write f: ENOSPC, which was injected"
        let finding = try #require(report.findings.first { $0.lost == [culprit] })
        #expect(finding.plan.lost.isEmpty)
        #expect(finding.evidence.remarks == [.faultAlone])
        #expect(
            !report.findings.contains {
                $0.evidence.remarks.contains(.unwritten(mapped: nil))
            })
        let replay = try Replay(
            truncating(files: files, answer: answer).record(), plan: finding.plan,
            model: .ext4Ordered, stack: .honest)
        #expect(
            try replay.judge(truncating(files: files, answer: answer)).violations
                .contains { $0.kind == finding.kind })
    }

    @Test("a store that a fault leaves unable to open is violated, not inconclusive")
    func cannotOpen() throws {
        var toy = truncating(files: ["f"], answer: "@unknown")
        let read = toy.recovery
        toy.recovery = { disk in
            if disk.bytes("f")?.isEmpty ?? true { throw ToyEnd.exits(3) }
            try read(disk)
        }
        let report = explore(toy, ["ext4-ordered"])

        #expect(report.violated == ["ext4-ordered: cannot-open"])
        #expect(report.findings[0].lost == ["#2 write f: ENOSPC, which was injected"])
    }

    @Test("an acknowledgement of what had failed is the program's answer to the fault")
    func swallowed() throws {
        var toy = Toys.files(syncsDirectory: true)
        let life = toy.life
        toy.life = { disk in
            try life(disk)
            try disk.say("@begin t9 k9=v")
            try disk.meet(Self.full)
            try disk.say("@ack t9")
        }
        let report = explore(toy, ["ext4-ordered"])

        #expect(report.violated == ["ext4-ordered: lost-commit"])
        #expect(report.findings.map(\.explanation.advice) == [.stepHadFailed])
    }

    @Test("an observer that saw nothing before the fault either is still inconclusive")
    func blind() {
        var toy = truncating(files: ["f"], answer: "@unknown")
        toy.recovery = { _ in }

        #expect(
            explore(toy, ["posix"]).inconclusive?
                .hasPrefix("the observer does not see what run acknowledged: t") == true)
        toy.setUp = { try $0.create("f") }
        toy.life = { disk in
            try disk.meet(Self.full)
            try disk.say("@begin t2 f=2")
            try disk.append("f", Toys.line("2"))
            try disk.say("@ack t2")
        }
        #expect(
            explore(toy, ["posix"]).inconclusive?
                .hasPrefix("the observer does not see what run acknowledged: t") == true)
    }

    @Test("a request that was only delayed is to blame for nothing")
    func delayed() {
        let late = Fault(operation: "write", effect: "20ms", path: "f")
        let report = explore(
            truncating(files: ["f"], fault: late, answer: "@ack"), ["ext4-ordered"])

        #expect(
            report.inconclusive
                == "the observer does not see what run acknowledged: t2 was acknowledged at #3, "
                + "but f is missing (expected 2); it lists nothing")
    }

    @Test("what was missing before the fault already is not blamed on it")
    func before() {
        var toy = Toys.keepsLastBack()
        let life = toy.life
        toy.life = { disk in
            try life(disk)
            try disk.meet(Self.full)
        }
        let report = explore(toy, ["ext4-ordered"])

        #expect(report.violated == ["ext4-ordered: lost-commit"])
        #expect(report.findings.allSatisfy { $0.evidence.remarks == [.unwritten(mapped: nil)] })
    }
}
