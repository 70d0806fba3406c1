import Campaign
import FileTree
import Glibc
import PowerLoss
import Recording
import Stage

/// A workload whose power goes while it runs: real programs on real mounts.
package final class LiveWorkload: LiveSubject {
    private let workload: WorkloadSubject
    private let stage: any Stage

    /// - Throws: when there is no place for mounts.
    package init(_ subject: WorkloadSubject) throws {
        workload = subject
        stage = try subject.stage()
    }

    deinit {
        stage.close()
    }

    package var subject: any Subject { workload }

    package var faults: [FaultCount] {
        workload.faults.plan.rules.map { FaultCount(text: "\($0)") }
    }

    package var remarks: [Note] {
        workload.faults.syncError == nil ? [] : [.noFailingSyncs]
    }

    package func setUp() throws -> (tree: FileTree, output: [UInt8]) {
        if let missing = workload.workload.missingRequirement { throw HarnessError(missing) }
        return try workload.setUp(stage)
    }

    package func powerOn(
        _ tree: FileTree, life: Int, _ pages: SyncFailure
    ) throws -> any PowerOn {
        try Power(workload, stage, tree, life, pages)
    }

    /// In the folder for recordings, which is made when it is missing.
    package func keep(_ run: RecordedRun, life: Int) throws -> (run: RecordedRun, path: String) {
        let out = workload.options.out
        let folder = "\(out)/recordings"
        for path in [out, folder] { mkdir(path, 0o700) }
        let path = "\(folder)/\(workload.name)-life-\(life).perjury"
        unlink(path)
        do {
            var notes = [
                "workload": Array(workload.workload.folder.utf8),
                "setup": run.setupOutput,
                "outcome": Array(run.outcome.utf8),
                RecordedRun.faultsNote: RecordedRun.bytes(of: run.faults),
                Recording.directoryNote: Array(stage.dataDirectory.utf8),
            ]
            if !run.setupIsAtRest { notes[RecordedRun.setupNotAtRestNote] = [] }
            try run.recording.save(to: path, notes: notes)
        } catch {
            throw HarnessError("writing \(path): \(error); name another folder with --out")
        }
        return (try RecordedRun(path: path), path)
    }

    package func discard(_ path: String) {
        unlink(path)
    }
}
