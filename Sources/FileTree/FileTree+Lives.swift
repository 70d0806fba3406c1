extension FileTree {
    /// Drops every inode that no name reaches, as a filesystem's check does when the power is back.
    package mutating func dropUnreachable() {
        var reached: Set<InodeNumber> = [.root]
        visit { reached.insert($0.inode) }
        var lost: [InodeNumber] = []
        inodes.visit { index, _ in
            let number = InodeNumber(index)
            if !reached.contains(number) { lost.append(number) }
            return true
        }
        for number in lost { drop(number) }
    }

    /// The names below the root, parents first, with what they lead to.
    package var paths: [(path: String, inode: InodeNumber)] {
        var result: [(path: String, inode: InodeNumber)] = []
        visit { visited in
            guard !visited.path.isEmpty else { return }
            result.append(
                (visited.path.map(\.description).joined(separator: "/"), visited.inode))
        }
        return result
    }
}
