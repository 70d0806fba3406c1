import Glibc
import HandMount
import Reporting
import TestSupport
import Testing

extension HandMountTests {
    /// What filesystems like this one got wrong, one test for each; none of it is to happen here.
    @Suite("Defects that peers had", .serialized)
    struct PeerDefectTests {
        /// More than a cache of some MiB holds.
        private static let large = 48 << 20

        private static func pattern(_ count: Int) -> [UInt8] {
            var random = TestRandom(seed: 5)
            return (0..<count / 8).flatMap { _ in
                withUnsafeBytes(of: random.next()) { Array($0) }
            }
        }

        @Test("without a fault no byte changes, however much is not synced or dropped from memory")
        func eviction() throws {
            let hand = try Hand()
            let bytes = Self.pattern(Self.large)
            let file = open(hand.file("large"), O_RDWR | O_CREAT, 0o600)
            try #require(file >= 0)
            defer { close(file) }
            // In an order that is no order.
            let pieces = bytes.count >> 16
            for piece in 0..<pieces {
                let place = (piece * 379 % pieces) << 16
                let written = bytes.withUnsafeBytes {
                    pwrite(file, $0.baseAddress! + place, 1 << 16, place)
                }
                try #require(written == 1 << 16)
            }
            posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)

            #expect(try FileBytes.read(hand.file("large")) == bytes)
        }

        @Test("what is not synced is lost, however much there is of it")
        func fullCache() throws {
            let hand = try Hand()
            hand.settle("short", in: "large")
            try FileBytes.write(Self.pattern(Self.large), to: hand.file("large"))

            hand.ask("cut worst")

            #expect(hand.text("large") == "short")
        }

        @Test("a rule that fires after an operation lets the mount go on")
        func afterDoesNotBlock() throws {
            let hand = try Hand()
            hand.ask("arm cut worst after write log 1")
            hand.ask("fault EIO fsync log nth 2")

            #expect(hand.append("1", to: "log") == EIO)
            hand.ask("wait 1 within 10s")
            #expect(hand.append("2", to: "log", sync: true) == 0)
            #expect(hand.append("3", to: "log", sync: true) == EIO)
            #expect(hand.append("4", to: "log", sync: true) == 0)
            #expect(hand.text("log") == "234")
        }

        @Test("a rule that is not understood is refused, and not left out in silence")
        func unknownRule() throws {
            let hand = try Hand()
            let wrong = ["arm cut worst before wirte", "fault EIO write a ntth 2", "crash before"]
            for words in wrong {
                #expect(hand.refusal(words.split(separator: " ").map(String.init)) != nil)
            }
            #expect(hand.ask("fault").text == "there are no faults, and nothing is armed")
            #expect(hand.write("x", to: "a", sync: true) == 0)
        }

        @Test(
            "the n-th occurrence is the n-th, before and after", arguments: ["before", "after"],
            1...3)
        func occurrence(moment: String, number: Int) throws {
            let hand = try Hand()
            hand.settle("", in: "log")
            hand.ask("arm cut worst \(moment) fsync log \(number)")
            var done = 0
            while hand.append("x", to: "log", sync: true) == 0, done < 10 { done += 1 }

            #expect(done == number - 1)
            hand.ask("wait within 10s")
            let kept = moment == "before" ? number - 1 : number
            #expect(hand.text("log") == String(repeating: "x", count: kept))
        }

        @Test("a long command is taken whole")
        func longCommand() throws {
            let hand = try Hand()
            let name = String(repeating: "n", count: 200)
            hand.ask("fault EIO write \(name) nth 1")
            #expect(hand.write("x", to: String(name.dropLast())) == 0)
            #expect(hand.write("x", to: name) == EIO)
        }

        @Test("the end is an end: no signal, no mount, whatever was open")
        func end() throws {
            let hand = try Hand()
            hand.settle("x", in: "a")
            let file = open(hand.file("a"), O_RDONLY)
            defer { close(file) }
            hand.ask("quit")
            hand.mount.end()
            hand.mount.end()
            #expect(access(hand.file("a"), F_OK) == -1 && errno == ENOENT)
        }

        @Test("what is not synced names truncations, too")
        func truncations() throws {
            let hand = try Hand()
            hand.settle("0123456789", in: "a")
            truncate(hand.file("a"), 4)
            #expect(hand.ask("pending").text.contains("truncate a to 4"))
            hand.sync("a")
            #expect(!hand.ask("pending").text.contains("truncate a"))
        }

        @Test("a sync of one byte does not cost what the whole file costs")
        func syncCost() throws {
            let hand = try Hand()
            func median(_ name: String, size: Int) throws -> Duration {
                try FileBytes.write([UInt8](repeating: 7, count: size), to: hand.file(name))
                let file = open(hand.file(name), O_WRONLY)
                try #require(file >= 0 && fsync(file) == 0)
                defer { close(file) }
                let clock = ContinuousClock()
                let times = (0..<31).map { place in
                    var byte = UInt8(place)
                    pwrite(file, &byte, 1, place * 4096)
                    return clock.measure { fsync(file) }
                }
                return times.sorted()[times.count / 2]
            }
            let small = try median("small", size: 1 << 17)
            let large = try median("large", size: Self.large)
            // 384 times the bytes: a cost that grows with them is far above this.
            #expect(large < small * 30 + .milliseconds(2), "\(small), \(large)")
        }

        /// Done by a program of its own: a process must not map the files of a mount that it serves.
        struct Step: CustomTestStringConvertible, Sendable {
            let name: String
            let python: String
            let holds: Bool
            var testDescription: String { name }
        }

        private static let steps = [
            Step(name: "overwrite", python: "os.pwrite(f, b'NEW', 0)", holds: false),
            Step(name: "append", python: "os.pwrite(f, b'NEW', 8192)", holds: false),
            Step(name: "truncate", python: "os.ftruncate(f, 3)", holds: false),
            Step(name: "O_TRUNC", python: "os.open(p, os.O_WRONLY | os.O_TRUNC)", holds: false),
            Step(name: "fallocate", python: "os.posix_fallocate(f, 0, 65536)", holds: false),
            Step(
                name: "O_DIRECT",
                python: "b = mmap.mmap(-1, 4096); b.write(b'N' * 4096); "
                    + "os.pwrite(os.open(p, os.O_WRONLY | os.O_DIRECT), b, 0)",
                holds: false),
            Step(name: "mmap", python: "m = mmap.mmap(f, 8192); m[0:3] = b'NEW'", holds: false),
            Step(
                name: "O_SYNC", python: "os.pwrite(os.open(p, os.O_WRONLY | os.O_SYNC), b'NEW', 0)",
                holds: true),
            Step(
                name: "O_DSYNC",
                python: "os.pwrite(os.open(p, os.O_WRONLY | os.O_DSYNC), b'NEW', 0)", holds: true),
            Step(
                name: "fdatasync", python: "os.pwrite(f, b'NEW', 0); os.fdatasync(f)", holds: true),
            Step(
                name: "truncate, fsync", python: "os.ftruncate(f, 3); os.fsync(f)", holds: true),
            Step(
                name: "msync", python: "m = mmap.mmap(f, 8192); m[0:3] = b'NEW'; m.flush()",
                holds: true),
        ]

        @Test(
            "without a sync each change reverts, with one it holds",
            .enabled(if: access("/usr/bin/python3", X_OK) == 0), arguments: steps)
        func reverts(step: Step) throws {
            let hand = try Hand()
            hand.settle(String(repeating: "o", count: 8192), in: "a")
            let before = hand.text("a")
            let script =
                "import mmap, os, sys; p = sys.argv[1]; f = os.open(p, os.O_RDWR); \(step.python)"
            try #require(run(["/usr/bin/python3", "-c", script, hand.file("a")]) == 0)
            let changed = hand.text("a")
            if step.name != "mmap" { #expect(changed != before) }

            hand.ask("cut worst")

            #expect(hand.text("a") == (step.holds ? changed : before))
        }

        private func run(_ words: [String]) -> CInt {
            var arguments = words.map { strdup($0) } + [nil]
            defer { for word in arguments { free(word) } }
            var process: pid_t = 0
            guard posix_spawn(&process, words[0], nil, nil, &arguments, environ) == 0 else {
                return -1
            }
            var status: CInt = 0
            waitpid(process, &status, 0)
            return status
        }
    }
}
