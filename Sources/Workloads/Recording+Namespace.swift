import CSupport
import FileTree
import Recording

/// A store that has seen the number of its pid namespace, and the power loss. Mercurial writes it into its lock, to tell
/// whether the process named there is one of this machine. On a real machine it is the same after each start.
extension Recording {
    static let namespaceNote = "pid namespace"

    /// The inode number of the pid namespace in which it was made.
    package var namespaceNumber: UInt32? {
        notes[Self.namespaceNote].flatMap { UInt32(String(decoding: $0, as: UTF8.self)) }
            .flatMap { $0 > 0 ? $0 : nil }
    }

    static let directoryNote = "data directory"

    /// The path of the data directory, as programs saw it when it was made.
    package var directory: String? {
        notes[Self.directoryNote].map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the number stands in anything that is stored, in digits of base 10 or 16.
    package func mentions(_ number: UInt32) -> Bool { mentions(Needles(number)) }

    /// Whether the path stands in anything that is stored.
    package func mentions(_ path: String) -> Bool { mentions(Needles(path)) }

    private func mentions(_ needles: Needles) -> Bool {
        if base.mentions(needles) { return true }
        return (0..<count).contains { sequence in
            guard case .operation(let operation) = self[sequence].event else { return false }
            switch operation {
            case .create(_, let entry, let new):
                return needles.stand(in: entry.name.bytes) || needles.stand(in: new.target)
            case .createUnnamed(_, let new): return needles.stand(in: new.target)
            case .link(_, let entry), .rename(_, let entry, _):
                return needles.stand(in: entry.name.bytes)
            case .write(_, _, let bytes, _): return needles.stand(in: bytes.buffer)
            case .setExtendedAttribute(_, let name, let value):
                return needles.stand(in: name.bytes) || needles.stand(in: value ?? [])
            case .remove, .setSize, .allocate, .setAttributes, .sync: return false
            }
        }
    }
}

extension FileTree {
    /// Whether the number stands in a name, a file or anything else that is stored, in digits of base 10 or 16.
    package func mentions(_ number: UInt32) -> Bool { mentions(Needles(number)) }

    fileprivate func mentions(_ needles: Needles) -> Bool {
        var isFound = false
        visit { visited in
            guard !isFound, let inode = self[visited.inode] else { return }
            isFound =
                visited.path.last.map { needles.stand(in: $0.bytes) } ?? false
                || needles.stand(in: inode)
        }
        return isFound
    }
}

/// How something may have been written.
private struct Needles {
    private let needles: [[UInt8]]

    init(_ path: String) {
        needles = [Array(path.utf8)]
    }

    init(_ number: UInt32) {
        let hexadecimal = String(number, radix: 16)
        needles = ["\(number)", hexadecimal, hexadecimal.uppercased()].map { Array($0.utf8) }
    }

    func stand(in bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { stand(in: $0) }
    }

    func stand(in bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress else { return false }
        return needles.contains { perjury_contains(start, bytes.count, $0, $0.count) != 0 }
    }

    func stand(in inode: Inode) -> Bool {
        inode.extendedAttributes.contains { stand(in: $0.key.bytes) || stand(in: $0.value) }
            || stand(in: inode.target)
            || inode.kind == .regular && stand(in: inode.content.allBytes)
    }
}
