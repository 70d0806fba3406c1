import Campaign
import PowerLoss

/// Where the findings of one workload are kept as files: `findings/NAME` below the output folder.
package struct FindingFolder {
    /// The output folder.
    private let out: String
    /// The name of the workload in it.
    private let workload: String
    /// Of the workload; of its commands where it was given by them.
    private let folder: String
    private let seed: UInt64
    private let commands: FindingFile.Commands?
    /// The rules of a model or a stack by its name, where it is not built in.
    package var ownModel: (String) throws -> RuleFields? = { _ in nil }
    package var ownStack: (String) throws -> RuleFields? = { _ in nil }

    package init(
        out: String, workload: String, folder: String, seed: UInt64,
        commands: FindingFile.Commands? = nil
    ) {
        self.out = out
        self.workload = workload
        self.folder = folder
        self.seed = seed
        self.commands = commands
    }

    private var place: String { "findings/\(workload)" }

    /// Writes each finding to a file of its own and notes where; those of an earlier run of the workload go.
    package func keep(_ report: inout WorkloadReport) throws {
        for suffix in [".json", ".perjury"] {
            Files.removeAll(in: "\(out)/\(place)", suffix: suffix)
        }
        let kept = Set(
            (report.findings + report.examples).compactMap(\.run.recordingPath).map(Files.name))
        Files.removeAll(in: "\(out)/recordings/\(workload)", suffix: ".perjury", but: kept)
        guard let recording = report.recordingPath else { return }
        var counts: [String: Int] = [:]
        for index in report.findings.indices {
            try keep(&report.findings[index], recording, &counts)
        }
        for index in report.examples.indices {
            try keep(&report.examples[index], recording, &counts)
        }
    }

    /// - Parameter counts: findings of each kind under each target so far.
    private func keep(
        _ finding: inout Finding, _ recording: String, _ counts: inout [String: Int]
    ) throws {
        let stack = finding.stack == "honest" ? "" : "-\(finding.stack)"
        let stem = "\(finding.model)\(stack)-\(finding.kind.rawValue)"
        counts[stem, default: 0] += 1
        let name = "\(stem)-\(counts[stem]!)"
        let path = "\(place)/\(name).json"
        var file = FindingFile(
            finding, workload: workload, folder: folder, commands: commands,
            recording: relative(finding.run.recordingPath ?? recording), seed: seed,
            ownModel: try ownModel(finding.model), ownStack: try ownStack(finding.stack))
        for (number, recovery) in finding.recoveries.enumerated() {
            let recording = "\(name)-recovery-\(number + 1).perjury"
            try Files.makeFolder("\(out)/\(place)")
            do {
                try recovery.recording.save(to: "\(out)/\(place)/\(recording)")
            } catch {
                throw Failure(.unavailable, "writing \(place)/\(recording): \(error)")
            }
            file.recoveries.append(
                .init(recording: recording, plan: recovery.plan, treeHash: recovery.treeHash))
        }
        try Files.write(file.text, to: "\(out)/\(path)")
        finding.path = path
    }

    /// The recording as a finding two folders below the output folder names it.
    private func relative(_ recording: String) -> String {
        guard let out = Files.absolute(out), let path = Files.absolute(recording) else {
            return recording
        }
        return path.hasPrefix(out + "/") ? "../../" + path.dropFirst(out.count + 1) : path
    }
}
