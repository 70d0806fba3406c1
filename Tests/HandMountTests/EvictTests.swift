import Glibc
import HandMount
import Recording
import Reporting
import TestSupport
import Testing

extension HandMountTests {
    @Suite("Evicting clean pages", .serialized)
    struct EvictTests {
        /// Writes over a durable file, and the sync of that fails.
        private func fail(_ hand: Hand, _ name: String) {
            hand.settle("old", in: name)
            hand.ask("fault EIO fsync \(name) nth 1")
            #expect(hand.write("newer", to: name, flags: 0, sync: true) == EIO)
            #expect(hand.text(name) == "newer")
            hand.ask("fault clear all")
        }

        @Test("the program reads on through its descriptor, and reads what the storage has")
        func reads() throws {
            let hand = try Hand()
            fail(hand, "a")
            hand.settle("kept", in: "b")
            let file = open(hand.file("a"), O_RDWR)
            defer { close(file) }
            func read() -> String {
                var bytes = [UInt8](repeating: 0, count: 10)
                let count = pread(file, &bytes, 10, 0)
                return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
            }
            #expect(read() == "newer")

            let answer = hand.ask("evict")

            #expect(
                answer.text == "1 file reads as the storage has it: 5 bytes changed\n  a: 5 bytes")
            #expect(answer.json["bytes"]?.number == 5)
            #expect(answer.json["files"]?.items.first?["path"]?.string == "a")
            #expect(read() == "old\0\0")
            #expect(hand.text("a") == "old\0\0")
            #expect(hand.text("b") == "kept")
            #expect(pwrite(file, "N", 1, 0) == 1 && fsync(file) == 0)
            hand.ask("cut worst")
            #expect(hand.text("a") == "Nld\0\0")
        }

        @Test("what was evicted is not pending; what is dirty stays so")
        func pending() throws {
            let hand = try Hand()
            fail(hand, "a")
            #expect(hand.write("dirty", to: "b") == 0)
            func kinds(_ name: String) -> [String] {
                let files = hand.ask("pending").json["files"]?.items ?? []
                return (files.first { $0["path"]?.string == name }?["effects"]?.items ?? [])
                    .compactMap { $0["kind"]?.string }
            }
            let before = kinds("b")
            #expect(kinds("a").contains("data"))

            hand.ask("evict")

            #expect(kinds("a") == ["size"])
            #expect(kinds("b") == before)
            #expect(hand.text("b") == "dirty")
            #expect(hand.ask("evict").text == "nothing was in the page cache alone")
            #expect(hand.sync("a") == 0)
            hand.ask("cut worst")
            #expect(hand.text("a") == "old\0\0")
        }

        @Test("of one file, by its path")
        func oneFile() throws {
            let hand = try Hand()
            mkdir(hand.file("d"), 0o755)
            hand.sync()
            fail(hand, "d/a")
            fail(hand, "b")
            #expect(hand.refusal(["evict", "d"])?.contains("is not a file") == true)
            #expect(hand.refusal(["evict", "d/x"])?.contains("there is no d/x") == true)

            hand.ask("evict d/a")

            #expect(hand.text("d/a") == "old\0\0")
            #expect(hand.text("b") == "newer")
        }

        @Test("nothing is in the page cache alone: no failure, or pages that the failure dropped")
        func nothing() throws {
            let hand = try Hand()
            hand.write("dirty", to: "a")
            let count = hand.ask("log").json["records"]?.items.count
            #expect(hand.ask("evict").text == "nothing was in the page cache alone")
            #expect(hand.ask("evict a").json["bytes"]?.number == 0)
            #expect(hand.ask("log").json["records"]?.items.count == count)
            #expect(hand.text("a") == "dirty")

            let reverting = try Hand(model: "btrfs")
            reverting.settle("old", in: "a")
            reverting.ask("fault EIO fsync a nth 1")
            #expect(reverting.write("newer", to: "a", flags: 0, sync: true) == EIO)
            #expect(reverting.text("a") == "old")
            #expect(reverting.ask("evict").text == "nothing was in the page cache alone")
        }

        @Test("where the model has stored it along with another file it is refused, and stays")
        func storedAlong() throws {
            let hand = try Hand(model: "in-order")
            hand.settle("old", in: "a")
            #expect(hand.write("newer", to: "a", flags: 0) == 0)
            hand.settle("b", in: "b")
            hand.ask("fault EIO fsync a nth 1")
            #expect(hand.sync("a") == EIO)

            #expect(hand.refusal(["evict"])?.contains("along with another file") == true)

            #expect(hand.text("a") == "newer")
            hand.ask("cut worst")
            #expect(hand.text("a") == "newer")
        }

        @Test("the saved recording gives the tree that programs see, in later lives as well")
        func saved() throws {
            let hand = try Hand(model: "ext4-journal")
            hand.settle("first", in: "c")
            hand.ask("cut worst")
            hand.settle("old", in: "a")
            hand.ask("fault EIO fsync a nth 1")
            // It is the next one that says so.
            #expect(hand.write("newer", to: "a", flags: 0, sync: true) == 0)
            #expect(hand.text("a") == "newer")
            hand.ask("evict a")
            #expect(hand.text("a") == "old\0\0")
            #expect(hand.ask("log 1").text.contains("evict a (clean pages left the cache)"))

            #expect(hand.ask("log").text.contains("fsync a (EIO)"))

            hand.ask("save \(hand.folder.file("saved"))")

            let recording = try Recording(path: hand.folder.file("saved/life-2.perjury"))
            let tree = try recording.tree(after: recording.count)
            let content = try #require(tree.lookUp(path: "a").flatMap { tree[$0]?.content })
            #expect(content.bytes(0..<content.size) == Array("old\0\0".utf8))
            hand.ask("cut worst")
            #expect(hand.text("a") == "old\0\0")
        }
    }
}
