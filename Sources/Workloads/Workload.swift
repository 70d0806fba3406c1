import Basics
import Glibc
import Oracles
import PowerLoss
import Stage

import struct SystemPackage.Errno

/// A workload with the folder its programs live in.
package struct Workload: Sendable {
    package let name: String
    /// Absolute.
    package let folder: String
    package var file: WorkloadFile

    /// Reads the workload in `folder`, or that of the `workload.yaml` at that path.
    package static func load(_ path: String) throws -> Workload {
        let yaml = isFolder(path) ? "\(path)/workload.yaml" : path
        guard let real = realpath(yaml, nil) else {
            throw HarnessError(
                "reading the workload \(path): there is no \(yaml); name a folder with a workload.yaml"
            )
        }
        defer { free(real) }
        let absolute = String(cString: real)
        let folder = absolute.lastIndex(of: "/").map { String(absolute[..<$0]) } ?? "/"
        let file = try WorkloadFile(
            parsing: try read(absolute), path: yaml,
            known: .init(
                models: PersistenceModel.all.map(\.name),
                stacks: (Stack.all + Stack.aliases).map(\.name)))
        return Workload(
            name: folder.split(separator: "/").last.map(String.init) ?? "workload", folder: folder,
            file: file)
    }

    /// A workload that commands on a command line describe, run in `folder`.
    package static func adHoc(_ file: WorkloadFile, folder: String) throws -> Workload {
        guard let real = realpath(folder, nil) else {
            throw HarnessError("entering the folder \(folder): there is no such folder")
        }
        defer { free(real) }
        return Workload(name: "command-line", folder: String(cString: real), file: file)
    }

    /// The same workload by another name.
    package func named(_ name: String) -> Workload {
        Workload(name: name, folder: folder, file: file)
    }

    /// The bytes of a file; more than a workload file may have at most.
    private static func read(_ path: String) throws -> [UInt8] {
        do throws(Errno) {
            return try Descriptor(opening: path, O_RDONLY).readAll(limit: WorkloadFile.sizeLimit)
        } catch {
            throw HarnessError("reading the workload file \(path): \(error)")
        }
    }

    /// Why it cannot be run on this machine; nil when it can.
    package var missingRequirement: String? {
        let path = Surroundings.searchPath(file.environment, folder: folder)
        for command in file.requires.commands {
            if (try? Surroundings.find(command, folder: folder, searchPath: path)) == nil {
                let packages = file.requires.packages.joined(separator: " ")
                return "it needs the command `\(command)`"
                    + (packages.isEmpty ? "" : ": apt-get install \(packages)")
            }
        }
        return nil
    }
}

/// The folder of workloads that come with the package, or another like it.
package struct Catalogue: Sendable {
    package let folder: String
    /// Sorted.
    package let names: [String]

    package init(folder: String) throws {
        self.folder = folder
        guard let directory = opendir(folder) else {
            throw HarnessError(
                "reading the catalogue \(folder): there is no such folder; name one with --workloads"
            )
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if access("\(folder)/\(name)/workload.yaml", F_OK) == 0 { names.append(name) }
        }
        self.names = names.sorted()
    }

    /// `Workloads` beside the package that this executable was built from: the nearest one above it.
    package static var defaultFolder: String? {
        var place = Installation.folder
        while let folder = place, !folder.isEmpty {
            if isFolder("\(folder)/Workloads") { return "\(folder)/Workloads" }
            if isFolder("\(folder)/share/perjury/Workloads") {
                return "\(folder)/share/perjury/Workloads"
            }
            place = folder.lastIndex(of: "/").map { String(folder[..<$0]) }
        }
        return nil
    }

    /// A workload of the catalogue by name, or any by the path of its folder or file.
    package func load(_ name: String) throws -> Workload {
        if names.contains(name) { return try Workload.load("\(folder)/\(name)") }
        if name.contains("/") || access(name, F_OK) == 0 { return try Workload.load(name) }
        throw HarnessError(
            "there is no workload `\(name)` in \(folder); `perjury list` names them all")
    }
}
