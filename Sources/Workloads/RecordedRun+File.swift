import Campaign
import Oracles
import Recording

extension RecordedRun {
    /// A run from its recording file.
    ///
    /// - Throws: `RecordingError` when the file is no recording, or a damaged one.
    package init(path: String) throws {
        let recording = try Recording(path: path)
        let outcome = recording.notes["outcome"].map { String(decoding: $0, as: UTF8.self) }
        var notes: [String] = []
        if !recording.isComplete {
            notes.append(
                "the recording \(path) ends without its seal; it is read up to its last whole record"
            )
        }
        self.init(
            recording: recording, setupOutput: recording.notes["setup"] ?? [],
            setupIsAtRest: recording.notes[Self.setupNotAtRestNote] == nil,
            end: outcome.flatMap { Observation.Outcome($0) }, outcome: outcome, notes: notes,
            path: path, faults: Self.faults(in: recording),
            outlived: recording.notes[Self.outlivedNote].map { note in
                String(decoding: note, as: UTF8.self).split(separator: "\n").map(String.init)
            } ?? [])
    }

    static let requestNote = "request"
    static let observerNote = "observer"
    static let askedFaultsNote = "asked-faults"
    static let failingSyncNote = "failing-sync"
    static let outlivedNote = "outlived"
    static let faultsNote = "faults"
    /// Present where what setup acknowledged need not have been on stable storage.
    static let setupNotAtRestNote = "setup-not-at-rest"

    /// `WorkloadSubject.request` of the run.
    package var request: WorkloadIdentity? {
        text(of: Self.requestNote).map(WorkloadIdentity.init)
    }

    /// What an observation followed from when the run was recorded.
    package var observerIdentity: WorkloadIdentity? {
        text(of: Self.observerNote).map(WorkloadIdentity.init)
    }

    /// What was made to fail besides what the workload itself asks for; nil where the recording does not say.
    package var askedFaults: FaultRequests? {
        guard let text = text(of: Self.askedFaultsNote) else { return nil }
        var faults = FaultRequests()
        for line in text.split(separator: "\n") {
            guard (try? faults.add(String(line))) != nil else { return nil }
        }
        return faults
    }

    /// The error of the sync that was made to fail in this run, one of many; nil where it is no such run.
    package var failingSyncError: String? { text(of: Self.failingSyncNote) }

    /// What its programs had as PERJURY_SEED, as far as the recording tells.
    package var programSeed: UInt64? {
        request.flatMap { request in
            request.text.split(separator: "\n").first { $0.hasPrefix("seed ") }
                .flatMap { UInt64($0.dropFirst("seed ".count)) }
        }
    }

    private func text(of note: String) -> String? {
        recording.notes[note].map { String(decoding: $0, as: UTF8.self) }
    }

    /// A line for each: how often it fired, how many requests it was about, and what it is.
    static func bytes(of faults: [FaultCount]) -> [UInt8] {
        Array(faults.map { "\($0.fired) \($0.matched) \($0.text)" }.joined(separator: "\n").utf8)
    }

    private static func faults(in recording: Recording) -> [FaultCount] {
        String(decoding: recording.notes[faultsNote] ?? [], as: UTF8.self).split(separator: "\n")
            .compactMap { line in
                let parts = line.split(separator: " ", maxSplits: 2)
                guard parts.count == 3, let fired = Int(parts[0]), let matched = Int(parts[1])
                else { return nil }
                return FaultCount(text: String(parts[2]), matched: matched, fired: fired)
            }
    }

    /// The folder of the workload that was recorded, as far as the recording tells.
    package var workloadFolder: String? { text(of: "workload") }
}
