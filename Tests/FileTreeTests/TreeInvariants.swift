import FileTree
import Testing

/// What must be true of a tree whatever effects made it.
///
/// - Parameters:
///   - isSettled: then names count only where they can be reached.
///   - isPossible: whether some model allows the tree; then each directory has one name and knows where.
func expectConsistent(
    _ tree: FileTree, isSettled: Bool = false, isPossible: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    var names: [InodeNumber: UInt32] = [:]
    var reachable: [InodeNumber: UInt32] = [:]
    var problems: [String] = []
    tree.inodes.visit { index, inode in
        var subdirectories: UInt32 = 0
        for (name, child) in inode.entries {
            names[child, default: 0] += 1
            guard let childInode = tree[child] else {
                problems.append("i\(index)/\(name) refers to nothing")
                continue
            }
            if childInode.kind == .directory {
                subdirectories += 1
                if isPossible && childInode.nameCount != 1 {
                    problems.append("\(child) has \(childInode.nameCount) names")
                }
                if isPossible && childInode.parent != InodeNumber(index) {
                    problems.append("the parent of \(child) is not i\(index)")
                }
            }
        }
        if inode.subdirectoryCount != subdirectories {
            problems.append("i\(index) counts \(inode.subdirectoryCount), not \(subdirectories)")
        }
        return true
    }
    tree.visit { reachable[$0.inode, default: 0] += $0.path.isEmpty ? 0 : 1 }
    tree.inodes.visit { index, inode in
        let number = InodeNumber(index)
        let expected = isSettled ? reachable[number] : names[number, default: 0]
        if let expected, inode.nameCount != expected {
            problems.append("\(number) has \(expected) names and counts \(inode.nameCount)")
        }
        return true
    }
    #expect(problems.isEmpty, sourceLocation: sourceLocation)
}
