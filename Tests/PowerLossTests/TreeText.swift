import FileTree
import PowerLoss

/// A tree as one line, as the tables of measured states write it: `a=N8192 d/b=O4096Z4096 e/`.
///
/// Content is runs of one letter and their bytes, Z for zeros, G for garbage, e for an empty file. Attributes that differ from a new file's follow
/// a plus: m mode, u owner, x extended attribute, t time. A directory is named only when it is empty. A tree without a name is `-`.
enum TreeText {
    static func of(_ tree: FileTree, only names: [String]? = nil) -> String {
        var parts: [String] = []
        tree.visit { visited in
            guard !visited.path.isEmpty, let inode = tree[visited.inode] else { return }
            let path = visited.path.map(\.description).joined(separator: "/")
            if let names, !names.contains(path) { return }
            switch inode.kind {
            case .directory:
                if inode.entries.isEmpty { parts.append("\(path)/" + attributes(inode, 0o755)) }
            case .symbolicLink:
                parts.append("\(path)->\(String(decoding: inode.target, as: UTF8.self))")
            default:
                parts.append("\(path)=\(runs(inode.content))" + attributes(inode, 0o644))
            }
        }
        return parts.isEmpty ? "-" : parts.joined(separator: " ")
    }

    private static func runs(_ content: FileContent) -> String {
        // What nobody wrote has no letter: G for garbage.
        let bytes = content.allBytes.map { $0 >= 0x80 ? UInt8(ascii: "G") : $0 }
        guard !bytes.isEmpty else { return "e" }
        var text = ""
        var first = 0
        while first < bytes.count {
            var end = first
            while end < bytes.count, bytes[end] == bytes[first] { end += 1 }
            text += bytes[first] == 0 ? "Z" : String(UnicodeScalar(bytes[first]))
            text += "\(end - first)"
            first = end
        }
        return text
    }

    private static func attributes(_ inode: Inode, _ mode: UInt32) -> String {
        var text = ""
        if inode.mode != mode { text += "m" }
        if inode.user != 0 { text += "u" }
        if !inode.extendedAttributes.isEmpty { text += "x" }
        if inode.modified == Timestamp(nanoseconds: 1_000_000_000) { text += "t" }
        return text.isEmpty ? "" : "+" + text
    }
}

extension Storage {
    /// All states that the model allows at a crash point, as text.
    func states(at crashPoint: Int, only names: [String]? = nil) -> Set<String> {
        var states: Set<String> = []
        forEachState(at: crashPoint) {
            states.insert(TreeText.of($0.tree, only: names))
        }
        return states
    }
}

extension Life {
    /// What may be there after a power loss behind the last call of `run`; what `base` does is durable.
    static func storage(
        _ model: PersistenceModel, _ stack: Stack, base: (inout Life) -> Void,
        _ run: (inout Life) -> Void
    ) -> Storage {
        var life = Life()
        base(&life)
        life.powerOn()
        run(&life)
        return life.storage(model, stack)
    }
}

/// The states that a model allows after the last call of `run`.
func states(
    _ model: PersistenceModel, _ stack: Stack = .honest,
    base: (inout Life) -> Void = { _ in }, _ run: (inout Life) -> Void
) -> Set<String> {
    let storage = Life.storage(model, stack, base: base, run)
    return storage.states(at: storage.lastCrashPoint)
}
