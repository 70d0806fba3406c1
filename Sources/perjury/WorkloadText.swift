import Basics
import Campaign
import Oracles
import PowerLoss
import Reporting
import Workloads

/// A workload as it is understood, for a person: a line for each key of `workload.yaml`, with its default where it says nothing.
struct WorkloadText {
    let workload: Workload

    init(_ workload: Workload) {
        self.workload = workload
    }

    var text: String {
        var lines = [Escaped.line(workload.name)]
        let missing = workload.missingRequirement.map { [("cannot run", $0)] } ?? []
        for (name, value) in [("folder", workload.folder)] + fields + missing {
            let space = String(repeating: " ", count: max(1, 13 - name.count))
            lines.append("  \(name)\(space)\(Escaped.line(value))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// By key, in the order in which a person reads it; a key with several values has several lines.
    var fields: [(key: String, value: String)] {
        let file = workload.file
        return [("about", file.about), ("promise", file.promise.description)]
            + file.under.sorted { $0.key < $1.key }.map { ("under", "\($0.key): \($0.value)") }
            + commands + surroundings
            + [("models", models.joined(separator: ", ")), ("nested", "\(file.nested)")]
            + expectations + faults
    }

    private var commands: [(key: String, value: String)] {
        let file = workload.file
        var fields = [
            ("setup", file.setup.map(Self.line) ?? "(none: the run begins on an empty directory)"),
            ("run", Self.line(file.run)), ("exit", Self.exits(file.acceptedExit)),
            ("wait", file.waitsForAll ? "all" : "(for the command itself)"),
        ]
        switch file.observer {
        case .command(let words): fields.append(("observe", Self.line(words)))
        case .serve(let words): fields.append(("observe", "serve: " + Self.line(words)))
        case .check(let words): fields.append(("check", Self.line(words)))
        }
        if let server = file.server {
            fields.append(("server", Self.line(server.command)))
            if let ready = server.ready { fields.append(("server", "ready: " + Self.line(ready))) }
            if let stop = server.stop { fields.append(("server", "stop: " + Self.line(stop))) }
        } else {
            fields.append(("server", "(none)"))
        }
        return fields
    }

    private var surroundings: [(key: String, value: String)] {
        let file = workload.file
        let requires = file.requires
        let packages =
            requires.packages.isEmpty
            ? "" : " (packages: \(requires.packages.joined(separator: ", ")))"
        return [
            (
                "user",
                file.user ?? file.userForRoot.map { "\($0), where root calls" } ?? "(the caller)"
            ),
            ("timeout", Budget.Size.seconds(Double(file.timeoutNanoseconds) / 1e9).text),
            (
                "environment",
                file.environment.isEmpty
                    ? "(nothing more)"
                    : file.environment.map { Escaped.shell($0.text) }.joined(separator: " ")
            ),
            (
                "requires",
                requires.commands.isEmpty && requires.packages.isEmpty
                    ? "(nothing)" : requires.commands.joined(separator: ", ") + packages
            ),
            (
                "mounts",
                file.mounts.isEmpty ? "(one machine)" : file.mounts.joined(separator: ", ")
            ),
            ("at-once", file.mountsAtOnce.map { "\($0)" } ?? "(all)"),
            (
                "after",
                file.afterNanoseconds == 0
                    ? "(at once)"
                    : Budget.Size.seconds(Double(file.afterNanoseconds) / 1e9).text
            ),
        ]
    }

    /// Those that are explored unless something else is asked for.
    private var models: [String] { workload.file.exploredModels.map(\.name) }

    private var expectations: [(key: String, value: String)] {
        let expect = workload.file.expect
        return Set(models).union(expect.specific.keys).sorted().map { name in
            ("expect", "\(name): \(expect.specific[name] ?? expect.general ?? .holds)")
        } + known
    }

    private var known: [(key: String, value: String)] {
        guard let known = workload.file.expect.known else {
            return [("known", "(no list: kinds alone tell)")]
        }
        return known.sorted { $0.key < $1.key }.map { ("known", "\($0.key): \($0.value)") }
    }

    private var faults: [(key: String, value: String)] {
        let faults = workload.file.faults
        let lines = (faults.syncError.map { ["sync \($0)"] } ?? []) + faults.texts
        return lines.isEmpty ? [("faults", "(none)")] : lines.map { ("faults", $0) }
    }

    private static func exits(_ accepted: AcceptedExit) -> String {
        switch accepted {
        case .any: "any"
        case .statuses(let statuses):
            statuses.sorted().map { "\($0)" }.joined(separator: ", ")
        }
    }

    private static func line(_ words: [String]) -> String { words.joined(separator: " ") }
}
