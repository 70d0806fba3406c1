import ArgumentParser
import Basics
import Glibc
import Reporting

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a small workload that works, to put your own store into.",
        discussion: """
            --language writes a store of some fifty lines, which holds, with a comment where yours goes. --put and --list write \
            the loop that most first workloads are: numbered keys, put one after the other, each acknowledged by exit status \
            0. The commands are run by a shell; {key} and {value} are replaced, and $PERJURY_DIR is where the data \
            must be:

              perjury init --put './mydb set {key} {value}' --list './mydb dump'

            --list prints a line for each key: key=value, or key and value parted by a space or a tab.
            """)

    @Argument(help: "The folder to make.")
    var folder = "my-workload"

    @Option(help: "The language of the store to begin with.")
    var language: Language?

    @Option(help: ArgumentHelp("Commits a value under a key.", valueName: "command"))
    var put: String?

    @Option(help: ArgumentHelp("Recovers, and prints what is there.", valueName: "command"))
    var list: String?

    enum Language: String, ExpressibleByArgument, CaseIterable {
        case python, rust, go, c, swift, java, node, shell
    }

    func run() throws {
        guard (put == nil) == (list == nil), put == nil || language == nil else {
            throw Failure(.usage, "give --language, or --put and --list together")
        }
        let files: [StarterFile]
        let build: String?
        if let put, let list {
            guard let here = Files.absolute(".") else {
                throw Failure(.unavailable, "the current folder has no path")
            }
            files = StarterFile.loop(put: put, list: list, runningIn: here)
            build = nil
        } else {
            let starter = Starter(language ?? .python)
            files = starter.files
            build = starter.build
        }
        try write(files)
        tell(files, build)
    }

    /// Nothing that is there is replaced.
    private func write(_ files: [StarterFile]) throws {
        let paths = files.map { "\(folder)/\($0.name)" }
        if let path = paths.first(where: { access($0, F_OK) == 0 }) {
            throw Failure(.usage, "\(path) is there already; name another folder")
        }
        for (file, path) in zip(files, paths) {
            try Files.write(file.text, to: path)
            if file.isProgram { chmod(path, 0o755) }
        }
    }

    private func tell(_ files: [StarterFile], _ build: String?) {
        let run = Escaped.shell(folder.contains("/") ? folder : "./\(folder)")
        let steps = [build.map { "(cd \(run) && \($0))" }, "perjury run \(run)"]
        let ending =
            put == nil
            ? "It holds. The comments say where your own store goes, and which line to take out to see a loss."
            : "--put is acknowledged when it exits with 0."
        let names = files.map(\.name).joined(separator: ", ")
        let commands = steps.compactMap { $0.map { "    \(Escaped.line($0))\n" } }.joined()
        Console.out(
            "Wrote \(names) into \(Escaped.line(folder)). Next:\n\n\(commands)\n\(ending)\n")
    }
}

/// A store to begin with: its source, and what makes a program of it.
private struct Starter {
    let source: StarterFile
    /// The words that start it, in workload.yaml.
    let program: [String]
    /// Makes the program from the source, in the workload's folder.
    let build: String?

    init(_ language: InitCommand.Language) {
        let (name, template, program, build): (String, [UInt8], [String], String?) =
            switch language {
            case .python: ("store.py", PackageResources.store_py_in, ["python3", "store.py"], nil)
            case .node: ("store.js", PackageResources.store_js_in, ["node", "store.js"], nil)
            case .shell: ("store.sh", PackageResources.store_sh_in, ["sh", "store.sh"], nil)
            case .c:
                ("store.c", PackageResources.store_c_in, ["./store"], "cc -O2 -o store store.c")
            case .rust: ("store.rs", PackageResources.store_rs_in, ["./store"], "rustc -O store.rs")
            case .go:
                (
                    "store.go", PackageResources.store_go_in, ["./store"],
                    "go build -o store store.go"
                )
            case .swift:
                (
                    "store.swift", PackageResources.store_swift_in, ["./store"],
                    "swiftc -O store.swift"
                )
            case .java:
                (
                    "Store.java", PackageResources.Store_java_in, ["java", "-cp", ".", "Store"],
                    "javac Store.java"
                )
            }
        source = StarterFile(name: name, text: String(decoding: template, as: UTF8.self))
        self.program = program
        self.build = build
    }

    var files: [StarterFile] {
        let words = program.joined(separator: ", ")
        return [
            source,
            .workload(
                about: "A store in one file", run: "[\(words), put, \"20\"]",
                observe: "[\(words), list]"),
        ]
    }
}

/// A file of a new workload.
private struct StarterFile {
    let name: String
    let text: String
    var isProgram = false

    /// workload.yaml, with the keys that a first try needs.
    static func workload(about: String, run: String, observe: String) -> StarterFile {
        StarterFile(
            name: "workload.yaml",
            text: """
                about: \(about)
                # What is acknowledged stays. docs/workloads.md has the other promises.
                promise: durable
                run: \(run)
                observe: \(observe)

                """)
    }

    /// The loop around two commands.
    static func loop(put: String, list: String, runningIn folder: String) -> [StarterFile] {
        func filled(_ command: String) -> String {
            command.replacing("{key}", with: "\"$key\"").replacing("{value}", with: "\"$value\"")
        }
        let quoted = Escaped.shell(folder)
        let run = """
            #!/bin/sh
            # put.sh COUNT: puts numbered keys. What exits with 0 is acknowledged.
            cd \(quoted) || exit 1
            number=1
            while [ "$number" -le "$1" ]; do
                key=k$((number % 5)) value=v$number
                echo "@begin p$number $key=$value"
                if \(filled(put)) </dev/null >&2; then
                    echo "@ack p$number"
                else
                    echo "@unknown p$number"
                fi
                number=$((number + 1))
            done

            """
        let observe = """
            #!/bin/sh
            # list.sh: lets the store recover, and prints what is there.
            cd \(quoted) || exit 1
            tab=$(printf '\\t')
            listing=$(\(list) </dev/null) || exit 1
            printf '%s\\n' "$listing" | while IFS= read -r line; do
                case $line in
                *=*) echo "@saw ${line%%=*}=${line#*=}" ;;
                *"$tab"*) echo "@saw ${line%%"$tab"*}=${line#*"$tab"}" ;;
                *' '*) echo "@saw ${line%% *}=${line#* }" ;;
                esac
            done
            echo "@end"

            """
        return [
            StarterFile(name: "put.sh", text: run, isProgram: true),
            StarterFile(name: "list.sh", text: observe, isProgram: true),
            workload(
                about: "Numbered keys", run: "[./put.sh, \"20\"]", observe: "[./list.sh]"),
        ]
    }
}
