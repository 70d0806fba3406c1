import Basics
import Glibc

import struct SystemPackage.Errno

/// Writes a pack: a ustar archive of a manifest, a finding, its recordings, the files of the workload's folder, and a hash.
package struct PackWriter {
    /// A file that becomes a member.
    package struct Source: Sendable {
        /// In the pack.
        package var name: String
        package var path: String

        package init(name: String, path: String) {
            self.name = name
            self.path = path
        }
    }

    private let output: CInt
    private var hash: UInt64 = 0

    /// - Parameters:
    ///   - manifest: without its members.
    ///   - output: a file, open for writing.
    package static func write(
        _ sources: [Source], _ manifest: PackManifest, to output: borrowing Descriptor
    ) throws(PackError) {
        var manifest = manifest
        var headers: [UstarHeader] = []
        for source in sources {
            let (header, hash) = try look(source)
            headers.append(header)
            manifest.members.append(.init(path: source.name, size: header.length, hash: hash))
        }
        var writer = PackWriter(output: output.number)
        try writer.addManifest(manifest)
        for (index, source) in sources.enumerated() {
            try writer.add(source, headers[index], manifest.members[index].hash)
        }
        let end = PackFile.end(writer.hash)
        try writer.put(end.header)
        try writer.put(end.content + zeros(PackFile.padding(UInt64(end.content.count))))
        // Two blocks of zeros end an archive.
        try writer.put(zeros(2 * UstarHeader.size))
    }

    private init(output: CInt) {
        self.output = output
    }

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    private static func open(_ source: Source) throws(PackError) -> Descriptor {
        do throws(Errno) {
            return try Descriptor(opening: source.path, O_RDONLY | O_NONBLOCK)
        } catch {
            throw PackError("reading \(source.path): \(error)")
        }
    }

    private static func look(_ source: Source) throws(PackError) -> (UstarHeader, hash: UInt64) {
        let file = try open(source)
        var status = stat()
        guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw PackError("\(source.path) is not a file")
        }
        let found: (hash: UInt64, size: UInt64)
        do throws(Errno) {
            found = try PackFile.hash(of: file.number)
        } catch {
            throw PackError("reading \(source.path): \(error)")
        }
        let isWorkloads = source.name.hasPrefix(PackManifest.workload + "/")
        let header = UstarHeader(
            name: source.name, mode: isWorkloads ? status.st_mode & 0o777 : 0o600,
            length: found.size, modified: isWorkloads ? UInt64(max(0, status.st_mtim.tv_sec)) : 0)
        guard header.bytes != nil else {
            throw PackError(
                found.size > UstarHeader.largestFile
                    ? "\(source.path) has more than 8 GiB, which is all that a pack holds of a file"
                    : "the path \(source.path) is too long for a pack: it may have some 200 bytes")
        }
        return (header, found.hash)
    }

    private mutating func addManifest(_ manifest: PackManifest) throws(PackError) {
        let text = Array(manifest.text.utf8)
        guard text.count <= JSON.largestText else {
            throw PackError("the folder has too many files for a pack")
        }
        let header = UstarHeader(
            name: PackManifest.name, mode: 0o600, length: UInt64(text.count), modified: 0)
        guard let bytes = header.bytes else { preconditionFailure("its name is short") }
        try put(bytes)
        try put(text + Self.zeros(PackFile.padding(header.length)))
        hash = PackFile.chain(hash, bytes, StableHash.of(text))
    }

    private mutating func add(
        _ source: Source, _ header: UstarHeader, _ expected: UInt64
    ) throws(PackError) {
        let file = try Self.open(source)
        guard let bytes = header.bytes else { preconditionFailure("it was looked at") }
        try put(bytes)
        let found: (hash: UInt64, size: UInt64)
        do throws(Errno) {
            found = try PackFile.hash(of: file.number) { piece throws(Errno) in
                try PackFile.write(piece, to: output)
            }
        } catch {
            throw PackError("packing \(source.path): \(error)")
        }
        guard found == (expected, header.length) else {
            throw PackError(
                "\(source.path) changed while it was packed: pack again when nothing writes it")
        }
        try put(Self.zeros(PackFile.padding(header.length)))
        hash = PackFile.chain(hash, bytes, expected)
    }

    private func put(_ bytes: [UInt8]) throws(PackError) {
        do throws(Errno) {
            try PackFile.write(bytes, to: output)
        } catch {
            throw PackError("writing the pack: \(error)")
        }
    }
}
