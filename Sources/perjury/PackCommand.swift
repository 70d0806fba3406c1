import ArgumentParser
import Basics
import Glibc
import Reporting
import Stage
import Workloads

import struct SystemPackage.Errno

struct PackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pack",
        abstract: "Put a finding into one file that `replay` and `retest` judge anywhere.",
        discussion: """
            The file holds the finding, its recording and the files of the workload's folder: what the store had written, \
            and the programs. What lies elsewhere, an interpreter or a server, has to be on the other machine, too.

            It is a tar archive; `tar -tf FILE` lists what is in it.
            """)

    @Argument(help: "A finding, as `run` leaves it in OUT/findings.")
    var finding: String

    @Option(
        name: .shortAndLong,
        help: "The file to write. Default: WORKLOAD-FINGERPRINT.perjury-finding, here.")
    var output: String?

    @Option(
        help: ArgumentHelp(
            "A file or folder of the workload's folder to leave out, repeatable.", valueName: "path"
        ))
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp(
            "How much of the workload's folder is taken at most, in MiB.", valueName: "mib"))
    var limit = 64

    func validate() throws {
        guard (1...8192).contains(limit) else {
            throw ValidationError("--limit must be from 1 to 8192, in MiB.")
        }
    }

    func run() throws {
        let given = try GivenFinding(finding)
        guard !given.isPack else {
            throw Failure(.usage, "\(finding) is packed already: copy it as it is")
        }
        let path =
            output
            ?? "\(given.file.workload)-\(given.file.name)\(FolderFiles.packSuffix)"
        try checkOutput(path)
        // What cannot be replayed is not worth its way.
        let records = try given.recordings.map { try Wiring.recordedRun($0).recording.count }
        let workload = try given.workload(in: nil)
        let files = try files(of: workload.folder)
        let programs = Program.all(of: workload)
        var sources: [PackWriter.Source] = [
            .init(name: PackManifest.finding, path: finding),
            .init(name: PackManifest.recording, path: given.recording),
        ]
        for (number, recording) in given.recordings.enumerated().dropFirst() {
            sources.append(.init(name: PackManifest.recovery(number), path: recording))
        }
        for file in files.files {
            sources.append(
                .init(
                    name: "\(PackManifest.workload)/\(file.path)",
                    path: "\(workload.folder)/\(file.path)"))
        }
        let manifest = PackManifest(
            perjury: perjuryVersion, kernel: Self.kernel,
            programs: programs.map { .init(path: $0.path, size: $0.size, hash: $0.hash) },
            leftOut: files.others.sorted() + exclude)
        try write(sources, manifest, to: path)
        tell(path, workload, files, programs, records[0])
    }

    private static var kernel: String {
        var name = utsname()
        uname(&name)
        func text<Field>(_ field: Field) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "\(text(name.sysname)) \(text(name.release)) \(text(name.machine))"
    }

    /// A file that is no pack is not written over: it may be the finding itself.
    private func checkOutput(_ path: String) throws {
        guard access(path, F_OK) == 0 else { return }
        if !isFolder(path),
            PackReader.isPack(try Files.beginning(of: path, PackReader.start.count))
        {
            return
        }
        throw Failure(
            .usage, "--output \(path) is there already, and is no pack: name another file")
    }

    // MARK: The folder

    private func files(of folder: String) throws -> FolderFiles {
        let excluded = exclude.map { "\(folder)/\($0)" }
        if let missing = zip(exclude, excluded).first(where: { access($0.1, F_OK) != 0 }) {
            throw Failure(.usage, "--exclude \(missing.0): there is no such thing in \(folder)")
        }
        var files = FolderFiles(folder, except: excluded)
        guard files.isWhole else {
            throw Failure(
                .usage,
                "the folder \(folder) has more files than a pack takes: --exclude PATH leaves out one of its files "
                    + "or folders")
        }
        files.sort()
        let size = files.files.reduce(0) { $0 + Int($1.status.st_size) }
        if size > limit << 20, let largest = files.largest {
            throw Failure(
                .usage,
                "the folder \(folder) has \(Self.size(size)), and a pack takes \(limit) MiB of it: --exclude PATH leaves "
                    + "out one of its files or folders (\(largest.path) has \(Self.size(Int(largest.status.st_size)))), "
                    + "--limit takes more")
        }
        return files
    }

    private static func size(_ bytes: Int) -> String {
        bytes < 10 << 20 ? "\(grouped((bytes + 1023) >> 10)) KiB" : "\(grouped(bytes >> 20)) MiB"
    }

    // MARK: Writing

    /// Whole or not at all. It can be read by its owner only, as what it was made from.
    private func write(
        _ sources: [PackWriter.Source], _ manifest: PackManifest, to path: String
    ) throws {
        let temporary = path + ".tmp"
        do {
            let file: Descriptor
            do throws(Errno) {
                file = try Descriptor(
                    opening: temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
            } catch {
                throw Failure(
                    .unavailable, "writing \(path): \(error); --output names another file")
            }
            try PackWriter.write(sources, manifest, to: file)
            guard fsync(file.number) == 0, rename(temporary, path) == 0 else {
                throw Failure(.unavailable, "writing \(path): \(Errno(rawValue: errno))")
            }
        } catch {
            unlink(temporary)
            if let error = error as? PackError { throw Failure(.unavailable, "\(error)") }
            throw error
        }
    }

    private func tell(
        _ path: String, _ workload: Workload, _ files: FolderFiles,
        _ programs: [Program], _ records: Int
    ) {
        var status = stat()
        stat(path, &status)
        let own = [workload.folder, Installation.folder ?? workload.folder]
        let elsewhere = programs.map(\.path).filter { path in
            !own.contains { path.hasPrefix($0 + "/") }
        }
        var lines = [
            "\(path): \(Self.size(Int(status.st_size)))",
            "  the finding, \(counted(records, "record")), \(counted(files.files.count, "file")) of \(workload.folder)",
        ]
        if !elsewhere.isEmpty {
            lines.append("  needed where it is replayed: \(elsewhere.joined(separator: ", "))")
        }
        if !files.others.isEmpty {
            lines.append(
                "  left out, as they are no files: \(files.others.sorted().joined(separator: ", "))"
            )
        }
        lines.append("  \(PackManifest.warning) Give it to those who may have both.")
        for line in lines { Console.out(Escaped.line(line) + "\n") }
    }
}

extension FindingFile {
    /// Its fingerprint, or its kind where it has none.
    fileprivate var name: String { fingerprint?.description ?? kind.rawValue }
}
