import FileTree

import struct SystemPackage.Errno

extension Recording {
    /// Writes the recording, its base tree included, as a sealed file of its own.
    ///
    /// - Parameter notes: beside those that it has.
    package func save(to path: String, notes more: [String: [UInt8]] = [:]) throws(Errno) {
        let writer = try RecordingWriter(
            arena: Arena(creating: path), base: base, storesBase: true)
        let all = notes.merging(more) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { try writer.note(key, value) }
        for sequence in 0..<count { try writer.append(copying: self[sequence]) }
        try writer.seal()
    }
}

extension FileTree {
    /// The same tree with all of its bytes in one arena of its own, so that those which it came from can go.
    ///
    /// Inode numbers stay. What no name reaches is not in it.
    package func compacted() throws(Errno) -> FileTree {
        let writer = try RecordingWriter(arena: Arena(), base: self, storesBase: true)
        var copy = FileTree()
        copy.keep(writer.arena)
        for operation in writer.baseOperations {
            copy.apply(try copy.effects(of: operation))
        }
        copy.reserveInodes(below: nextInode)
        return copy
    }
}
