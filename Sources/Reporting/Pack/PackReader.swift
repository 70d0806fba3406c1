import Basics
import Glibc

import struct SystemPackage.Errno

/// Unpacks a pack. It is not trusted: it has to be, byte for byte, what `PackWriter` writes.
///
/// A member is made as a new file below a folder in which there is nothing that the reader has not made itself, so no link
/// can lead elsewhere; and a path that could is refused before.
package struct PackReader {
    private let file: CInt
    private var hash: UInt64 = 0

    /// Whether a file begins as packs do, be the rest of it whatever it is.
    package static func isPack(_ beginning: [UInt8]) -> Bool { beginning.starts(with: start) }

    /// How a file begins that is a pack.
    package static let start = Array((PackManifest.name + "\u{0}").utf8)

    /// Makes all members below a new, empty folder.
    package static func unpack(
        _ path: String, into folder: String
    ) throws(PackError) -> PackManifest {
        let file: Descriptor
        do throws(Errno) {
            // Not to wait for the other end, should it be a fifo.
            file = try Descriptor(opening: path, O_RDONLY | O_NONBLOCK)
        } catch {
            throw PackError("reading it: \(error)")
        }
        var reader = PackReader(file: file.number)
        let manifest = try reader.readManifest()
        try reader.checkSize(manifest)
        try reader.unpack(manifest, into: folder)
        return manifest
    }

    private mutating func readManifest() throws(PackError) -> PackManifest {
        let bytes = try take(UstarHeader.size)
        let header = try UstarHeader(parsing: bytes)
        guard header.name == PackManifest.name, header.length <= UInt64(JSON.largestText) else {
            throw PackError(
                "it is no pack of perjury's: it does not begin with `\(PackManifest.name)`")
        }
        let text = try take(Int(header.length))
        try takePadding(after: header.length)
        hash = PackFile.chain(0, bytes, StableHash.of(text))
        return try PackManifest(parsing: text)
    }

    /// What is written is no more than the file itself has.
    private func checkSize(_ manifest: PackManifest) throws(PackError) {
        var size = UInt64(lseek(file, 0, SEEK_CUR))
        for member in manifest.members {
            guard member.size <= UstarHeader.largestFile else {
                throw .damaged("its member `\(member.path)` has more bytes than one can have")
            }
            size += UInt64(UstarHeader.size + PackFile.padding(member.size)) + member.size
        }
        // The last member, and two blocks of zeros.
        size += UInt64(4 * UstarHeader.size)
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw PackError("it is not a file")
        }
        guard size == UInt64(status.st_size) else {
            throw .damaged("it has \(status.st_size) bytes, and its manifest tells of \(size)")
        }
    }

    private mutating func unpack(
        _ manifest: PackManifest, into folder: String
    ) throws(PackError) {
        let workload = "\(folder)/\(PackManifest.workload)"
        guard mkdir(workload, 0o755) == 0 else {
            throw PackError("making the folder \(workload): \(Errno(rawValue: errno))")
        }
        // Whatever the umask is, other users that the workload names are to find its programs.
        chmod(workload, 0o755)
        for member in manifest.members { try unpack(member, into: folder) }
        let end = PackFile.end(hash)
        guard try take(UstarHeader.size) == end.header,
            try take(end.content.count) == end.content
        else { throw .damaged("its members do not have the hash that it ends with") }
        try takePadding(after: UInt64(end.content.count))
        guard try take(2 * UstarHeader.size).allSatisfy({ $0 == 0 }) else {
            throw .damaged("something follows its end")
        }
    }

    private mutating func unpack(
        _ member: PackManifest.File, into folder: String
    ) throws(PackError) {
        let bytes = try take(UstarHeader.size)
        let header = try UstarHeader(parsing: bytes)
        guard header.name == member.path, header.length == member.size else {
            throw .damaged("`\(header.name)` is where its manifest has `\(member.path)`")
        }
        let content: UInt64
        do throws(Errno) {
            content = try copy(header, to: folder)
        } catch {
            throw PackError("unpacking \(member.path) to \(folder): \(error)")
        }
        guard content == member.hash else {
            throw .damaged("its member `\(member.path)` does not match its hash")
        }
        try takePadding(after: member.size)
        hash = PackFile.chain(hash, bytes, member.hash)
    }

    /// - Returns: the hash of its content.
    private func copy(_ member: UstarHeader, to folder: String) throws(Errno) -> UInt64 {
        try Self.makeFolders(above: member.name, below: folder)
        let output = try Descriptor(
            opening: "\(folder)/\(member.name)", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
            mode: 0o600)
        var left = member.length
        var hash = PackFile.seed
        while left > 0 {
            let count = Int(min(left, UInt64(PackFile.piece)))
            let piece = try PackFile.next(count, of: file)
            // It was as long as it should be a moment ago.
            guard piece.count == count else { throw .ioError }
            hash = StableHash.of(piece, seed: hash)
            try PackFile.write(piece, to: output.number)
            left -= UInt64(count)
        }
        let time = timespec(tv_sec: Int(member.modified), tv_nsec: 0)
        guard fchmod(output.number, member.mode) == 0, futimens(output.number, [time, time]) == 0
        else { throw Errno(rawValue: errno) }
        return hash
    }

    private static func makeFolders(above path: String, below folder: String) throws(Errno) {
        for slash in path.indices where path[slash] == "/" {
            let above = "\(folder)/\(path[..<slash])"
            if mkdir(above, 0o755) == 0 {
                chmod(above, 0o755)
            } else if errno != EEXIST {
                throw Errno(rawValue: errno)
            }
        }
    }

    private func take(_ count: Int) throws(PackError) -> [UInt8] {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try PackFile.next(count, of: file)
        } catch {
            throw PackError("reading it: \(error)")
        }
        guard bytes.count == count else { throw .damaged("it ends too early") }
        return bytes
    }

    private func takePadding(after length: UInt64) throws(PackError) {
        guard try take(PackFile.padding(length)).allSatisfy({ $0 == 0 }) else {
            throw .damaged("something lies between its members")
        }
    }
}
