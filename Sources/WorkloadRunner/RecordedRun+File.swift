import Campaign
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
            endedNormally: recording.notes["normal"] == [1],
            outcome: outcome ?? "was cut off with its recording", notes: notes, path: path)
    }

    /// The folder of the workload that was recorded, as far as the recording tells.
    package var workloadFolder: String? {
        recording.notes["workload"].map { String(decoding: $0, as: UTF8.self) }
    }
}
