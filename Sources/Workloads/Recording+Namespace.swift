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

    /// Whether the number stands in anything that is stored, in digits of base 10 or 16.
    package func mentions(_ number: UInt32) -> Bool {
        if base.mentions(number) { return true }
        let digits = NumberDigits(number)
        return (0..<count).contains { sequence in
            guard case .operation(let operation) = self[sequence].event else { return false }
            switch operation {
            case .create(_, let entry, let new):
                return digits.stand(in: entry.name.bytes) || digits.stand(in: new.target)
            case .createUnnamed(_, let new): return digits.stand(in: new.target)
            case .link(_, let entry), .rename(_, let entry, _):
                return digits.stand(in: entry.name.bytes)
            case .write(_, _, let bytes, _): return digits.stand(in: bytes.buffer)
            case .setExtendedAttribute(_, let name, let value):
                return digits.stand(in: name.bytes) || digits.stand(in: value ?? [])
            case .remove, .setSize, .allocate, .setAttributes, .sync: return false
            }
        }
    }
}

extension FileTree {
    /// Whether the number stands in a name, a file or anything else that is stored, in digits of base 10 or 16.
    package func mentions(_ number: UInt32) -> Bool {
        let digits = NumberDigits(number)
        var isFound = false
        visit { visited in
            guard !isFound, let inode = self[visited.inode] else { return }
            isFound =
                visited.path.last.map { digits.stand(in: $0.bytes) } ?? false
                || digits.stand(in: inode)
        }
        return isFound
    }
}

/// How a number may have been written.
private struct NumberDigits {
    private let needles: [[UInt8]]

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
