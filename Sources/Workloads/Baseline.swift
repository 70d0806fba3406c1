import Oracles

/// Causes that were there when someone looked, of several workloads, each with why it may stay: a file for CI.
///
///     toy-cache:
///       lost-commit-5c1f03aa: the cache may lose its newest entry; see its README
///
/// A workload that the file names may show nothing else; one that it does not name is judged by its own `expect:` and `known:`.
package struct Baseline: Equatable, Sendable {
    package private(set) var workloads: [String: [Fingerprint: String]] = [:]

    package init() {}

    /// - Throws: for the first thing that is wrong, with its line.
    package init(
        parsing bytes: some Collection<UInt8>, path: String
    ) throws(WorkloadFileError) {
        let reader = WorkloadFileReader(path: path, subject: "a baseline")
        for (name, entry) in try reader.pairs(of: try reader.root(bytes)) {
            workloads[name] = try reader.known(entry)
        }
    }

    /// What may come of a workload: what the file names, and what the workload knows itself.
    package func expectation(of workload: String, _ own: Expectation) -> Expectation {
        guard let listed = workloads[workload] else { return own }
        var expectation = own
        expectation.known = listed.merging(own.known ?? [:]) { listed, _ in listed }
        return expectation
    }

    /// Takes over what a workload shows now. What is there stays, with its reason: that a cause does not come within some
    /// budget, or under some models, does not say that it is mended. What is new waits for a reason.
    ///
    /// - Parameters:
    ///   - seen: causes, each in words.
    ///   - own: what the workload knows itself needs no entry here.
    /// - Returns: what is there and was not seen; sorted.
    package mutating func update(
        _ workload: String, seen: [Fingerprint: String], own: Expectation
    ) -> [Fingerprint] {
        var known = workloads[workload] ?? [:]
        let unseen = known.keys.filter { seen[$0] == nil }.sorted()
        for (fingerprint, words) in seen
        where own.known?[fingerprint] == nil && known[fingerprint] == nil {
            known[fingerprint] = "not looked into: \(words)"
        }
        workloads[workload] = known
        return unseen
    }

    /// The bytes of the file.
    ///
    /// - Throws: when a name cannot be written as YAML.
    package func text() throws -> String {
        let entries = try YAMLText.document { text throws(YAMLError) in
            try text.mapping { () throws(YAMLError) in
                for (name, known) in workloads.sorted(by: { $0.key < $1.key }) {
                    try text.scalar(name)
                    try text.mapping { () throws(YAMLError) in
                        for (fingerprint, reason) in known.sorted(by: { $0.key < $1.key }) {
                            try text.scalar(fingerprint.description)
                            try text.scalar(reason)
                        }
                    }
                }
            }
        }
        return """
            # Causes that are known, of each workload. perjury run --baseline FILE reports what is not here;
            # --update-baseline writes it anew and keeps the reasons.

            """ + entries
    }
}
