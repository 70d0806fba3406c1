import Oracles
import Testing

@Suite("Fingerprints of causes")
struct FingerprintTests {
    @Test("the text of a fingerprint is read back", arguments: ViolationKind.allCases)
    func roundTrip(kind: ViolationKind) {
        for hash: UInt64 in [0, 7, 0x1234_5678, 0xffff_ffff, .max] {
            let fingerprint = Fingerprint(kind, hash: hash)
            #expect(Fingerprint(fingerprint.description) == fingerprint)
        }
        #expect(Fingerprint(kind, hash: 0x5c1f).description == "\(kind.rawValue)-00005c1f")
    }

    @Test(
        "what is none is refused",
        arguments: [
            "", "lost-commit", "5c1f03aa", "lost-commit-5c1f03a", "lost-commit-5C1F03AA",
            "lost-commit-5c1f03aa ", "gone-5c1f03aa", "lost-commit-5c1f03ag", "lost-commit--1f03aa",
        ])
    func refused(text: String) {
        #expect(Fingerprint(text) == nil)
    }

    @Test("with a list nothing may come that is not on it; without one, kinds tell")
    func allows() throws {
        let one = Fingerprint(.lostCommit, hash: 1)
        let two = Fingerprint(.lostCommit, hash: 2)
        let torn = Fingerprint(.tornCommit, hash: 1)
        var expectation = Expectation(general: try .init("violates lost-commit"))
        func allows(_ fingerprint: Fingerprint, stack: String = "honest") -> Bool {
            expectation.allows(fingerprint.kind, fingerprint, model: "posix", stack: stack)
        }
        #expect(allows(one) && allows(two) && !allows(torn))

        expectation.known = [one: "its README says so", torn: "an old one"]
        #expect(allows(one) && !allows(two) && allows(torn))
        #expect(expectation.reason(one) == "its README says so" && expectation.reason(two) == nil)

        expectation.known = [:]
        #expect(!allows(one))

        // Nothing is said of a lying stack below what is violated already.
        expectation = Expectation(specific: ["posix": try .init("violates lost-commit")])
        expectation.known = [:]
        #expect(!allows(one) && allows(one, stack: "torn-512"))
    }
}
