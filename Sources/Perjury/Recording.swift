import Campaign
import Workloads

/// One run of a store, with everything that it did to its files and acknowledged.
///
/// It can be explored as often as wanted, under whatever models: the store is not run again, only its recovery is.
public struct Recording {
    private let folder: StoreFolder
    private let run: RecordedRun

    init(of store: Store, out: String) throws {
        let folder = try StoreFolder(store, out: out)
        self.folder = folder
        run = try translatingErrors { try folder.subject.record() }
    }

    /// Of the file, for `perjury explore` and `perjury log`.
    public var path: String { run.path ?? "" }
    /// Requests and marks in it.
    public var recordCount: Int { run.recording.count }
    /// Transactions that the store acknowledged in it.
    public var acknowledgedCount: Int { run.history.view(at: .max).acknowledged.count }

    /// Cuts the power everywhere in it, and judges what recovery shows. The files of the findings of an exploration before it
    /// go: `replayCommand` is about the last one.
    ///
    /// - Throws: `PerjuryError` when the machine cannot do it.
    public func explore(_ exploration: Exploration = Exploration()) throws -> Report {
        let run = run
        return try folder.report(exploration) { $0.explore(run) }
    }
}
