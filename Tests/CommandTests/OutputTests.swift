import Glibc
import Reporting
import TestSupport
import Testing

extension TheCommand {
    /// `--out`, `--json`, `--junit`: who has them, who may read them, what is where.
    @Suite("Output")
    struct Output {
        /// Each commit is a line that no sync covers; `$1` is how they are called.
        private static let scripts = [
            "run.sh": """
            cd "$PERJURY_DIR" || exit 1
            for n in 1 2 3; do echo "@begin $1$n"; echo "$1$n." >>log; echo "@ack $1$n"; done
            sleep ${2:-0}
            """,
            "see.sh": """
            if [ -e "$PERJURY_DIR/log" ]; then
                sed -n 's/^\\([a-z]*[0-9]\\)\\.$/@saw \\1/p' "$PERJURY_DIR/log"
            fi
            echo @end
            """,
        ]
        private static let small = ["--model", "posix", "--budget", "100"]

        private func workload(_ bench: Bench, _ name: String, _ words: String) throws {
            try bench.workload(
                name, "run: ./run.sh \(words)\nobserve: ./see.sh\n", Self.scripts)
        }

        private func mode(_ bench: Bench, _ name: String) -> mode_t {
            var status = stat()
            return stat(bench.folder.file(name), &status) == 0 ? status.st_mode & 0o777 : 0
        }

        @Test("a folder that another perjury writes to is refused, with its process")
        func inUse() throws {
            let bench = try Bench()
            try workload(bench, "slow", "t 20")
            try workload(bench, "w", "t")
            let first = try bench.start(["record", "./slow"])
            #expect(
                eventually(within: 20) {
                    access(bench.folder.file("perjury-out/recordings/slow.perjury"), F_OK) == 0
                })

            for words in [["run", "./w"], ["record", "./w"], ["live", "./w", "--cuts", "1"]] {
                let second = try bench.start(words).end(withinSeconds: 20)
                #expect(second.status == ExitStatus.unavailable.rawValue, "\(second.text)")
                #expect(
                    second.errors.contains(
                        "perjury-out is in use by another perjury, process \(first.processID)"),
                    "\(second.text)")
            }
            let elsewhere = try bench.start(["record", "./w", "--out", "other"])
                .end(withinSeconds: 20)
            #expect(elsewhere.status == 0, "\(elsewhere.text)")

            first.send(SIGKILL)
            _ = try first.end(withinSeconds: 5)
            let after = try bench.run(["record", "./w"])
            #expect(after.status == 0, "\(after.text)")
        }

        @Test("workloads of one name keep their recordings and findings apart")
        func sameName() throws {
            let bench = try Bench()
            for folder in ["a", "b"] {
                mkdir(bench.folder.file(folder), 0o755)
                try workload(bench, "\(folder)/w", folder)
            }

            let both = try bench.run(["run", "a/w", "b/w", "b/w"] + Self.small)
            // By themselves, in any order, they have the names that they had.
            _ = try bench.run(["run", "b/w"] + Self.small)

            #expect(both.output.contains("2 workloads"), "\(both.text)")
            for (name, folder) in [("w", "a"), ("w-2", "b")] {
                let path = "perjury-out/findings/\(name)/posix-lost-commit-1.json"
                let file = try JSON(parsing: FileBytes.read(bench.folder.file(path)))
                #expect(file["folder"]?.text?.hasSuffix("/\(folder)/w") == true, "\(file.line)")
                let replay = try bench.run(["replay", path])
                #expect(replay.status == 0, "\(replay.text)")
            }
        }

        @Test("so do those that commands describe")
        func commands() throws {
            let bench = try Bench()
            for (name, text) in Self.scripts { try bench.script(name, text) }

            for word in ["a", "b", "a"] {
                let result = try bench.run(
                    ["run", "--run", "./run.sh \(word)", "--observe", "./see.sh"] + Self.small)
                #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            }

            for name in ["command-line", "command-line-2"] {
                let path = "perjury-out/findings/\(name)/posix-lost-commit-1.json"
                let replay = try bench.run(["replay", path])
                #expect(replay.status == 0, "\(replay.text)")
            }
            #expect(access(bench.folder.file("perjury-out/findings/command-line-3"), F_OK) != 0)
        }

        @Test("recordings are private, reports and findings follow the umask")
        func modes() throws {
            let bench = try Bench()
            try workload(bench, "w", "t")
            let before = umask(0o027)
            defer { umask(before) }

            _ = try bench.run(
                ["run", "./w", "--json", "report.json", "--junit", "perjury-out/report.xml"]
                    + Self.small)

            for file in ["report.json", "perjury-out/report.xml"] {
                #expect(mode(bench, file) == 0o640)
            }
            for folder in ["", "/findings", "/findings/w"] {
                #expect(mode(bench, "perjury-out\(folder)") == 0o750, "\(folder)")
            }
            #expect(mode(bench, "perjury-out/findings/w/posix-lost-commit-1.json") == 0o640)
            for folder in ["recordings", "observations"] {
                #expect(mode(bench, "perjury-out/\(folder)") == 0o700, "\(folder)")
            }
            for file in ["recordings/w.perjury", "observations/w.jsonl"] {
                #expect(mode(bench, "perjury-out/\(file)") == 0o600, "\(file)")
            }
        }

        @Test("`-` is standard output; the text then goes to standard error")
        func standardOutput() throws {
            let bench = try Bench()
            try workload(bench, "w", "t")

            let json = try bench.run(["run", "./w", "--json", "-"] + Self.small)
            let report = try JSON(parsing: Array(json.output.utf8))
            #expect(report["exitStatus"]?.number == 1)
            #expect(json.errors.contains("lost-commit"), "\(json.text)")
            #expect(access(bench.folder.file("-"), F_OK) != 0)

            // A link is written through, not replaced.
            try FileBytes.write([], to: bench.folder.file("target.json"))
            symlink("target.json", bench.folder.file("link.json"))
            _ = try bench.run(["run", "./w", "--json", "link.json"] + Self.small)
            let target = try JSON(parsing: FileBytes.read(bench.folder.file("target.json")))
            #expect(target["exitStatus"]?.number == 1)

            let live = try bench.run(["live", "./w", "--cuts", "3", "--json", "-"])
            #expect(try JSON(parsing: Array(live.output.utf8))["perjuryLive"]?.number == 1)
        }

        @Test("-q says nothing where all is as expected; -v says what each workload is")
        func loudness() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh t\nobserve: ./see.sh\nexpect: violates lost-commit\n",
                Self.scripts)

            let quiet = try bench.run(["run", "./w", "-q", "-j", "1"] + Self.small)
            #expect(quiet.status == 0, "\(quiet.text)")
            #expect(quiet.output.isEmpty && quiet.errors.isEmpty, "\(quiet.text)")

            let loud = try bench.run(["run", "./w", "-v"] + Self.small)
            #expect(loud.errors.contains("  run          ./run.sh t\n"), "\(loud.text)")

            try workload(bench, "w", "t")
            let unexpected = try bench.run(["run", "./w", "-q"] + Self.small)
            #expect(unexpected.output.contains("NOT EXPECTED"), "\(unexpected.text)")
            #expect(unexpected.errors.isEmpty, "\(unexpected.text)")
        }

        @Test("the records of a recording and of a finding, what was lost marked")
        func log() throws {
            let bench = try Bench()
            try workload(bench, "w", "t")
            _ = try bench.run(["run", "./w"] + Self.small)

            let recording = try bench.run(["log", "perjury-out/recordings/w.perjury"])
            #expect(recording.status == 0, "\(recording.text)")
            #expect(recording.output.contains("\n#0 mark @begin t1\n"), "\(recording.text)")
            #expect(!recording.output.contains("LOST"))

            let path = "perjury-out/findings/w/posix-lost-commit-1.json"
            let finding = try bench.run(["log", path])
            #expect(finding.output.hasPrefix("lost-commit of w under posix/honest, "))
            #expect(finding.output.contains("   <- LOST"), "\(finding.text)")
            #expect(finding.output.contains("-- the power goes: "), "\(finding.text)")

            let around = try bench.run(["log", path, "--around", "0"])
            #expect(around.output.split(separator: "\n").count <= 13, "\(around.text)")
            let beyond = try bench.run(["log", path, "--around", "999"])
            #expect(beyond.status == ExitStatus.usage.rawValue, "\(beyond.text)")
            let neither = try bench.run(["log", "run.sh"])
            #expect(neither.status == ExitStatus.usage.rawValue, "\(neither.text)")
        }
    }
}
