import Campaign
import Glibc
import PowerLoss
import Reporting
import Workloads

/// A finding as a command was given it: a file that `run` left, or a pack of one, unpacked for as long as this lives.
final class GivenFinding {
    /// As it was typed.
    let path: String
    let file: FindingFile
    /// Of the run, then of each recovery.
    let recordings: [String]
    private let unpacked: ScratchFolder?

    var recording: String { recordings[0] }
    var isPack: Bool { unpacked != nil }

    init(_ path: String) throws {
        self.path = path
        if PackReader.isPack(try Files.beginning(of: path, PackReader.start.count)) {
            let scratch = try ScratchFolder()
            unpacked = scratch
            do throws(PackError) {
                _ = try PackReader.unpack(path, into: scratch.path)
            } catch {
                throw Failure(.usage, "\(path) cannot be used: \(error)")
            }
            let file = try Self.read("\(scratch.path)/\(PackManifest.finding)", named: path)
            recordings =
                ["\(scratch.path)/\(PackManifest.recording)"]
                + (0..<file.recoveries.count).map {
                    "\(scratch.path)/\(PackManifest.recovery($0 + 1))"
                }
            self.file = file
        } else {
            unpacked = nil
            let file = try Self.read(path, named: path)
            let folder = Files.parent(of: Files.absolute(path) ?? path)
            recordings = ([file.recording] + file.recoveries.map(\.recording)).map {
                $0.hasPrefix("/") ? $0 : "\(folder)/\($0)"
            }
            self.file = file
        }
    }

    private static func read(_ path: String, named name: String) throws -> FindingFile {
        let bytes = try Files.read(path, limit: JSON.largestText)
        if compressions.contains(where: bytes.starts) {
            throw Failure(.usage, "\(name) is compressed: unpack it first, as gunzip does")
        }
        do {
            return try FindingFile(parsing: bytes)
        } catch {
            throw Failure(.usage, "\(name) cannot be used: \(error)")
        }
    }

    /// How files of gzip, xz and zstd begin.
    private static let compressions: [[UInt8]] = [
        [0x1f, 0x8b], [0xfd, 0x37, 0x7a, 0x58, 0x5a], [0x28, 0xb5, 0x2f, 0xfd],
    ]

    /// The model and the stack that it is about.
    func rules() throws -> (PersistenceModel, Stack) {
        let model: PersistenceModel?
        let stack: Stack?
        do {
            model =
                try PersistenceModel.named(file.model)
                ?? file.ownModel.map { try PersistenceModel(name: file.model, $0) }
            stack =
                try Stack.named(file.stack)
                ?? file.ownStack.map { try Stack(name: file.stack, $0) }
        } catch {
            throw Failure(.usage, "\(path) holds rules that this perjury cannot read: \(error)")
        }
        guard let model, let stack else {
            throw Failure(
                .usage,
                "\(path) is about model `\(file.model)` on stack `\(file.stack)`, which this perjury does not have"
            )
        }
        return (model, stack)
    }

    // MARK: The workload

    /// Its workload, where it lies now.
    ///
    /// - Parameter other: a folder to take in place of its own.
    func workload(in other: String?) throws -> Workload {
        let folder = other ?? unpacked.map { "\($0.path)/\(PackManifest.workload)" } ?? file.folder
        var workload: Workload
        // Another folder may have made a workload of what was options then.
        if let commands = file.commands,
            other == nil || access("\(folder)/workload.yaml", F_OK) != 0
        {
            workload = try Wiring.adHoc(commands, folder: folder)
        } else {
            do { workload = try Workload.load(folder) } catch { throw Failure(.usage, "\(error)") }
        }
        workload = workload.named(file.workload)
            .moved(Relocation(from: file.folder, to: workload.folder))
        if workload.file.user != nil { unpacked?.letOthersThrough() }
        return workload
    }

    /// A text for a person. What lies in a pack is called by where it lay when it was found.
    func shown(_ text: String) -> String {
        guard let unpacked else { return text }
        let folder = "\(unpacked.path)/\(PackManifest.workload)"
        return Relocation(from: folder, to: file.folder).moved(text)
    }

    /// What is known to be another than when its run was recorded; nil where nothing is.
    ///
    /// - Parameters:
    ///   - run: its recording.
    ///   - subject: of its workload as it is now.
    func change(since run: RecordedRun, _ subject: WorkloadSubject) -> String? {
        // With `explore` the run is not known.
        guard file.commands?.run != ExploreCommand.recorded, let request = run.request else {
            return nil
        }
        var (then, now) = (request, subject.request)
        if let observer = run.observerIdentity {
            then = then.adding(observer)
            now = now.adding(subject.observerIdentity)
        }
        let home = run.workloadFolder ?? file.folder
        // Faults of the command line are in the recording, and not in the finding. Where commands were given, their folder is
        // the caller's, with all that is there.
        return now.moved(Relocation(from: subject.workload.folder, to: home)).change(
            since: then, ignoring: file.commands == nil ? ["faults"] : ["faults", "folder"])
    }
}
