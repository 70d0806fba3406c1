import FuseMount
import Glibc
import Oracles
import Testing

/// A real engine beside the toys, with the control that is documented to lose commits.
@Suite(
    "Engines", .serialized, .enabled(if: MountServer.isAvailable && geteuid() == 0),
    .timeLimit(.minutes(5)))
struct EngineTests {
    @Test("LMDB holds, and is explored to the end; without its syncs it is found")
    func lmdb() throws {
        let sound = try explore("lmdb", states: 40_000)
        let control = try explore("lmdb-nosync", states: 40_000)

        expectAsExpected(sound)
        #expect(sound.verdict == .holds)
        #expect(sound.models.allSatisfy { $0.exhaustive })
        expectAsExpected(control)
        #expect(control.models.allSatisfy { $0.verdict == .violated })
        #expect(control.findings.contains { $0.kind == .lostCommit })
    }
}
