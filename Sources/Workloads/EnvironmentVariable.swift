import Glibc

/// A variable that the programs of a workload get beside their usual ones.
package struct EnvironmentVariable: Hashable, Sendable {
    package let name: String
    /// `$PERJURY_DIR` and its like stand in it as they were written; nil: what the caller has.
    package var value: String?

    /// Why a text is none; one sentence.
    package struct Malformed: Error {
        package let sentence: String
    }

    /// - Parameter text: `NAME=VALUE`, or `NAME` for the caller's own value.
    package init(_ text: String) throws(Malformed) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        name = String(parts[0])
        value = parts.count > 1 ? String(parts[1]) : nil
        let isName = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isName, let first = name.first, !first.isNumber, !text.utf8.contains(0) else {
            throw Malformed(
                sentence:
                    "`\(text)` is not a variable; write NAME=VALUE, or NAME for your own value")
        }
        guard !name.hasPrefix("PERJURY_") else {
            throw Malformed(sentence: "perjury itself sets the variables that begin with PERJURY_")
        }
    }

    package var text: String { value.map { "\(name)=\($0)" } ?? name }
}

extension Surroundings {
    /// The caller's variables that programs do not get, as far as they may be what a program that does not start lacks:
    /// a few names; those that hold a path come first.
    ///
    /// - Returns: a sentence; nil where there are none.
    func droppedVariables(atMost limit: Int = 8) -> String? {
        let given = Set(environment.map(\.name)).union(Self.ownVariables)
        var names: [(isPath: Bool, name: String)] = []
        var next = environ
        while let entry = next.pointee {
            next += 1
            let parts = String(cString: entry).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !given.contains(String(parts[0])),
                !Self.idleVariables.contains(String(parts[0]))
            else { continue }
            names.append((parts[1].contains("/"), String(parts[0])))
        }
        guard !names.isEmpty else { return nil }
        let sorted = names.sorted { $0.isPath == $1.isPath ? $0.name < $1.name : $0.isPath }
        let more = sorted.count > limit ? " and \(sorted.count - limit) more" : ""
        return "of your environment it does not get "
            + sorted.prefix(limit).map(\.name).joined(separator: ", ") + more
            + "; pass one with `--env NAME` or by the key `environment`"
    }

    /// What each program has its own value of.
    private static let ownVariables: Set = ["PATH", "HOME", "TMPDIR", "LANG"]

    /// What describes the caller's session, and no program's libraries.
    private static let idleVariables: Set = [
        "PWD", "OLDPWD", "SHLVL", "_", "TERM", "SHELL", "USER", "LOGNAME", "MAIL", "LS_COLORS",
    ]
}
