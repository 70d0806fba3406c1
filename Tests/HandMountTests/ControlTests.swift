import FuseMount
import Glibc
import HandMount
import Reporting
import TestSupport
import Testing

extension HandMountTests {
    @Suite("Armed cuts, faults, commands", .serialized)
    struct ControlTests {
        @Test("a cut before the n-th operation comes before it, not one later", arguments: 1...3)
        func before(number: Int) throws {
            let hand = try Hand()
            hand.settle("", in: "log")
            hand.ask("arm cut worst before write log* \(number)")
            var results: [CInt] = []
            for round in 1...number {
                results.append(hand.append("\(round)", to: "log", sync: true))
            }

            let answer = hand.ask("wait within 10s")

            #expect(results == Array(repeating: 0, count: number - 1) + [EIO])
            #expect(hand.text("log") == (1..<number).map { "\($0)" }.joined())
            #expect(answer.text.contains("power loss 1"))
        }

        @Test("a cut after a sync finds the sync done, and the mount goes on")
        func after() throws {
            let hand = try Hand()
            hand.settle("", in: "log")
            hand.ask("arm cut worst after fsync log 2")
            #expect(hand.append("1", to: "log", sync: true) == 0)
            #expect(hand.append("2", to: "log", sync: true) == EIO)
            hand.ask("wait 1 within 10s")
            #expect(hand.text("log") == "12")
            #expect(hand.append("3", to: "log", sync: true) == 0)
            hand.ask("cut worst")
            #expect(hand.text("log") == "123")
        }

        @Test("a fault after which nothing is cut does not hold the mount up")
        func faultsDoNotBlock() throws {
            let hand = try Hand()
            hand.ask("arm fault ENOSPC create a* 2")
            #expect(hand.write("1", to: "a1") == 0)
            #expect(hand.write("2", to: "a2") == ENOSPC)
            #expect(hand.write("3", to: "a2") == 0)
            #expect(hand.ask("wait within 10s").text.contains("ENOSPC"))
        }

        @Test("faults: every, n-th, by folder, by chance, cleared")
        func faults() throws {
            let hand = try Hand()
            mkdir(hand.file("d"), 0o755)
            hand.ask("fault EROFS any d/* every")
            #expect(hand.write("", to: "d/x") == EROFS)
            #expect(hand.write("", to: "x") == 0)
            hand.ask("fault clear 1")
            #expect(hand.write("", to: "d/x") == 0)
            hand.ask("fault EIO sync x nth 2")
            #expect([hand.sync("x"), hand.sync("x"), hand.sync("x")] == [0, EIO, 0])
            hand.ask("fault clear all")
            hand.ask("fault EIO open x chance 1/2 seed 7")
            let failed = (0..<40).count { _ in hand.sync("x") == EIO }
            #expect((5...35).contains(failed))
            hand.ask("fault clear all")
            #expect(hand.sync("x") == 0)
            hand.ask("fault EIO sync x after 1ms for 60s")
            #expect(hand.sync("x") == EIO)
            hand.ask("fault clear all")
            hand.ask("fault EIO sync x after 3600s")
            hand.ask("fault ENOSPC write beyond 4KiB")
            #expect(hand.sync("x") == 0)
            #expect(hand.write("1", to: "x") == 0)
            #expect(hand.write("1", to: "y") == ENOSPC)
        }

        @Test("a delay delays")
        func delays() throws {
            let hand = try Hand()
            hand.settle("", in: "a")
            hand.ask("fault 80ms fsync a nth 1")
            let clock = ContinuousClock()
            let time = clock.measure { #expect(hand.sync("a") == 0) }
            #expect(time >= .milliseconds(80))
        }

        @Test("what was armed and never fired is told, with how often it nearly did")
        func neverFired() throws {
            let hand = try Hand()
            hand.ask("arm cut worst before write log 3")
            hand.ask("fault EIO rename")
            #expect(hand.append("1", to: "log") == 0)
            let text = hand.ask("quit").text
            #expect(text.contains("NEVER FIRED: armed 1"))
            #expect(text.contains("1 of 3 matching operations came"))
            #expect(text.contains("NEVER FIRED: fault 1"))
        }

        @Test(
            "commands that make no sense are refused, and change nothing",
            arguments: [
                "", "bogus", "cut", "cut worst now", "cut seed", "cut seed -1", "cut seed x",
                "cut plan {}", "arm", "arm cut worst", "arm cut worst during write",
                "arm cut worst before nothing", "arm cut worst before write a 0",
                "arm cut worst after read", "arm fault EWHAT write", "arm fault EIO",
                "disarm", "disarm 9", "wait", "wait 9", "wait within", "wait within soon",
                "lie maybe", "fault EIO", "fault EIO write a nth", "fault EIO write a nth 0",
                "fault EIO write a chance 2/1", "fault 2h write", "fault flip write",
                "fault EIO write a beyond", "fault EIO write a beyond 8MB",
                "fault EIO write a beyond 99999999999GiB", "fault EIO write a after",
                "fault EIO write a after 1s for", "fault EIO write a after 1s 2s", "fault clear 9",
                "evict none", "evict a b", "evict /",
                "log none", "log 0", "save", "save relative", "save /no/such/folder", "quit now",
                "checkpoint 1", "pending all",
            ])
        func refusals(words: String) throws {
            let hand = try Hand()
            let sentence = hand.refusal(words.split(separator: " ").map(String.init))
            #expect(sentence?.isEmpty == false)
            #expect(hand.ask("fault").text == "there are no faults, and nothing is armed")
            #expect(hand.ask("log").json["life"]?.number == 1)
        }

        @Test("a wait ends when its time is over, when what it waits for is disarmed")
        func waits() throws {
            let hand = try Hand()
            hand.ask("arm cut worst before rename")
            #expect(hand.refusal(["wait", "within", "50ms"])?.contains("in time") == true)
            hand.ask("disarm 1")
            #expect(hand.refusal(["wait"])?.contains("nothing is armed") == true)
        }

        @Test("the socket: its owner's only; long commands whole; garbage refused")
        func socket() throws {
            let hand = try Hand()
            let path = hand.folder.file("ctl")
            let control = try ControlSocket(path: path)
            defer { control.end() }
            let mount = hand.mount
            control.serve { words, isGone in mount.answer(words, isGone: isGone) }
            var status = stat()
            lstat(path, &status)
            #expect(status.st_mode & 0o777 == 0o600)

            let glob = String(repeating: "a", count: 5000)
            let answer = try ControlSocket.ask(path, ["fault", "EIO", "write", glob, "nth", "1"])
            #expect(answer.isDone && answer.text.contains(glob))
            #expect(try ControlSocket.ask(path, ["fault", "clear"]).isDone == false)
            let huge = String(repeating: "x", count: ControlSocket.limit)
            #expect(try ControlSocket.ask(path, ["log", huge]).isDone == false)
            #expect(try ControlSocket.ask(path, ["cut", "worst"]).isDone)
            #expect(throws: (any Error).self) { try ControlSocket(path: path) }
        }

        @Test("a copy of a folder: links, modes, bytes, and no way back")
        func source() throws {
            let hand = try Hand { folder in
                try FileBytes.write(Array(repeating: 7, count: 3_000_000), to: "\(folder)/big")
                try FileBytes.write(Array("x".utf8), to: "\(folder)/a")
                chmod("\(folder)/a", 0o600)
                link("\(folder)/a", "\(folder)/b")
                symlink("a", "\(folder)/s")
                mkdir("\(folder)/d", 0o711)
            }
            var a = stat()
            var b = stat()
            var d = stat()
            stat(hand.file("a"), &a)
            lstat(hand.file("s"), &b)
            stat(hand.file("d"), &d)
            #expect(a.st_nlink == 2 && a.st_mode & 0o777 == 0o600)
            #expect(b.st_mode & S_IFMT == S_IFLNK && d.st_mode & 0o777 == 0o711)
            #expect(try FileBytes.read(hand.file("big")) == Array(repeating: 7, count: 3_000_000))
            hand.ask("cut worst")
            #expect(hand.text("b") == "x")
            #expect(hand.write("y", to: "a") == 0)
            #expect(try FileBytes.read(hand.folder.file("source/a")) == Array("x".utf8))
        }
    }
}
