import Glibc
import Reporting
import TestSupport
import Testing
import Workloads

extension TheCommand {
    /// A finding goes elsewhere, and comes back when its program is another one.
    @Suite("Findings travel")
    struct Travel {
        private static let exploring = ["--model", "ext4-ordered", "--budget", "300"]
        private static let finding = "perjury-out/findings/w/ext4-ordered-lost-commit-1.json"
        private let bench: Bench

        init() throws {
            bench = try Bench()
            mkdir(bench.folder.file("tmp"), 0o700)
            bench.environment = ["TMPDIR=\(bench.folder.file("tmp"))"]
        }

        /// Each key is a file that nobody syncs; says where it is, for a report that would show it.
        private static let put = """
            cd "$PERJURY_DIR" || exit 1
            for n in $(seq "$1"); do
                echo "@begin t$n k$n=v"
                echo v >new && mv new "k$n"
                echo "@ack t$n"
            done
            """
        private static let mended = put.replacing(
            ">new && mv new \"k$n\"", with: ">new && sync new && mv new \"k$n\" && sync .")
        private static let get = """
            echo "I am $0" >&2
            cd "$PERJURY_DIR" || exit 1
            for file in k*; do [ -e "$file" ] && echo "@saw $file=$(cat "$file")"; done
            echo @end
            """

        private func store(_ put: String = put, commits: Int = 6) throws {
            try bench.workload(
                "w", "run: ./put.sh \(commits)\nobserve: [\(bench.folder.file("w"))/get.sh]\n",
                ["put.sh": put, "get.sh": Self.get])
        }

        /// A finding of the store, and its pack.
        private func pack() throws -> String {
            try store()
            let run = try bench.run(["run", "./w"] + Self.exploring)
            try #require(run.status == ExitStatus.unexpected.rawValue, "\(run.text)")
            let packed = try bench.run(["pack", Self.finding, "-o", "p.perjury-finding"])
            try #require(packed.status == 0, "\(packed.text)")
            #expect(packed.output.contains("It contains what the store had written"))
            return "p.perjury-finding"
        }

        private func expectNoScratch(sourceLocation: SourceLocation = #_sourceLocation) {
            var names: [String] = []
            let isEmpty = eventually(within: 2) {
                names = paths("tmp/*")
                return names.isEmpty
            }
            #expect(isEmpty, "left: \(names)", sourceLocation: sourceLocation)
        }

        @Test("a pack replays without its folder, with the report of the replay in place")
        func replays() throws {
            let pack = try pack()
            let here = try bench.run(["replay", Self.finding])
            #expect(here.status == 0, "\(here.text)")
            #expect(here.output.contains("I am \(bench.folder.file("w"))/get.sh"))
            for name in ["w", "perjury-out"] {
                #expect(rename(bench.folder.file(name), bench.folder.file("\(name).gone")) == 0)
            }

            let there = try bench.run(["replay", pack])

            #expect(there.status == 0, "\(there.text)")
            #expect(there.output == here.output)
            #expect(there.errors == here.errors)
            expectNoScratch()
            let log = try bench.run(["log", pack])
            #expect(log.status == 0 && log.output.contains("LOST"), "\(log.text)")
            expectNoScratch()
        }

        @Test("power losses during recovery travel, too")
        func recoveries() throws {
            let run = try bench.run(
                ["run", "toy-recovery-in-place", "--model", "ext4-ordered", "--nested", "1"])
            #expect(run.status == 0, "\(run.text)")
            let recordings = paths("perjury-out/findings/*/*-recovery-1.perjury")
            let finding = try #require(recordings.first).replacing(
                "-recovery-1.perjury", with: ".json")
            let here = try bench.run(["replay", finding])
            #expect(here.status == 0, "\(here.text)")
            let packed = try bench.run(["pack", finding, "-o", "p"])
            #expect(packed.status == 0, "\(packed.text)")
            #expect(
                rename(bench.folder.file("perjury-out"), bench.folder.file("gone")) == 0)

            let there = try bench.run(["replay", "p"])

            #expect(there.output == here.output && there.status == 0, "\(there.text)")
            let retest = try bench.run(["retest", "p"])
            #expect(retest.status == ExitStatus.unexpected.rawValue, "\(retest.text)")
        }

        private func paths(_ pattern: String) -> [String] {
            var found = glob_t()
            defer { globfree(&found) }
            Glibc.glob(bench.folder.file(pattern), 0, nil, &found)
            return (0..<Int(found.gl_pathc)).map { String(cString: found.gl_pathv[$0]!) }
        }

        @Test(
            "what was unpacked goes with the command, however that ends",
            arguments: [SIGINT, SIGTERM, SIGKILL])
        func ends(signal: CInt) throws {
            let pack = try pack()
            try bench.script("w/get.sh", "echo waiting >&2; sleep 1000")
            let changed = try bench.run(["pack", Self.finding, "-o", "slow.perjury-finding"])
            #expect(changed.status == 0, "\(changed.text)")
            #expect(pack != "slow.perjury-finding")
            let running = try bench.start(["replay", "slow.perjury-finding"])
            #expect(
                eventually(within: 20) {
                    Leftovers.processes(marker: bench.folder.path).contains {
                        $0.contains("sleep 1000")
                    }
                })
            #expect(!paths("tmp/*/workload/get.sh").isEmpty)
            let namespaces = bench.namespaces

            running.send(signal)
            let result = try running.end(withinSeconds: 5)

            let status = signal == SIGKILL ? 128 + SIGKILL : ExitStatus.interrupted.rawValue
            #expect(result.status == status, "\(result.text)")
            bench.expectNothingLeft(in: namespaces)
            expectNoScratch()
        }

        @Test("replay --workload recovers with another folder; what has changed is said")
        func otherWorkload() throws {
            let pack = try pack()
            try bench.workload(
                "other", "run: ./put.sh 6\nobserve: ./get.sh\n",
                [
                    "put.sh": Self.put,
                    "get.sh": "for n in 1 2 3 4 5 6; do echo \"@saw k$n=v\"; done; echo @end",
                ])
            for given in [pack, Self.finding] {
                let other = try bench.run(["replay", given, "--workload", "other"])
                #expect(other.status == ExitStatus.unexpected.rawValue, "\(other.text)")
                #expect(other.output.contains("  changed since: "), "\(other.text)")
                #expect(other.output.contains("get.sh"), "\(other.text)")
            }
            let none = try bench.run(["replay", pack, "--workload", "nowhere"])
            #expect(none.status == ExitStatus.usage.rawValue, "\(none.text)")
            expectNoScratch()
        }

        @Test("a pack that was cut short or changed is refused in one sentence")
        func refused() throws {
            let bytes = try FileBytes.read(bench.folder.file(try pack()))
            var changed = bytes
            changed[bytes.count / 2] ^= 1
            var beginning = bytes
            beginning[100] ^= 1
            let cut = Array(bytes[..<(bytes.count - 700)])
            for content in [changed, beginning, cut, Array(bytes[..<100])] {
                try FileBytes.write(content, to: bench.folder.file("bad"))
                for command in ["replay", "retest", "log"] {
                    let result = try bench.run([command, "bad"])
                    #expect(result.status == ExitStatus.usage.rawValue, "\(result.text)")
                    #expect(result.output.isEmpty)
                    #expect(
                        result.errors.hasPrefix("perjury: bad cannot be used: it was cut short"))
                    #expect(result.errors.split(separator: "\n").count == 1, "\(result.text)")
                }
            }
            try FileBytes.write([0x1f, 0x8b, 8, 0], to: bench.folder.file("bad"))
            let compressed = try bench.run(["replay", "bad"])
            #expect(
                compressed.errors == "perjury: bad is compressed: unpack it first, as gunzip does\n"
            )
            expectNoScratch()
        }

        @Test("what cannot be packed is refused, and nothing is written over")
        func unpackable() throws {
            let pack = try pack()
            let refused = { (arguments: [String], sentence: String) in
                let result = try bench.run(["pack"] + arguments)
                #expect(result.status == ExitStatus.usage.rawValue, "\(result.text)")
                #expect(result.errors.contains(sentence), "\(result.text)")
            }
            try refused([pack], "is packed already")
            try refused([Self.finding, "-o", "w/put.sh"], "is no pack: name another file")
            try refused([Self.finding, "-o", "w"], "is no pack: name another file")
            try refused([Self.finding, "-o", Self.finding], "is no pack: name another file")
            try refused([Self.finding, "--exclude", "none"], "there is no such thing in")
            let big = bench.folder.file("w/big")
            try FileBytes.write([UInt8](repeating: 1, count: 2 << 20), to: big)
            try refused(
                [Self.finding, "--limit", "1"],
                "has 2,049 KiB, and a pack takes 1 MiB of it: --exclude PATH leaves out one of its files or folders "
                    + "(big has 2,048 KiB), --limit takes more")

            // A pack is taken over, and is none of what is packed; a link to a folder is left out, and said.
            #expect(symlink("/usr", bench.folder.file("w/link")) == 0)
            let again = try bench.run(
                ["pack", Self.finding, "--limit", "1", "--exclude", "big", "-o", pack])
            #expect(again.status == 0, "\(again.text)")
            #expect(again.output.contains("2 records") == false)
            #expect(again.output.contains("3 files of"), "\(again.text)")
            #expect(again.output.contains("left out, as they are no files: link"), "\(again.text)")
            #expect(again.output.contains("needed where it is replayed: /bin/sh"), "\(again.text)")
            var status = stat()
            stat(bench.folder.file(pack), &status)
            #expect(status.st_mode & 0o777 == 0o600)
            expectNoScratch()
        }

        // MARK: Retesting

        private func retest(_ arguments: [String]) throws -> (Bench.Result, JSON) {
            let result = try bench.run(["retest"] + arguments + ["--json", "retest.json"])
            let json = try JSON(parsing: FileBytes.read(bench.folder.file("retest.json")))
            #expect(json["exitStatus"]?.number == Int(result.status))
            return (result, try #require(json["retest"]))
        }

        @Test("a cause is still there, or gone once it is mended, also from a pack")
        func retests() throws {
            let pack = try pack()
            let recording = try FileBytes.read(
                bench.folder.file("perjury-out/recordings/w.perjury"))
            for given in [Self.finding, pack] {
                let (still, json) = try retest([given])
                #expect(still.status == ExitStatus.unexpected.rawValue, "\(still.text)")
                #expect(still.output.contains("\nStill there: "), "\(still.text)")
                #expect(json["outcome"]?.text == "still-there")
                #expect(json["fingerprint"]?.text?.hasPrefix("lost-commit-") ?? false)
            }

            try store(Self.mended)
            for arguments in [[Self.finding], [pack, "--workload", "w"]] {
                let (gone, json) = try retest(arguments)
                #expect(gone.status == 0, "\(gone.text)")
                #expect(gone.output.hasSuffix("\nGone: none of these states shows it.\n"))
                #expect(json["outcome"]?.text == "gone")
            }
            // The pack has the program as it was.
            #expect(try retest([pack]).0.status == ExitStatus.unexpected.rawValue)
            // The finding's own recording is as it was.
            #expect(
                try FileBytes.read(bench.folder.file("perjury-out/recordings/w.perjury"))
                    == recording)
            expectNoScratch()
        }

        @Test("nothing is called gone that was not looked for")
        func inconclusive() throws {
            _ = try pack()
            let inconclusive = { (arguments: [String], sentence: String) in
                let (result, json) = try retest([Self.finding] + arguments)
                #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
                #expect(json["outcome"]?.text == "inconclusive")
                #expect(json["inconclusive"]?.text?.contains(sentence) ?? false, "\(result.text)")
            }
            try store(Self.mended)
            try inconclusive(["--budget", "3"], "the budget ended after")
            try inconclusive(["--budget", "30", "--min-coverage", "100%"], "were asked for")
            try store("exit 3")
            try inconclusive([], "run exited with status 3")
            try store("exit 0")
            try inconclusive([], "no cut is possible")
            try store(Self.mended, commits: 6)
            try bench.script("w/get.sh", "echo @end")
            try inconclusive([], "the observer does not see what run acknowledged")
            try store(Self.mended + "\nexit 1")
            try inconclusive([], "run exited with status 1")
        }

        @Test("a run that no longer comes as far as the finding is no proof")
        func shorter() throws {
            try store(
                """
                cd "$PERJURY_DIR" || exit 1
                for n in 1 2 3 4; do
                    echo "@begin t$n k$n=v"
                    echo v >new && sync new && mv new "k$n"
                    [ $n = 4 ] || sync .
                    echo "@ack t$n"
                done
                """)
            let run = try bench.run(["run", "./w"] + Self.exploring)
            #expect(run.status == ExitStatus.unexpected.rawValue, "\(run.text)")
            try store(Self.mended, commits: 2)

            let (result, json) = try retest([Self.finding])

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(json["inconclusive"]?.text?.contains("acknowledged 2, fewer than") ?? false)
        }

        @Test("what was made to fail is made to fail again")
        func faults() throws {
            try store(Self.mended)
            let run = try bench.run(
                ["run", "./w", "--faults", "EIO fsync new nth 3"] + Self.exploring)
            #expect(run.status == ExitStatus.unexpected.rawValue, "\(run.text)")

            let found = try #require(paths("perjury-out/findings/w/*.json").first)
            let (still, _) = try retest([found])

            #expect(still.status == ExitStatus.unexpected.rawValue, "\(still.text)")
        }

        @Test("a finding of a recording alone, or without a cause, is refused")
        func unretestable() throws {
            try store()
            let run = try bench.run(["run", "./w"] + Self.exploring)
            #expect(run.status == ExitStatus.unexpected.rawValue, "\(run.text)")
            let explored = try bench.run(
                ["explore", "perjury-out/recordings/w.perjury", "--observe", "w/get.sh"]
                    + Self.exploring)
            #expect(explored.status == ExitStatus.unexpected.rawValue, "\(explored.text)")
            let found = try #require(paths("perjury-out/findings/command-line/*.json").first)
            let alone = try bench.run(["retest", found])
            #expect(alone.status == ExitStatus.usage.rawValue, "\(alone.text)")
            #expect(alone.errors.contains("names no command to record anew"), "\(alone.text)")

            let file = bench.folder.file(Self.finding)
            let text = String(decoding: try FileBytes.read(file), as: UTF8.self)
            let lines = text.split(separator: "\n").filter { !$0.contains("\"fingerprint\"") }
            try FileBytes.write(Array(lines.joined(separator: "\n").utf8), to: file)
            let nameless = try bench.run(["retest", Self.finding])
            #expect(nameless.status == ExitStatus.usage.rawValue, "\(nameless.text)")
            #expect(nameless.errors.contains("has no fingerprint"), "\(nameless.text)")
        }
    }
}
