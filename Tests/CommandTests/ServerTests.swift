import Glibc
import Reporting
import TestSupport
import Testing

extension TheCommand {
    /// Stores that are servers, and observers that stay.
    @Suite("Servers", .enabled(if: access(Bench.python, X_OK) == 0))
    struct Servers {
        /// A store behind a socket: each line it gets is appended to a log, then answered.
        private static let server = """
            import os, signal, socket, sys
            data, run = os.environ["PERJURY_DIR"], os.environ["PERJURY_RUN"]
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            log = open(data + "/log", "a+")
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(run + "/socket")
            listener.listen()
            print("@ack nothing: the output of a server is no mark")
            while True:
                peer, _ = listener.accept()
                for line in peer.makefile("r"):
                    word = line.strip()
                    if word == "list":
                        log.seek(0)
                        for name in log.read().split("\\n")[:-1]:
                            # A power loss may leave zeros where the size arrived and the data did not.
                            if name[0:1] == "t": peer.sendall(f"{name}\\n".encode())
                    elif word == "stop":
                        sys.exit(0)
                    elif word != "ping":
                        log.write(word + "\\n")
                        log.flush()
                        if SYNC: os.fsync(log.fileno()); os.fsync(os.open(data, os.O_RDONLY))
                    peer.sendall(b".\\n")
                    break
                peer.close()
            """
        private static let client = """
            import os, socket, sys
            def ask(word):
                peer = socket.socket(socket.AF_UNIX)
                peer.connect(os.environ["PERJURY_RUN"] + "/socket")
                peer.sendall(f"{word}\\n".encode())
                return peer.makefile("r").read().split()[:-1]
            def mark(text):
                print(text, flush=True)
            match sys.argv[1]:
                case "put":
                    for n in range(4):
                        mark(f"@begin t{n}"); ask(f"t{n}"); mark(f"@ack t{n}")
                case "get":
                    for name in ask("list"): mark(f"@saw {name}")
                    mark("@end")
                case word: ask(word)
            """

        private func workload(_ bench: Bench, syncs: Bool, server more: String = "") throws {
            let syncing = syncs ? "True" : "False"
            try bench.workload(
                "w",
                """
                run: [\(Bench.python), client.py, put]
                observe: [\(Bench.python), client.py, get]
                timeout: 5s
                server:
                  command: [\(Bench.python), server.py]
                  ready: [\(Bench.python), client.py, ping]
                \(more)
                """, [:])
            for (name, text) in [
                ("server.py", "SYNC = \(syncing)\n" + Self.server), ("client.py", Self.client),
            ] {
                try FileBytes.write(Array(text.utf8), to: bench.folder.file("w/\(name)"))
            }
        }

        @Test(
            "a server is started, asked whether it is ready, and stopped, around each program",
            arguments: ["", "  stop: [\(Bench.python), client.py, stop]"])
        func holds(stop: String) throws {
            let bench = try Bench()
            try workload(bench, syncs: true, server: stop)

            let (result, workload) = try bench.report("./w", ["--budget", "30"])

            #expect(result.status == 0, "\(result.text)")
            #expect(workload["verdict"]?.text == "holds")
            #expect(workload["acknowledged"]?.number == 4)
        }

        @Test("a server that does not sync is found out")
        func violated() throws {
            let bench = try Bench()
            try workload(bench, syncs: false)

            let (result, _) = try bench.report("./w", ["--budget", "20"])

            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            #expect(result.output.contains("lost-commit"), "\(result.text)")
        }

        @Test(
            "a server that does not become ready, or ends, is no verdict",
            arguments: [
                ("[sleep, '1000']", "the server was not ready in its time"),
                ("[sh, -c, 'echo no port >&2; exit 3']", "the server exited with status 3"),
                ("[sh, -c, 'kill -9 $$']", "the server was killed by signal 9"),
                ("[no-such-server]", "looking for the program `no-such-server`"),
            ])
        func notReady(command: String, reason: String) throws {
            let bench = try Bench()
            try bench.workload(
                "w",
                """
                run: [echo, "@ack t1"]
                observe: [echo, "@end"]
                timeout: 700ms
                server:
                  command: \(command)
                  ready: ['false']
                """, [:])

            let (result, workload) = try bench.report("./w", withinSeconds: 20)

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(workload["inconclusive"]?.text?.contains(reason) == true, "\(result.text)")
        }

        @Test("a question whether the server is ready that takes long counts by the clock")
        func slowQuestion() throws {
            let bench = try Bench()
            try bench.workload(
                "w",
                """
                run: [echo, "@ack t1"]
                observe: [echo, "@end"]
                timeout: 1s
                server:
                  command: [sleep, "1000"]
                  ready: [sh, -c, "sleep 0.2; exit 1"]
                """, [:])

            let (result, workload) = try bench.report("./w", withinSeconds: 8)

            #expect(result.status == ExitStatus.inconclusive.rawValue, "\(result.text)")
            #expect(
                workload["inconclusive"]?.text?.contains("the server was not ready") == true,
                "\(result.text)")
        }

        @Test("a server that dies in the middle of the run: explored up to there")
        func dies() throws {
            let bench = try Bench()
            try workload(bench, syncs: false)
            let path = bench.folder.file("w/client.py")
            let text = String(decoding: try FileBytes.read(path), as: UTF8.self)
            let dying = text.replacing(
                "for n in range(4):", with: "for n in range(9):\n            if n == 3: ask('stop')"
            )
            try FileBytes.write(Array(dying.utf8), to: path)

            let (result, workload) = try bench.report("./w", ["--budget", "20"])

            #expect(result.status == ExitStatus.unexpected.rawValue, "\(result.text)")
            #expect(workload["acknowledged"]?.number == 3)
            #expect(result.output.contains("explored up to there"), "\(result.text)")
        }

        @Test("a persistent observer is asked for one directory a line")
        func serve() throws {
            let bench = try Bench()
            try bench.workload(
                "w", "run: ./run.sh\nobserve: {serve: [./serve.sh]}\nexpect: violates\n",
                [
                    "run.sh": """
                    cd "$PERJURY_DIR" || exit 1
                    for n in 1 2 3; do echo "t$n" >>log; echo "@ack t$n"; done
                    """,
                    "serve.sh": """
                    while read -r directory; do
                        if [ -e "$directory/log" ]; then sed 's/^t/@saw t/' "$directory/log"; fi
                        echo @end
                    done
                    """,
                ])

            let (result, workload) = try bench.report("./w")

            #expect(result.status == 0, "\(result.text)")
            #expect(workload["verdict"]?.text == "violated")
        }
    }
}
