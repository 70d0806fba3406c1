import Campaign
import Oracles
import Testing

/// What is new beside what is known.
@Suite("Known causes")
struct CauseTests {
    /// A log that is never synced; with `twoFaults` also a table that is not.
    private func store(twoFaults: Bool, commits: Int = 3) -> ToySubject {
        var toy = ToySubject(
            setUp: { disk in
                for name in ["log", "table"] { try disk.create(name) }
            },
            life: { disk in
                for commit in 1...commits {
                    try disk.say("@begin t\(commit)")
                    try disk.append("log", Toys.line("t\(commit)"))
                    try disk.say("@ack t\(commit)")
                    try disk.say("@begin u\(commit)")
                    try disk.append("table", Toys.line("u\(commit)"))
                    if !twoFaults { try disk.sync("table") }
                    try disk.say("@ack u\(commit)")
                }
            },
            recovery: { disk in
                for file in ["log", "table"] {
                    for name in Toys.lines(disk.text(file)) { try disk.say("@saw \(name)") }
                }
            })
        toy.expectation = Expectation(general: .violates([.lostCommit]))
        return toy
    }

    private func fingerprints(_ report: WorkloadReport) -> Set<Fingerprint> {
        Set(report.findings.compactMap { $0.cause?.fingerprint })
    }

    @Test(
        "a second missing sync is as expected by its kind alone, and not by the list of the first")
    func second() throws {
        let first = explore(store(twoFaults: false), ["posix", "ext4-ordered"])
        #expect(first.isExpected)
        let known = fingerprints(first)
        #expect(known.count == 1, "one cause under both models")

        var toy = store(twoFaults: true)
        let byKind = explore(toy, ["posix", "ext4-ordered"])
        #expect(byKind.isExpected && fingerprints(byKind).count == 2)

        toy.expectation.known = Dictionary(uniqueKeysWithValues: known.map { ($0, "known") })
        let byList = explore(toy, ["posix", "ext4-ordered"])
        #expect(!byList.isExpected)
        let unexpected = byList.findings.filter { !$0.isExpected }
        #expect(Set(unexpected.map { $0.cause?.parts }) == [[.content("table")]])
        #expect(byList.findings.contains { $0.isExpected && $0.knownReason == "known" })

        for fingerprint in fingerprints(byKind) { toy.expectation.known?[fingerprint] = "known" }
        #expect(explore(toy, ["posix", "ext4-ordered"]).isExpected)
    }

    @Test("known causes leave the places of a kind to others")
    func places() throws {
        let known = fingerprints(explore(store(twoFaults: false), ["posix"]))
        var toy = store(twoFaults: true)
        toy.expectation.known = Dictionary(uniqueKeysWithValues: known.map { ($0, "known") })

        let report = explore(toy, ["posix"]) { $0.findingsPerKind = 1 }

        #expect(fingerprints(report).count == 2)
        #expect(!report.isExpected)
    }

    @Test(
        "a fingerprint is the same whatever the seed, the number of commits, and the jobs",
        arguments: [1, 2, 7])
    func stable(seed: UInt64) {
        let short = explore(store(twoFaults: true), ["posix"])
        let long = explore(store(twoFaults: true, commits: 5), ["btrfs"]) {
            $0.seed = seed
            $0.jobs = 3
        }

        #expect(fingerprints(short) == fingerprints(long))
        // Files of people hold it.
        #expect(
            fingerprints(short).map(\.description).sorted() == [
                "lost-commit-2d324ad7", "lost-commit-8e3a06d2",
            ])
    }

    @Test("a finding that time left unshrunk is known where a part of its cause is")
    func unshrunk() {
        let part = Cause(.lostCommit, [.content("log")], isInRecovery: false)
        var report = explore(store(twoFaults: false), ["posix"])
        report.findings[0].cause = Cause(
            .lostCommit, [.content("log"), .content("table"), .attributes("x")],
            isInRecovery: false)
        var expectation = Expectation(general: .violates([.lostCommit]))
        expectation.known = [part.fingerprint: "known"]

        report.compare(with: expectation)
        #expect(!report.isExpected)
        report.findings[0].isSmallest = false
        report.compare(with: expectation)
        #expect(report.isExpected)
        expectation.known = [:]
        report.compare(with: expectation)
        #expect(!report.isExpected)
    }

    @Test("what breaks in a recovery has another name than the same loss before it")
    func inRecovery() {
        let parts: Set = [Cause.Part.content("log")]
        func fingerprint(_ isInRecovery: Bool) -> Fingerprint {
            Cause(.lostCommit, parts, isInRecovery: isInRecovery).fingerprint
        }
        #expect(fingerprint(true) != fingerprint(false))
    }
}
