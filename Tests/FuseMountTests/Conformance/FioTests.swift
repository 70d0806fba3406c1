import FileTree
import FuseMount
import Glibc
import TestSupport
import Testing

extension SoakTests {
    @Suite(
        "fio --verify", .serialized,
        .enabled(if: (try? shell("fio --version", in: "/")) == 0, "fio is not installed"))
    struct Fio {
        private static let engines = [
            "--ioengine=psync", "--ioengine=psync --fdatasync=16", "--ioengine=mmap",
            "--ioengine=psync --direct=1", "--ioengine=io_uring --iodepth=8",
            "--ioengine=io_uring --iodepth=8 --direct=1",
        ]
        private static let patterns = [
            "--rw=randwrite --bs=4k", "--rw=write --bs=64k", "--rw=randrw --bsrange=512-32k",
            "--rw=randwrite --bs=4k --norandommap",
        ]

        @Test("every block that fio wrote verifies, round after round, until the time is over")
        func verifies() throws {
            let end = time(nil) + 60 * Soak.number("PERJURY_SOAK_MINUTES", else: 30)
            var rounds = 0
            repeat {
                for engine in Self.engines {
                    let pattern = Self.patterns[rounds % Self.patterns.count]
                    try round("\(engine) \(Self.usable(pattern, with: engine))", seed: rounds)
                    rounds += 1
                    if time(nil) >= end { break }
                }
            } while time(nil) < end
            print("fio: \(rounds) rounds verified")
        }

        /// Direct I/O wants whole blocks, and one that is written twice while others are under way verifies nothing.
        private static func usable(_ pattern: String, with engine: String) -> String {
            var words = pattern
            if engine.contains("iodepth") { words = words.replacing(" --norandommap", with: "") }
            if engine.contains("direct") {
                words = words.replacing("bsrange=512-", with: "bsrange=4k-")
            }
            return words
        }

        private func round(_ options: String, seed: Int) throws {
            let folder = try TemporaryFolder()
            let output = folder.file("output")
            try withMount { (mount) throws in
                let command =
                    "fio --name=verify --size=24m --numjobs=2 --randseed=\(seed + 1) "
                    + "--verify=crc32c --verify_fatal=1 --do_verify=1 \(options)"
                // io_uring is not everywhere allowed: fio then says so before it writes anything.
                let status = try shell("\(command) 2>&1", in: mount.path, output: output)
                let said = try text(output)
                if status != 0,
                    said.contains("io_queue_init") || said.contains("Operation not permitted")
                {
                    print("fio: skipped, no io_uring here: \(options)")
                    return
                }
                #expect(status == 0, "\(options): \(said.suffix(2000))")
                print("fio: \(options) verified")
            }
        }
    }
}
