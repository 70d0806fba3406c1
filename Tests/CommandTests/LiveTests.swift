import Glibc
import Recording
import Reporting
import TestSupport
import Testing
import Workloads

extension TheCommand {
    /// `perjury live`: a chain of lives, each ended by a power loss.
    @Suite("Live")
    struct Live {
        private func live(
            _ bench: Bench, _ workload: String, cuts: Int, _ options: [String] = []
        ) throws -> (result: Bench.Result, workload: JSON) {
            let result = try bench.run(
                ["live", workload, "--cuts", "\(cuts)", "--json", "live.json"] + options)
            let json = try JSON(parsing: try FileBytes.read(bench.folder.file("live.json")))
            return (result, try #require(json["workloads"]?.items.first, "\(result.text)"))
        }

        private func recordings(_ bench: Bench) -> [String] {
            let folder = bench.folder.file("perjury-out/recordings")
            guard let directory = opendir(folder) else { return [] }
            defer { closedir(directory) }
            var names: [String] = []
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name.hasSuffix(".perjury") { names.append("\(folder)/\(name)") }
            }
            return names.sorted()
        }

        @Test(
            "correct stores hold over all power losses, and every kind of life was there",
            arguments: ["toy-ack-before-sync-fixed", "toy-rename-no-dirsync-fixed"])
        func holds(name: String) throws {
            let bench = try Bench()

            let (result, workload) = try live(bench, name, cuts: 60)

            #expect(result.status == 0, "\(result.text)")
            #expect(workload["verdict"]?.text == "holds")
            #expect(workload["powerLosses"]?.number == 60)
            #expect(workload["statesJudged"]?.number ?? 0 > 20)
            #expect(workload["acknowledged"]?.number ?? 0 > 40)
            #expect(workload["effectsLost"]?.number ?? 0 > 0)
            #expect(recordings(bench).isEmpty)
        }

        @Test("a buggy store is caught; its finding replays, its life is explored")
        func violated() throws {
            let bench = try Bench()

            let (result, workload) = try live(bench, "toy-ack-before-sync", cuts: 80)

            #expect(result.status == 0, "the catalogue expects it: \(result.text)")
            #expect(workload["verdict"]?.text == "violated")
            #expect(workload["kinds"]?["lost-commit"] != nil)
            let finding = try #require(workload["findings"]?.items.first)
            #expect(finding["lost"]?.items.isEmpty == false)
            let path =
                "perjury-out/findings/toy-ack-before-sync-live/ext4-ordered-lost-commit-1.json"
            let replayed = try bench.run(["replay", path])
            #expect(replayed.status == 0, "\(replayed.text)")
            #expect(replayed.output.contains("lost-commit"))

            let lives = recordings(bench)
            #expect(!lives.isEmpty)
            for life in lives {
                let recording = try Recording(path: life)
                #expect(recording.isComplete && recording.count > 0)
                let explored = try bench.run([
                    "explore", life, "--model", "ext4-ordered", "--budget", "60",
                ])
                #expect(explored.status == 0, "\(life): \(explored.text)")
                #expect(explored.output.contains("lost-commit"), "\(explored.text)")
            }
        }

        @Test("the same seed draws the same moments and loses the same")
        func seeds() throws {
            let bench = try Bench()
            var compared: Set<String> = []
            for seed in 1...16 {
                // The first life: the second begins with what the first did until a moment that may be one of the clock.
                let stories = try (0..<2).map { _ in
                    let (_, workload) = try live(
                        bench, "toy-rename-no-dirsync", cuts: 1, ["--seed", "\(seed)"])
                    let finding = workload["findings"]?.items.first
                    let lost = finding?["lost"]?.items.compactMap(\.text).joined(separator: "; ")
                    return finding.map { "\($0["moment"]?.text ?? ""): \(lost ?? "")" } ?? ""
                }
                guard !stories.contains(where: { $0.contains(" ms:") }) else { continue }
                #expect(stories[0] == stories[1], "seed \(seed)")
                compared.insert(stories[0])
            }
            #expect(compared.count > 3, "\(compared)")
        }

        /// A store behind a socket that appends lines; whole ones count. It syncs or not.
        private static func server(syncs: Bool) -> String {
            """
            import os, signal, socket, sys
            data, run = os.environ["PERJURY_DIR"], os.environ["PERJURY_RUN"]
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            # What a power loss left of a last line goes.
            log = open(data + "/log", "a+b", buffering=0)
            log.seek(0)
            text = log.read()
            good = 0
            for line in text.split(b"\\n")[:-1]:
                if not (line.startswith(b"t") and line.endswith(b".")): break
                good += len(line) + 1
            os.ftruncate(log.fileno(), good)
            os.fsync(log.fileno())
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(run + "/socket")
            listener.listen()
            while True:
                peer, _ = listener.accept()
                word = peer.makefile("r").readline().strip()
                if word == "list":
                    log.seek(0)
                    peer.sendall(log.read())
                elif word:
                    log.write(word.encode() + b".\\n")
                    if \(syncs ? "True" : "False"):
                        os.fsync(log.fileno())
                        os.fsync(os.open(data, os.O_RDONLY))
                peer.sendall(b"done\\n")
                peer.close()
            """
        }

        private static let client = """
            import os, socket, sys
            def ask(word):
                peer = socket.socket(socket.AF_UNIX)
                peer.connect(os.environ["PERJURY_RUN"] + "/socket")
                peer.sendall(f"{word}\\n".encode())
                answer = peer.makefile("r").read()
                if not answer.endswith("done\\n"): sys.exit("the server hung up")
                return answer.split("\\n")[:-2]
            def mark(text): print(text, flush=True)
            if sys.argv[1] == "put":
                life = os.environ.get("PERJURY_LIFE", "0")
                for n in range(6):
                    name = f"t{life}-{n}"
                    mark(f"@begin {name}"); ask(name); mark(f"@ack {name}")
            else:
                for line in ask("list"): mark("@saw " + line.rstrip("."))
                mark("@end")
            """

        @Test(
            "servers: their recovery is part of each life",
            .enabled(if: access(Bench.python, X_OK) == 0),
            arguments: [true, false])
        func servers(syncs: Bool) throws {
            let bench = try Bench()
            try bench.workload(
                "w",
                """
                run: [\(Bench.python), -S, client.py, put]
                observe: [\(Bench.python), -S, client.py, get]
                timeout: 5s
                server:
                  command: [\(Bench.python), -S, server.py]
                  ready: [test, -S, $PERJURY_RUN/socket]

                """, [:])
            for (name, text) in [
                ("server.py", Self.server(syncs: syncs)), ("client.py", Self.client),
            ] {
                try FileBytes.write(Array(text.utf8), to: bench.folder.file("w/\(name)"))
            }

            let (result, workload) = try live(bench, "./w", cuts: 12)

            #expect(workload["verdict"]?.text == (syncs ? "holds" : "violated"), "\(result.text)")
            #expect(result.status == (syncs ? 0 : ExitStatus.unexpected.rawValue))
        }

        @Test("what is killed in the middle leaves nothing", arguments: [SIGKILL, SIGTERM, SIGINT])
        func ends(signal: CInt) throws {
            let bench = try Bench()
            let running = try bench.start([
                "live", "toy-ack-before-sync-fixed", "--cuts", "100000",
            ])
            try #require(eventually(within: 10) { !bench.namespaces.isEmpty })
            usleep(300_000)
            let namespaces = bench.namespaces
            running.send(signal)

            let result = try running.end(withinSeconds: 10)

            let expected = signal == SIGKILL ? 128 + signal : ExitStatus.interrupted.rawValue
            #expect(result.status == expected, "\(result.text)")
            bench.expectNothingLeft(in: namespaces)
        }
    }
}
