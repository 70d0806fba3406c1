import FileTree
import Glibc
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
        let hexadecimal = String(number, radix: 16)
        let needles = ["\(number)", hexadecimal, hexadecimal.uppercased()].map { Array($0.utf8) }
        func stand(in bytes: [UInt8]) -> Bool {
            bytes.withUnsafeBytes { stand(in: $0) }
        }
        func stand(in bytes: UnsafeRawBufferPointer) -> Bool {
            guard let start = bytes.baseAddress else { return false }
            return needles.contains { needle in
                var place = 0
                while place + needle.count <= bytes.count {
                    let left = bytes.count - place - needle.count + 1
                    guard let next = memchr(start + place, Int32(needle[0]), left) else {
                        return false
                    }
                    if memcmp(next, needle, needle.count) == 0 { return true }
                    place = UnsafeRawPointer(next) - start + 1
                }
                return false
            }
        }
        func stand(in inode: Inode) -> Bool {
            inode.extendedAttributes.contains { stand(in: $0.key.bytes) || stand(in: $0.value) }
                || stand(in: inode.target)
                || inode.kind == .regular && stand(in: inode.content.allBytes)
        }
        var isFound = false
        base.visit { visited in
            guard !isFound, let inode = base[visited.inode] else { return }
            isFound = visited.path.last.map { stand(in: $0.bytes) } ?? false || stand(in: inode)
        }
        return isFound
            || (0..<count).contains { sequence in
                guard case .operation(let operation) = self[sequence].event else { return false }
                switch operation {
                case .create(_, let entry, let new):
                    return stand(in: entry.name.bytes) || stand(in: new.target)
                case .createUnnamed(_, let new): return stand(in: new.target)
                case .link(_, let entry), .rename(_, let entry, _):
                    return stand(in: entry.name.bytes)
                case .write(_, _, let bytes, _): return stand(in: bytes.buffer)
                case .setExtendedAttribute(_, let name, let value):
                    return stand(in: name.bytes) || stand(in: value ?? [])
                case .remove, .setSize, .allocate, .setAttributes, .sync: return false
                }
            }
    }
}
