import FileTree
import Glibc
import Recording

import struct SystemPackage.Errno

/// Which operations a rule is about: one kind, a group of them, or all.
package struct OperationSet: Sendable, Equatable, CustomStringConvertible {
    package let description: String
    private let kinds: Set<OperationKind>

    /// - Returns: nil when there is no operation or group of this name.
    package init?(_ word: String) {
        description = word
        switch word {
        case "any": kinds = Set(OperationKind.allCases.filter { $0.isRecorded && $0 != .mark })
        case "sync": kinds = Set(OperationKind.allCases.filter(\.isSync))
        case "name": kinds = Set(OperationKind.allCases.filter(\.changesNames))
        default:
            guard let kind = OperationKind(rawValue: word) else { return nil }
            kinds = [kind]
        }
    }

    package func contains(_ kind: OperationKind) -> Bool { kinds.contains(kind) }

    /// Every word that names operations.
    package static var words: [String] {
        ["any", "sync", "name"] + OperationKind.allCases.map(\.rawValue)
    }
}

/// Paths by glob(7): without a slash it is about the last component, with one about the whole path below the mount.
package struct PathGlob: Sendable, Equatable, CustomStringConvertible {
    package let description: String
    private let isWhole: Bool

    package init(_ text: String) {
        description = text
        isWhole = text.contains("/")
    }

    package static let everything = PathGlob("*")

    /// - Parameter path: below the mount, without a slash before it.
    package func matches(_ path: String) -> Bool {
        if description == "*" { return true }
        if isWhole {
            let pattern = description.hasPrefix("/") ? String(description.dropFirst()) : description
            return fnmatch(pattern, path, FNM_PATHNAME) == 0
        }
        let name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
        return fnmatch(description, name, 0) == 0
    }
}

/// A request at the moment when it is about to be done, or has been done and not answered yet.
package struct Interception {
    package typealias Moment = RequestMoment

    package let moment: Moment
    package let kind: OperationKind
    /// Below the mount; of a rename both. Empty for what concerns no file.
    package let paths: [String]
    /// How many records there are.
    package let recordCount: Int
    private let service: TreeService

    init(_ moment: Moment, _ kind: OperationKind, _ paths: [String], _ service: TreeService) {
        self.moment = moment
        self.kind = kind
        self.paths = paths
        self.service = service
        recordCount = service.writer.offsets.count
    }

    /// Nanoseconds since the mount began.
    package var time: UInt64 { service.writer.elapsed }
    /// Bytes that all files with a name hold, in whole blocks.
    package var usedBytes: UInt64 {
        var blocks: UInt64 = 0
        var seen: Set<InodeNumber> = []
        service.tree.visit { visited in
            guard seen.insert(visited.inode).inserted else { return }
            blocks += service.tree[visited.inode]?.content.allocatedBlocks ?? 0
        }
        return blocks * UInt64(Block.size)
    }

    package var tree: FileTree { service.tree }
    package var writer: RecordingWriter { service.writer }
}

/// What becomes of an intercepted request.
package enum InterceptionVerdict {
    case proceed
    /// Only before.
    case fault(FaultPlan.Effect)
    /// The power goes here: this request and all that come are held until `MountServer.release`, then answered with EIO.
    case hold
    /// The mount shows another tree from now on, and the caller gets EIO. See `MountServer.exchange`.
    case exchange(NextLife)
}

/// What a mount goes on with after a power loss.
package struct NextLife {
    package let tree: FileTree
    package let writer: RecordingWriter

    package init(tree: FileTree, writer: RecordingWriter) {
        self.tree = tree
        self.writer = writer
    }
}
