import Glibc
import Recording
import Reporting
import TestSupport
import Testing

extension TheCommand {
    /// `--resume`: a campaign whose harness was killed finds what it would have found.
    @Suite("Resuming")
    struct Resuming {
        private static let scripts = [
            "run.sh": """
            cd "$PERJURY_DIR" || exit 1
            for n in 1 2 3 4 5 6 7 8; do
                echo "@begin t$n"
                echo "t$n." >file$n
                [ $((n % 2)) = 0 ] && sync file$n
                echo "@ack t$n"
            done
            """,
            "see.sh": """
            cd "$PERJURY_DIR" || exit 1
            # Recovery that changes something, so that it is observed twice.
            [ -e opened ] || echo yes >opened
            echo "a line for the log: $(ls | tr '\\n' ' ')"
            for file in file*; do
                [ -e "$file" ] && sed -n 's/^\\(t[0-9]*\\)\\.$/@saw \\1/p' "$file"
            done
            echo @end
            """,
        ]
        private static let yaml =
            "run: ./run.sh\nobserve: ./see.sh\nexpect: violates lost-commit\n"
        private static let arguments = [
            "run", "./w", "--model", "ext4-ordered,btrfs", "--budget", "600", "--json",
            "report.json",
        ]

        private func lines(_ bench: Bench) -> [Substring] {
            let bytes =
                (try? FileBytes.read(
                    bench.folder.file("perjury-out/observations/w.jsonl"))) ?? []
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        }

        /// The latest line that says what the trials after it are of.
        private func head(_ bench: Bench) -> Substring? {
            lines(bench).last { $0.contains("perjuryTrials") }
        }

        /// What the report says, but for the time it took and how many observations were left to make.
        private func found(_ bench: Bench) throws -> [String] {
            let report = try JSON(parsing: FileBytes.read(bench.folder.file("report.json")))
            let workload = try #require(report["workloads"]?.items.first)
            let models = (workload["models"]?.items ?? []).map { model in
                ["model", "verdict", "kinds", "statesPlanned", "statesDistinct", "exhaustive"]
                    .map { model[$0]?.line ?? "-" }.joined(separator: " ")
            }
            return models + (workload["findings"]?.items ?? []).map(\.line)
        }

        @Test("killed at any moment of exploring, and again, it ends with the same findings")
        func killed() throws {
            let bench = try Bench()
            try bench.workload("w", Self.yaml, Self.scripts)
            let undisturbed = try bench.run(Self.arguments)
            #expect(undisturbed.status == 0, "\(undisturbed.text)")
            let expected = try found(bench)
            let all = lines(bench)
            try #require(all.count > 20)

            // The same run, of whose observations ever fewer are there; the last line half.
            let path = bench.folder.file("perjury-out/observations/w.jsonl")
            for kept in [all.count, all.count - 1, all.count / 2, 3, 1] {
                let text = all.prefix(kept).joined(separator: "\n")
                try FileBytes.write(Array(text.utf8.dropLast(5)), to: path)
                let resumed = try bench.run(Self.arguments + ["--resume"])
                #expect(resumed.status == 0, "\(kept): \(resumed.text)")
                #expect(try found(bench) == expected, "\(kept)")
                #expect(Set(lines(bench)).isSuperset(of: all.prefix(kept - 1)), "\(kept)")
            }

            // Killed for real, more than once.
            var kills = 0
            unlink(path)
            for _ in 0..<4 {
                let before = lines(bench).count
                let running = try bench.start(Self.arguments + ["--resume"])
                let isFar = eventually(within: 20) {
                    lines(bench).count >= before + 4 || kill(running.processID, 0) != 0
                }
                #expect(isFar)
                running.send(SIGKILL)
                if try running.end(withinSeconds: 5).status == 128 + SIGKILL { kills += 1 }
            }
            #expect(kills > 0)
            let resumed = try bench.run(Self.arguments + ["--resume"])
            #expect(resumed.status == 0, "\(resumed.text)")
            #expect(try found(bench) == expected)
        }

        @Test("without --resume nothing is taken over; of another observer neither")
        func anew() throws {
            let bench = try Bench()
            try bench.workload("w", Self.yaml, Self.scripts)
            _ = try bench.run(Self.arguments)
            let first = try #require(head(bench))

            _ = try bench.run(Self.arguments + ["--resume"])
            #expect(head(bench) == first)

            try bench.workload(
                "w", Self.yaml.replacing("./see.sh", with: "./see.sh again"), Self.scripts)
            _ = try bench.run(Self.arguments + ["--resume"])
            let second = try #require(head(bench))
            #expect(second != first)

            _ = try bench.run(Self.arguments)
            #expect(head(bench) != second, "another recording")
        }

        @Test("of another program, or of another file beside it, nothing is taken over")
        func otherProgram() throws {
            let bench = try Bench()
            try bench.workload("w", Self.yaml, Self.scripts)
            _ = try bench.run(Self.arguments)
            let first = try #require(head(bench))

            // What only says how it is judged changes no run.
            try bench.workload("w", Self.yaml + "promise: durable\nabout: x\n", Self.scripts)
            _ = try bench.run(Self.arguments + ["--resume"])
            #expect(head(bench) == first)

            var scripts = Self.scripts
            scripts["run.sh"]! += "\n# built anew"
            for (change, scripts, text) in [
                ("the files of its folder", scripts, Self.yaml),
                ("`timeoutNanoseconds`", scripts, Self.yaml + "timeout: 19s\n"),
            ] {
                try bench.workload("w", text, scripts)
                let resumed = try bench.run(Self.arguments + ["--resume"])
                let words = resumed.output.split { $0 == " " || $0 == "\n" }
                    .joined(separator: " ")
                #expect(
                    words.contains("the earlier run is not gone on with; changed since: "),
                    "\(resumed.text)")
                #expect(words.contains(change), "\(resumed.text)")
                #expect(head(bench) != first)
            }
        }

        @Test("a run of another seed, or with other faults, is none to go on with")
        func otherRequest() throws {
            let bench = try Bench()
            try bench.workload("w", Self.yaml, Self.scripts)
            _ = try bench.run(Self.arguments)
            let first = try #require(head(bench))

            let idle = Self.arguments + ["--resume", "--faults", "EIO rename *.db"]
            #expect(try bench.run(idle).status == ExitStatus.inconclusive.rawValue)
            // Also when it is that run which is gone on with.
            let again = try bench.run(idle)
            #expect(again.status == ExitStatus.inconclusive.rawValue)
            #expect(again.output.contains("never fired"), "\(again.text)")

            _ = try bench.run(Self.arguments + ["--resume", "--seed", "2"])
            #expect(head(bench) != first)
        }
    }
}
