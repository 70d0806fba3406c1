/// An array with holes that is O(1) to copy: a 32-way radix tree whose nodes are shared until one side writes.
///
/// It serves as inode table and as table of a file's chunks. `TreeDictionary` would do, but hashes a key that is
/// already dense, and cannot drop all indices from one on without visiting them.
package struct SparseArray<Element> {
    private var root: Node?
    /// Levels below the root: the root covers `32^(height + 1)` indices.
    private var height = 0

    package init() {}

    private static var bits: UInt64 { 5 }

    final class Node {
        var children: ContiguousArray<Node?>
        var elements: ContiguousArray<Element?>

        init(isLeaf: Bool) {
            children = isLeaf ? [] : ContiguousArray(repeating: nil, count: 32)
            elements = isLeaf ? ContiguousArray(repeating: nil, count: 32) : []
        }

        init(copying other: Node) {
            children = other.children
            elements = other.elements
        }
    }

    private static func capacity(height: Int) -> UInt64 {
        let shift = bits * UInt64(height + 1)
        return shift >= 64 ? .max : (1 << shift)
    }

    package subscript(index: UInt64) -> Element? {
        guard var node = root, height >= 12 || index < Self.capacity(height: height) else {
            return nil
        }
        var level = height
        while level > 0 {
            let slot = Int(index >> (UInt64(level) * Self.bits)) & 31
            guard let child = node.children[slot] else { return nil }
            node = child
            level -= 1
        }
        return node.elements[Int(index & 31)]
    }

    /// Hands the element at `index` (nil for a hole) to `body`, to be changed in place.
    package mutating func update<R, E>(
        _ index: UInt64, _ body: (inout Element?) throws(E) -> R
    ) throws(E) -> R {
        if root == nil { root = Node(isLeaf: true) }
        while height < 12 && index >= Self.capacity(height: height) {
            let taller = Node(isLeaf: false)
            taller.children[0] = root
            root = taller
            height += 1
        }
        return try Self.update(&root, level: height, index, body)
    }

    private static func update<R, E>(
        _ node: inout Node?, level: Int, _ index: UInt64, _ body: (inout Element?) throws(E) -> R
    ) throws(E) -> R {
        if node == nil {
            node = Node(isLeaf: level == 0)
        } else if !isKnownUniquelyReferenced(&node) {
            node = Node(copying: node!)
        }
        if level == 0 {
            return try body(&node!.elements[Int(index & 31)])
        }
        let slot = Int(index >> (UInt64(level) * bits)) & 31
        return try update(&node!.children[slot], level: level - 1, index, body)
    }

    /// Empties every index at or after `first`.
    package mutating func removeAll(from first: UInt64) {
        if first == 0 {
            root = nil
            height = 0
        } else if height >= 12 || first < Self.capacity(height: height) {
            Self.removeAll(&root, level: height, from: first)
        }
    }

    private static func removeAll(_ node: inout Node?, level: Int, from first: UInt64) {
        guard node != nil else { return }
        if !isKnownUniquelyReferenced(&node) { node = Node(copying: node!) }
        let slot = Int(first >> (UInt64(level) * bits)) & 31
        if level == 0 {
            for index in slot..<32 { node!.elements[index] = nil }
            return
        }
        for index in (slot + 1)..<max(32, slot + 1) { node!.children[index] = nil }
        let below = first & ((1 << (UInt64(level) * bits)) - 1)
        if below == 0 {
            node!.children[slot] = nil
        } else {
            removeAll(&node!.children[slot], level: level - 1, from: below)
        }
    }

    /// Calls `body` with every element at or after `first`, by rising index, until it answers false.
    package func visit(from first: UInt64 = 0, _ body: (UInt64, Element) -> Bool) {
        guard let root else { return }
        _ = Self.visit(root, level: height, base: 0, from: first, body)
    }

    private static func visit(
        _ node: Node, level: Int, base: UInt64, from first: UInt64,
        _ body: (UInt64, Element) -> Bool
    ) -> Bool {
        let span: UInt64 = 1 << (UInt64(level) * bits)
        for slot in 0..<32 {
            let start = base &+ UInt64(slot) &* span
            if start &+ (span - 1) < first { continue }
            if level == 0 {
                if let element = node.elements[slot], !body(start, element) { return false }
            } else if let child = node.children[slot] {
                if !visit(child, level: level - 1, base: start, from: first, body) { return false }
            }
        }
        return true
    }
}

extension SparseArray: @unchecked Sendable where Element: Sendable {}
