import FuseMount
import Glibc
import HandMount
import Recording
import Reporting
import TestSupport
import Testing

/// Mounts, so one test at a time.
@Suite("A mount by hand", .serialized, .enabled(if: Hand.isPossible), .timeLimit(.minutes(2)))
struct HandMountTests {}

extension HandMountTests {
    @Suite("Power losses", .serialized)
    struct CutTests {
        @Test("a rename that nobody synced is lost, one that was synced is kept")
        func renames() throws {
            let hand = try Hand()
            hand.settle("old", in: "a")
            #expect(hand.write("new", to: "b", sync: true) == 0)
            rename(hand.file("b"), hand.file("a"))

            hand.ask("cut worst")
            #expect(hand.text("a") == "old")

            #expect(hand.write("new", to: "b", sync: true) == 0)
            rename(hand.file("b"), hand.file("a"))
            hand.sync()
            hand.ask("cut worst")
            #expect(hand.text("a") == "new")
        }

        @Test("what is pending names bytes, sizes, truncations and names")
        func pending() throws {
            let hand = try Hand()
            hand.settle("0123456789", in: "cut")
            hand.settle("x", in: "gone")
            truncate(hand.file("cut"), 4)
            unlink(hand.file("gone"))
            #expect(hand.write("abc", to: "made") == 0)

            let answer = hand.ask("pending")

            var kinds: [String: Set<String>] = [:]
            for file in answer.json["files"]?.items ?? [] {
                kinds[file["path"]?.string ?? ""] = Set(
                    (file["effects"]?.items ?? []).compactMap { $0["kind"]?.string })
            }
            #expect(kinds["cut"]?.contains("truncation") == true)
            #expect(kinds["gone"] == ["removal"])
            #expect(kinds["made"] == ["name", "data", "size"])
            #expect(answer.text.contains("truncate cut to 4"))
        }

        @Test("a lying drive loses what was synced, an honest one does not; a checkpoint holds")
        func lies() throws {
            let hand = try Hand()
            hand.settle("kept", in: "a")
            hand.ask("lie on")
            hand.settle("lost", in: "b")
            hand.ask("cut worst")
            #expect(hand.text("a") == "kept")
            #expect(hand.text("b") == nil)

            // The lie goes on in the next life.
            hand.settle("lost", in: "b")
            hand.ask("checkpoint")
            hand.settle("lost", in: "c")
            hand.ask("cut worst")
            #expect(hand.text("b") == "lost")
            #expect(hand.text("c") == nil)

            #expect(hand.ask("lie").text == "the drive lies")
            hand.ask("fault clear all")
            #expect(hand.ask("lie").text == "the drive is honest")
            hand.ask("lie on")
            hand.ask("lie off")
            hand.settle("kept", in: "c")
            hand.ask("cut worst")
            #expect(hand.text("c") == "kept")
        }

        @Test("a descriptor from before gets ESTALE; one of a folder that is still there goes on")
        func descriptors() throws {
            let hand = try Hand()
            hand.settle("text", in: "a")
            let file = open(hand.file("a"), O_RDWR)
            let folder = open(hand.path, O_RDONLY | O_DIRECTORY)
            defer {
                close(file)
                close(folder)
            }
            hand.ask("cut worst")

            var byte = UInt8(0)
            var status = stat()
            #expect(pread(file, &byte, 1, 0) == -1 && errno == ESTALE)
            #expect(pwrite(file, &byte, 1, 0) == -1 && errno == ESTALE)
            #expect(fsync(file) == -1 && errno == ESTALE)
            #expect(fstat(file, &status) == -1 && errno == ESTALE)
            #expect(fsync(folder) == 0)
            let again = openat(folder, "a", O_RDONLY)
            #expect(again >= 0)
            #expect(pread(again, &byte, 1, 0) == 1 && byte == UInt8(ascii: "t"))
            close(again)
        }

        @Test("a plan loses what it names; one that does not fit changes nothing")
        func plans() throws {
            let hand = try Hand()
            #expect(hand.write("one", to: "a") == 0)
            #expect(hand.write("two", to: "b") == 0)
            let effects = (hand.ask("pending").json["files"]?.items ?? []).flatMap {
                file in (file["effects"]?.items ?? []).map { (file["path"]!, $0["id"]!) }
            }
            let ofB = effects.filter { $0.0 == JSON.string("b") }.map(\.1)
            let count = hand.ask("log").json["records"]?.items.count ?? 0
            func plan(_ lost: [JSON]) -> String {
                JSON.object([
                    .init("crashPoint", .number(count)), .init("lost", .array(lost)),
                    .init("torn", .array([])),
                ]).text
            }

            #expect(hand.refusal(["cut", "plan", plan([.string("900.0")])]) != nil)
            #expect(hand.text("b") == "two")
            #expect(hand.mount.answer(["cut", "plan", plan(ofB)]).isDone)
            #expect(hand.text("a") == "one")
            #expect(hand.text("b") == nil)
        }

        @Test("seeds: the same one loses the same")
        func seeds() throws {
            var seen: [Int: Set<String>] = [:]
            for round in 0..<2 {
                for seed in 0..<6 {
                    let hand = try Hand()
                    for name in ["a", "b", "c", "d"] { hand.write(name, to: name) }
                    _ = round
                    let lost = hand.ask("cut seed \(seed)").json["lost"]?.items ?? []
                    let lines = lost.map { $0.string ?? "" }
                    seen[seed, default: []].insert(lines.joined(separator: "\n"))
                }
            }
            #expect(seen.values.allSatisfy { $0.count == 1 })
            #expect(Set(seen.values.flatMap { $0 }).count > 1)
        }

        @Test("1,000 power losses with a shell that sits in it, and a bind mount on it")
        func thousand() throws {
            let hand = try Hand()
            mkdir(hand.file("sub"), 0o755)
            hand.sync("sub")
            hand.sync()
            let bound = hand.folder.file("bound")
            mkdir(bound, 0o755)
            try #require(Glibc.mount(hand.file("sub"), bound, nil, UInt(MS_BIND), nil) == 0)
            defer { umount2(bound, CInt(MNT_DETACH)) }
            let shell = try Shell(in: hand.file("sub"))
            for round in 1...1000 {
                let isSynced = round % 2 == 0
                #expect(hand.write("\(round)", to: "sub/new", sync: true) == 0)
                try #require(rename(hand.file("sub/new"), hand.file("sub/now")) == 0)
                if isSynced { #expect(hand.sync("sub") == 0) }
                hand.ask("cut worst")
                let expected: String? = isSynced ? "\(round)" : round == 1 ? nil : "\(round - 1)"
                try #require(hand.text("sub/now") == expected, "round \(round)")
                let other = (try? FileBytes.read("\(bound)/now"))
                    .map { String(decoding: $0, as: UTF8.self) }
                try #require(other == expected, "bind mount, round \(round)")
                if round % 100 == 0 {
                    try #require(shell.ask("cat now; pwd -P") == "\(round)\(hand.file("sub"))\n")
                }
            }
        }

        @Test("what is saved is a recording, and its plan leaves what the mount shows")
        func saving() throws {
            let hand = try Hand()
            hand.settle("old", in: "a")
            hand.ask("fault EIO write b nth 1")
            hand.ask("lie on")
            #expect(hand.write("x", to: "b") == EIO)
            hand.settle("new", in: "a")
            hand.ask("cut worst")
            hand.settle("more", in: "c")
            let place = hand.folder.file("saved")

            hand.ask("save \(place)")

            let ended = try Recording(path: "\(place)/life-1.perjury")
            let now = try Recording(path: "\(place)/life-2.perjury")
            #expect(ended.isComplete && now.isComplete)
            #expect(
                ended.faults.map {
                    "\($0.record) \($0.fault.effect) \($0.fault.operation) \($0.fault.path)"
                }
                .prefix(2) == ["5 EIO write b", "8 lie fsync a"])
            #expect(now.base.lookUp(path: "a") != nil)
            let plan = try JSON(parsing: try FileBytes.read("\(place)/life-1.plan.json"))
            #expect(plan["plan"]?["crashPoint"]?.number == ended.count)
            #expect(hand.refusal(["save", hand.file("inside")])?.contains("in the mount") == true)
        }
    }
}

/// A shell that stays in a folder and answers.
final class Shell {
    private let process: pid_t
    private let input: CInt
    private let output: CInt

    init(in folder: String) throws {
        var down: [CInt] = [-1, -1]
        var up: [CInt] = [-1, -1]
        try #require(pipe(&down) == 0 && pipe(&up) == 0)
        for end in down + up { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, down[0], 0)
        posix_spawn_file_actions_adddup2(&actions, up[1], 1)
        let line = ["env", "-C", folder, "sh"]
        var words = line.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var started: pid_t = 0
        try #require(posix_spawn(&started, "/usr/bin/env", &actions, nil, &words, environ) == 0)
        close(down[0])
        close(up[1])
        process = started
        input = down[1]
        output = up[0]
    }

    deinit {
        close(input)
        close(output)
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }

    /// What commands print.
    func ask(_ commands: String) -> String {
        let line = Array("\(commands); printf '\\001'\n".utf8)
        guard write(input, line, line.count) == line.count else { return "(no shell)" }
        var bytes: [UInt8] = []
        var byte = UInt8(0)
        while read(output, &byte, 1) == 1, byte != 1 { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
