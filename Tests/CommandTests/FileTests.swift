import Glibc
import Reporting
import TestSupport
import Testing

extension TheCommand {
    /// The shell store of the catalogue in a folder of its own, through all commands.
    @Suite("From run to replay")
    struct FromRunToReplay {
        private static let exploring = ["--model", "ext4-ordered", "--budget", "300"]

        /// - Parameter syncs: adds what is missing in the store.
        private func store(_ bench: Bench, syncs: Bool = false) throws {
            let image = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
            let source = "/\(image)/Workloads/example-put-get"
            for name in ["put.sh", "get.sh"] {
                var text = String(
                    decoding: try FileBytes.read("\(source)/\(name)"), as: UTF8.self)
                if syncs {
                    text = text.replacing(
                        ">new.tmp && mv new.tmp \"$key.value\"",
                        with: ">new.tmp && sync new.tmp && mv new.tmp \"$key.value\" && sync .")
                }
                try FileBytes.write(Array(text.utf8), to: bench.folder.file(name))
                chmod(bench.folder.file(name), 0o755)
            }
        }

        private static let commands = ["--run", "./put.sh 20", "--observe", "./get.sh"]

        @Test(
            "a shell store without syncs is found out, from a folder anywhere; with them it holds")
        func shellStore() throws {
            let bench = try Bench()
            try store(bench)

            let found = try bench.run(["run"] + Self.commands)

            #expect(found.status == ExitStatus.unexpected.rawValue, "\(found.text)")
            #expect(found.output.contains("lost-commit"), "\(found.text)")

            try store(bench, syncs: true)
            let holds = try bench.run(
                ["run"] + Self.commands + ["--model", "posix,ext4-ordered,xfs,btrfs"])

            #expect(holds.status == ExitStatus.asExpected.rawValue, "\(holds.text)")
        }

        private func findings(_ bench: Bench) throws -> [JSON] {
            let report = try JSON(parsing: FileBytes.read(bench.folder.file("report.json")))
            return report["workloads"]?.items.first?["findings"]?.items ?? []
        }

        /// A finding without the place where it was written.
        private func content(_ finding: JSON) -> [JSON?] {
            ["violation", "model", "stack", "crashPoint", "lost", "torn", "seen", "summary"].map {
                finding[$0]
            }
        }

        @Test("exploring a recording finds what run found, and each finding replays")
        func throughFiles() throws {
            let bench = try Bench()
            try store(bench)
            let json = ["--json", "report.json"]
            let run = try bench.run(["run"] + Self.commands + Self.exploring + json)
            #expect(run.status == ExitStatus.unexpected.rawValue, "\(run.text)")
            let found = try findings(bench)
            try #require(!found.isEmpty)
            let recording = "perjury-out/recordings/command-line.perjury"

            let explored = try bench.run(
                ["explore", recording, "--observe", "./get.sh"] + Self.exploring + json)

            #expect(explored.status == ExitStatus.unexpected.rawValue, "\(explored.text)")
            let again = try findings(bench)
            #expect(again.map(content) == found.map(content))
            for finding in again {
                let path = try #require(finding["plan"]?.text)
                let replay = try bench.run(["replay", "perjury-out/\(path)"])
                #expect(replay.status == ExitStatus.asExpected.rawValue, "\(replay.text)")
                #expect(replay.output.contains("The finding shows again."), "\(replay.text)")
            }
        }

        @Test("a finding that a kernel panic left replays, whatever the drive does to flushes")
        func afterPanic() throws {
            let bench = try Bench()
            try store(bench)
            let run = try bench.run(
                ["run"] + Self.commands + Self.exploring + [
                    "--ending", "kernel-panic", "--stack", "lying-flush-in-order", "--json",
                    "report.json",
                ])
            #expect(run.status == ExitStatus.unexpected.rawValue, "\(run.text)")

            let found = try findings(bench)
            try #require(!found.isEmpty)
            for finding in found {
                let path = try #require(finding["plan"]?.text)
                let file = try JSON(
                    parsing: FileBytes.read(bench.folder.file("perjury-out/\(path)")))
                #expect(file["ending"]?.text == "kernel-panic")
                let replay = try bench.run(["replay", "perjury-out/\(path)"])
                #expect(replay.status == ExitStatus.asExpected.rawValue, "\(replay.text)")
            }
        }

        @Test("record, explore and replay of a workload's folder")
        func folder() throws {
            let bench = try Bench()
            let text = { (name: String) in
                String(decoding: try FileBytes.read(bench.folder.file(name)), as: UTF8.self)
            }
            try store(bench)
            try bench.workload(
                "w", "run: ./put.sh 5\nobserve: ./get.sh\nexpect: violates lost-commit\n",
                ["put.sh": try text("put.sh"), "get.sh": try text("get.sh")])

            let record = try bench.run(["record", "./w"])
            #expect(record.status == 0, "\(record.text)")
            #expect(record.output.contains("5 acknowledged, run exited with status 0"))

            let explore = try bench.run(
                ["explore", "perjury-out/recordings/w.perjury"] + Self.exploring)
            #expect(explore.status == 0, "\(explore.text)")
            let path = "perjury-out/findings/w/ext4-ordered-lost-commit-1.json"
            let replay = try bench.run(["replay", path])
            #expect(replay.status == 0, "\(replay.text)")
            #expect(replay.output.contains("The finding shows again."))

            // The store is repaired: the crash state is still that of the recording.
            try bench.script(
                "w/get.sh", "for n in 1 2 3 4 0; do echo @saw k$n=v$n; done; echo @end")
            let repaired = try bench.run(["replay", path])
            #expect(repaired.status == ExitStatus.unexpected.rawValue, "\(repaired.text)")

            // A mended run is not in the recording: what shows again is what was recorded.
            try bench.script("w/get.sh", try text("get.sh"))
            try bench.script("w/put.sh", try text("put.sh") + "\nsync")
            let mended = try bench.run(["replay", path])
            #expect(mended.status == 0, "\(mended.text)")
            #expect(mended.output.contains("  changed since: "), "\(mended.text)")
            #expect(mended.output.contains(", in the run that was recorded before the change."))
        }

        @Test("a shell in the crash state takes its commands from a pipe or file")
        func shell() throws {
            let bench = try Bench()
            let path = try finding(bench)
            try FileBytes.write(
                Array("echo names: *; echo changed >new; cat new; pwd; exit 9\n".utf8),
                to: bench.folder.file("commands"))

            let result = try bench.run(
                ["replay", path, "--shell"], input: bench.folder.file("commands"))

            #expect(result.status == 9, "\(result.text)")
            #expect(result.output.contains("names: "), "\(result.text)")
            #expect(result.output.contains("changed\n"), "\(result.text)")
            #expect(!result.output.contains("names: new"), "\(result.text)")
        }

        @Test("a shell goes with the command that opened it", arguments: [SIGKILL, SIGTERM])
        func shellEnds(signal: CInt) throws {
            let bench = try Bench()
            let path = try finding(bench)
            try FileBytes.write(
                Array("(setsid sleep 1000 &); echo here; exec sleep 1000\n".utf8),
                to: bench.folder.file("commands"))
            let running = try bench.start(
                ["replay", path, "--shell"], input: bench.folder.file("commands"))
            #expect(eventually(within: 20) { running.output.contains("here\n") })
            let namespaces = bench.namespaces
            #expect(!namespaces.isEmpty)

            running.send(signal)
            let result = try running.end(withinSeconds: 5)

            bench.expectNothingLeft(in: namespaces)
            #expect(result.status == 128 + signal, "\(result.text)")
        }

        private func finding(_ bench: Bench) throws -> String {
            try store(bench)
            let run = try bench.run(["run"] + Self.commands + Self.exploring)
            try #require(run.status == ExitStatus.unexpected.rawValue, "\(run.text)")
            return "perjury-out/findings/command-line/ext4-ordered-lost-commit-1.json"
        }

        enum Unmounting: CaseIterable {
            case interrupt, terminate, unmount, kill
        }

        @Test(
            "a crash state is mounted until a signal, an umount or a kill",
            arguments: Unmounting.allCases)
        func mounted(how: Unmounting) throws {
            let bench = try Bench()
            let path = try finding(bench)
            let place = bench.folder.file("mounted")
            mkdir(place, 0o755)
            let running = try bench.start(["replay", path, "--mount", "mounted"])
            #expect(eventually(within: 20) { running.output.contains("is mounted at") })
            #expect(Leftovers.fuseMounts(of: "self").contains { $0.contains(place) })

            // The mount is seen by everybody, and may be changed.
            #expect(mkdir("\(place)/folder", 0o700) == 0)
            switch how {
            case .interrupt: running.send(SIGINT)
            case .terminate: running.send(SIGTERM)
            case .kill: running.send(SIGKILL)
            case .unmount: #expect(umount2(place, 0) == 0)
            }
            let result = try running.end(withinSeconds: 5)

            bench.expectNothingLeft()
            #expect(result.status == (how == .kill ? 128 + SIGKILL : 0), "\(result.text)")
            #expect(access("\(place)/folder", F_OK) != 0)
        }
    }
}
