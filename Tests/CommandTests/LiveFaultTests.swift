import Glibc
import Reporting
import TestSupport
import Testing

extension TheCommand {
    /// `perjury live --faults`: lives in which requests fail, each ended by a power loss.
    @Suite("Faults in lives")
    struct LiveFaults {
        /// Appends lines, each in a line of its own whatever a power loss left; `onFailure` is what it does when a sync fails.
        private static func appends(onFailure: String) -> String {
            """
            cd "$PERJURY_DIR" || exit 1
            for n in 1 2 3 4; do
                name="$PERJURY_LIFE-$n"
                echo "@begin t$name"; printf '\\nt%s.\\n' "$name" >>log
                sync log || \(onFailure)
                echo "@ack t$name"
            done
            """
        }
        private static let stops = #"{ echo "@unknown t$name"; exit 1; }"#
        /// Recovery syncs, too, and would tell of a failure.
        private static let lists = """
            cd "$PERJURY_DIR" || exit 1
            if [ -e log ]; then
                sync log || { echo "@failed the sync"; exit 1; }
                grep -a '^t[0-9]*-[0-9]*\\.$' log | sed 's/^t/@saw t/; s/\\.$//'
            fi
            echo @end
            """

        private func live(
            _ onFailure: String, _ options: [String], _ more: String = "", cuts: Int = 30
        ) throws -> (bench: Bench, result: Bench.Result, workload: JSON?) {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: ./see.sh\n\(more)\n",
                ["run.sh": Self.appends(onFailure: onFailure), "see.sh": Self.lists])
            let result = try bench.run(
                ["live", "./w", "--cuts", "\(cuts)", "--json", "live.json"] + options)
            let json = try? JSON(parsing: try FileBytes.read(bench.folder.file("live.json")))
            return (bench, result, json?["workloads"]?.items.first)
        }

        @Test(
            "a store that goes on after a failed sync is caught in some life, and the finding replays",
            arguments: ["ext4-ordered", "btrfs"])
        func careless(model: String) throws {
            let (bench, result, workload) = try live(
                "true", ["--model", model, "--faults", "EIO fsync log nth 2"], cuts: 120)

            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            #expect(
                result.output.contains("w: violated swallowed-sync-error, NOT"), "\(result.text)")
            let findings = try #require(workload?["findings"]?.items)
            #expect(Set(findings.map { $0["violation"]?.text }) == ["swallowed-sync-error"])
            #expect(
                findings.allSatisfy {
                    $0["fault"]?.text?.contains("sync, fsync log at #") ?? false
                }, "\(result.text)")
            let replayed = try bench.run([
                "replay", "perjury-out/findings/w-live/\(model)-swallowed-sync-error-1.json",
            ])
            #expect(replayed.status == 0, "\(replayed.text)")
            #expect(replayed.output.contains("The finding shows again."))
        }

        @Test("a store that stops holds; its recovery meets no fault; each life counts anew")
        func careful() throws {
            let (_, result, workload) = try live(
                Self.stops, ["--faults", "EIO fsync log nth 2", "--faults", "2ms fsync log"],
                "faults: [\"short 5 write log nth 1\"]")

            #expect(result.status == 0, "\(result.text)")
            #expect(workload?["verdict"]?.text == "holds")
            #expect(workload?["statesNotJudged"]?.number == 0)
            let faults = try #require(workload?["faults"]?.items)
            #expect(
                faults.map { $0["fault"]?.text } == [
                    "short 5 write log nth 1", "EIO fsync log nth 2", "2ms fsync log every",
                ])
            let fired = faults.map { $0["fired"]?.number ?? 0 }
            #expect(fired[1] > 5 && fired[2] > 5, "\(result.text)")
            #expect(
                result.output.contains("EIO fsync log nth 2: fired \(fired[1]) times"),
                "\(result.text)")
        }

        @Test("a fault that fired in no life makes the workload inconclusive")
        func idle() throws {
            let (_, result, workload) = try live(Self.stops, ["--faults", "EIO rename *.db"])

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(workload?["inconclusive"]?.text?.contains("never fired") == true)
        }

        @Test("where a sync was answered and not done, nothing is judged")
        func lies() throws {
            let (_, result, workload) = try live(Self.stops, ["--faults", "lie sync"])

            #expect(workload?["losses"]?.number == 0, "\(result.text)")
            #expect(workload?["statesNotJudged"]?.number ?? 0 > 10, "\(result.text)")
        }

        @Test("that each sync fails in turn is refused, or said of a workload that asks for it")
        func eachSync() throws {
            let (_, refused, _) = try live(Self.stops, ["--faults", "sync"])
            #expect(refused.status == ExitStatus.usage.rawValue, "\(refused.text)")
            #expect(refused.errors.contains("works with `perjury run` only"), "\(refused.text)")

            let (_, result, workload) = try live(Self.stops, [], "faults: sync")
            #expect(result.status == 0, "\(result.text)")
            #expect(workload?["notes"]?.items.first?.text?.contains("perjury run") == true)
        }

        @Test("SQLite holds whatever sync of its log fails")
        func sqlite() throws {
            let bench = try Bench()

            let result = try bench.run([
                "live", "sqlite-wal-full", "--cuts", "40", "--json", "live.json", "--faults",
                "EIO fdatasync store.db-wal nth 3", "--faults",
                "short 512 write store.db-wal nth 5",
            ])

            let json = try JSON(parsing: try FileBytes.read(bench.folder.file("live.json")))
            let workload = try #require(json["workloads"]?.items.first, "\(result.text)")
            #expect(result.status == 0, "\(result.text)")
            #expect(workload["verdict"]?.text == "holds", "\(result.text)")
            #expect(workload["faults"]?.items.allSatisfy { $0["fired"]?.number ?? 0 > 0 } == true)
        }
    }
}
