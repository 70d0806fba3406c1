import Glibc
import Reporting
import TestSupport
import Testing

extension TheCommand {
    /// What programs are made to see: `--faults`, and `faults:` of a workload.
    @Suite("Faults")
    struct Faults {
        /// Goes on whatever its sync says.
        private static let careless = """
            cd "$PERJURY_DIR" || exit 1
            for n in 1 2 3; do
                echo "@begin t$n"; echo "t$n" >>log; sync log; echo "@ack t$n"
            done
            """
        /// Stops when a sync fails, and says that it does not know.
        private static let careful = """
            cd "$PERJURY_DIR" || exit 1
            for n in 1 2 3; do
                echo "@begin t$n"
                echo "t$n" >>log && sync log || { echo "@unknown t$n"; exit 1; }
                echo "@ack t$n"
            done
            """
        private static let lists = """
            cd "$PERJURY_DIR" || exit 1
            if [ -e log ]; then grep -a '^t[0-9]$' log | sed 's/^t/@saw t/'; fi
            echo @end
            """

        private func bench(_ run: String, _ more: String = "") throws -> Bench {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\nmodels: [ext4-ordered, btrfs]\n\(more)\n",
                ["run.sh": run, "see.sh": Self.lists])
            return bench
        }

        @Test("a store that goes on after a failed sync is caught, and the finding replays")
        func careless() throws {
            let bench = try bench(Self.careless)

            let (result, workload) = try bench.report(
                "./w", ["--model", "btrfs", "--faults", "sync"])

            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            let failed = try #require(workload["failedSyncs"], "\(result.text)")
            #expect(failed["syncs"]?.number == 3)
            #expect(failed["runs"]?.items.count == 9)
            let findings = try #require(workload["findings"]?.items)
            #expect(Set(findings.map { $0["violation"]?.text }) == ["swallowed-sync-error"])
            #expect(
                findings.contains {
                    $0["fault"]?.text?.contains("sync, fsync log at #") ?? false
                }, "\(result.text)")
            #expect(findings.contains { $0["ending"]?.text == "page-eviction" })
            for finding in findings {
                let path = try #require(finding["plan"]?.text)
                let replayed = try bench.run(["replay", "perjury-out/\(path)"])
                #expect(replayed.status == 0, "\(replayed.text)")
                #expect(replayed.output.contains("The finding shows again."))
            }
        }

        @Test("a store that stops holds, though it exits with an error; asked for in its file")
        func careful() throws {
            let bench = try bench(Self.careful, "faults: sync")

            let (result, workload) = try bench.report("./w", ["--model", "btrfs"])

            #expect(result.status == 0, "\(result.text)")
            let runs = try #require(workload["failedSyncs"]?["runs"]?.items)
            #expect(runs.count == 9)
            #expect(runs.allSatisfy { $0["wentOn"] == .bool(false) })
            #expect(runs.allSatisfy { $0["outcome"]?.text == "exited with status 1" })
        }

        @Test("a fault by operation, path and number; the report says how often it fired")
        func fault() throws {
            let bench = try bench(Self.careful)

            let (result, workload) = try bench.report(
                "./w", ["--faults", "ENOSPC write log nth 2", "--faults", "5ms create"])

            #expect(result.status == 0, "\(result.text)")
            let faults = try #require(workload["faults"]?.items)
            #expect(faults.map { $0["fired"]?.number } == [1, 1])
            #expect(workload["acknowledged"]?.number == 1)
        }

        @Test("a fault that never fires makes the workload inconclusive")
        func idle() throws {
            let bench = try bench(Self.careful)

            let (result, workload) = try bench.report("./w", ["--faults", "EIO rename *.db"])

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            let reason = try #require(workload["inconclusive"]?.text)
            #expect(reason.contains("never fired: 0 matching requests came; the run made "))
        }

        @Test("under syncs that lie nothing is judged")
        func lies() throws {
            let bench = try bench(Self.careful)

            let (result, workload) = try bench.report("./w", ["--faults", "lie fsync log"])

            #expect(workload["findings"]?.items.isEmpty == true, "\(result.text)")
            let models = try #require(workload["models"]?.items)
            #expect(models.allSatisfy { $0["verdict"] == .null })
            #expect(models.allSatisfy { ($0["outcomes"]?["silent loss"]?.number ?? 0) > 0 })
        }

        @Test(
            "misspelt faults are refused with the nearest word",
            arguments: [
                ("EOI write", "did you mean `EIO`?"), ("EIO wriet", "did you mean `write`?"),
                ("EIO write log nht 3", "`nht` cannot follow here; did you mean `nth`?"),
                (
                    "EIO write log b 3",
                    "`b` cannot follow here; known are every, nth, chance, after, beyond\n"
                ),
                ("sync ENOSPCE", "did you mean `ENOSPC`?"),
                ("sync EBADMSG", "no sync fails with `EBADMSG`; known are EIO, ENOSPC, EDQUOT\n"),
                ("lie write", "`lie` is about syncs"),
                ("short 10 fsync", "`short` is about `write`"), ("EIO", "an operation is missing"),
                ("EIO write log nth 3 4", "nothing is to follow the fault"),
            ])
        func refused(fault: String, sentence: String) throws {
            let bench = try bench(Self.careful)

            let result = try bench.run(["run", "./w", "--faults", fault])

            #expect(result.status == ExitStatus.usage.rawValue, "\(result.text)")
            #expect(result.errors.contains(sentence), "\(result.text)")
        }
    }
}
