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
    static let outlivedNote = "outlived"
    static let faultsNote = "faults"
    /// Present where what setup acknowledged need not have been on stable storage.
    static let setupNotAtRestNote = "setup-not-at-rest"

    /// `WorkloadSubject.request` of the run.
    package var request: WorkloadIdentity? {
        recording.notes[Self.requestNote].map {
            WorkloadIdentity(text: String(decoding: $0, as: UTF8.self))
        }
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
    package var workloadFolder: String? {
        recording.notes["workload"].map { String(decoding: $0, as: UTF8.self) }
    }
}
