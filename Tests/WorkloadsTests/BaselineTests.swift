import Oracles
import Testing
import Workloads

@Suite("Baselines")
struct BaselineTests {
    private let one = Fingerprint(.lostCommit, hash: 1)
    private let two = Fingerprint(.phantom, hash: 2)
    private let three = Fingerprint(.hole, hash: 3)

    private func baseline(_ text: String) throws -> Baseline {
        try Baseline(parsing: Array(text.utf8), path: "known.yaml")
    }

    @Test("what is written is read back, whatever the reasons hold")
    func roundTrip() throws {
        var written = Baseline()
        _ = written.update("a: b", seen: [one: "x: \"y\" # z"], own: Expectation())
        _ = written.update("plain", seen: [:], own: Expectation())

        #expect(try baseline(try written.text()) == written)
    }

    @Test("an update keeps what is there and its reasons, and leaves other workloads alone")
    func update() throws {
        var known = try baseline(
            "w: {lost-commit-00000001: mine, hole-00000003: gone}\nother: {hole-00000003: stays}\n")
        var own = Expectation()
        own.known = [three: "the workload's own"]

        let unseen = known.update(
            "w", seen: [one: "content a", two: "content b"], own: own)

        #expect(unseen == [three])

        #expect(
            known.workloads == [
                "w": [one: "mine", two: "not looked into: content b", three: "gone"],
                "other": [three: "stays"],
            ])
        #expect(known.expectation(of: "w", own).known?.keys.sorted() == [one, three, two].sorted())
        #expect(known.expectation(of: "new", Expectation()).known == nil)
    }

    @Test(
        "a line that is wrong is named",
        arguments: [
            ("w: {lost: x}\n", "known.yaml:1: `lost` is not a fingerprint"),
            (
                "w:\n  lost-commit-00000001:\n",
                "known.yaml:2: `w.lost-commit-00000001` must be a text"
            ),
            ("w: 3\n", "known.yaml:1: `w` must be a mapping"),
            ("- w\n", "a baseline must be a mapping"),
        ])
    func wrong(text: String, sentence: String) {
        do throws(WorkloadFileError) {
            _ = try Baseline(parsing: Array(text.utf8), path: "known.yaml")
            Issue.record("it was read")
        } catch {
            #expect(error.description.contains(sentence))
        }
    }
}
