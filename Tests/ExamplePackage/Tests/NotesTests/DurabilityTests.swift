import Perjury
import Testing

@Suite("Notes survive a power loss", .serialized)
struct DurabilityTests {
    private func store(_ name: String, _ options: String...) throws -> Store {
        let notes = try Store.product("notes")
        return Store(name, run: [notes, "add", "5"] + options, observe: [notes, "list"])
    }

    private let exploration = Exploration(models: [.ext4, .xfs, .btrfs], budget: .states(2000))

    @Test("with all its syncs the store holds")
    func holds() throws {
        let report = try store("notes").explore(exploration)

        #expect(report.verdict == .holds, "\(report)")
        #expect(report.verdict(under: .btrfs) == .holds)
        #expect(report.findings.isEmpty)
    }

    @Test("without its sync it is told what is lost, and which sync is missing")
    func forgetsToSync() throws {
        let recording = try store("notes-forgetting", "--no-sync").record()
        #expect(recording.acknowledgedCount == 5)

        let report = try recording.explore(exploration)

        #expect(report.verdict == .violated, "\(report)")
        let finding = try #require(report.findings.first { $0.violation == .lostCommit })
        #expect(finding.advice.contains("fsync notes"), "\(finding)")
        #expect(finding.replayCommand != nil)
    }

    @Test("what cannot be run is inconclusive, and never held for durable")
    func missing() throws {
        let report = try Store("notes-missing", run: ["no-such-program"], observe: ["true"])
            .explore(exploration)

        guard case .inconclusive(let reason) = report.verdict else {
            Issue.record("\(report)")
            return
        }
        #expect(reason.contains("no-such-program"))
    }

    @Test("a misspelt model is told with the nearest one")
    func unknownModel() {
        let error = #expect(throws: PerjuryError.self) { try Model(named: "ext4-orderd") }
        #expect(error?.sentence.contains("ext4-ordered") == true)
    }
}
