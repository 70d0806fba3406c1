import Basics
import Glibc

import struct SystemPackage.Errno

/// What writing and reading a pack have in common: files read in pieces, and their hashes.
enum PackFile {
    /// Hashes are of one piece after the other.
    static let piece = 1 << 18
    /// The hash of an empty file, and the seed for the first piece.
    static let seed: UInt64 = 1

    /// The next bytes of a file, fewer only at its end.
    static func next(_ count: Int, of file: CInt) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { bytes in
                retrying { read(file, bytes.baseAddress! + done, count - done) }
            }
            guard got >= 0 else { throw Errno(rawValue: errno) }
            if got == 0 { break }
            done += got
        }
        return done == count ? bytes : Array(bytes[..<done])
    }

    static func write(_ bytes: [UInt8], to file: CInt) throws(Errno) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                retrying { Glibc.write(file, bytes.baseAddress! + done, bytes.count - done) }
            }
            guard count >= 0 else { throw Errno(rawValue: errno) }
            done += count
        }
    }

    /// Hash of all that is left of a file, and how much that is.
    ///
    /// - Parameter take: gets the pieces.
    static func hash(
        of file: CInt, take: ([UInt8]) throws(Errno) -> Void = { _ in }
    ) throws(Errno) -> (hash: UInt64, size: UInt64) {
        var hash = seed
        var size: UInt64 = 0
        while true {
            let bytes = try next(piece, of: file)
            guard !bytes.isEmpty else { return (hash, size) }
            hash = StableHash.of(bytes, seed: hash)
            size += UInt64(bytes.count)
            try take(bytes)
        }
    }

    /// A member's part of the hash of all members.
    static func chain(_ hash: UInt64, _ header: [UInt8], _ content: UInt64) -> UInt64 {
        StableHash.mix(StableHash.of(header, seed: hash), content)
    }

    /// How many zeros follow a member.
    static func padding(_ length: UInt64) -> Int {
        Int((512 - length % 512) % 512)
    }

    /// The last member: the hash of all before it.
    static func end(_ hash: UInt64) -> (header: [UInt8], content: [UInt8]) {
        let content = Array((Escaped.hexadecimal(hash) + "\n").utf8)
        let header = UstarHeader(
            name: PackManifest.end, mode: 0o600, length: UInt64(content.count), modified: 0)
        guard let bytes = header.bytes else { preconditionFailure("its name is short") }
        return (bytes, content)
    }
}
