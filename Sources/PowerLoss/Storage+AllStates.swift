import FileTree

extension Storage {
    /// Every closed choice at one crash point at the granularity of atomic units: what the model allows, all of it.
    ///
    /// Exponential in the number of pending units; for litmus tests and small histories.
    ///
    /// - Returns: whether all were visited before `limit`.
    @discardableResult
    package func forEachState(
        at crashPoint: Int, limit: Int = .max, _ body: (Pending, Choice) -> Void
    ) -> Bool {
        let pending = pending(at: crashPoint)
        let position = positions(pending)
        var parts: [Part] = []
        var partsOf: [[Int]] = []
        for (index, effect) in pending.effects.enumerated() {
            let node = graph.nodes[effect]
            let units =
                node.unitCount > 1
                ? (0..<8).map { UInt8(1 << $0) }.filter { node.units & $0 != 0 } : [0]
            partsOf.append(Array(parts.count..<parts.count + units.count))
            parts += units.map { Part(index: index, unit: $0) }
        }
        let requires = parts.map { part in
            let node = graph.nodes[pending.effects[part.index]]
            var needed: Set<Int> = []
            for other in node.hard + node.soft {
                if let index = position[Int(other)] { needed.formUnion(partsOf[index]) }
            }
            for edge in node.chain {
                guard let index = position[Int(edge.effect)] else { continue }
                for other in partsOf[index] {
                    let isShared =
                        part.unit == 0 || parts[other].unit == 0 || part.unit == parts[other].unit
                    if isShared && (parts[other].unit == 0 || edge.units & parts[other].unit != 0) {
                        needed.insert(other)
                    }
                }
            }
            return needed.sorted()
        }
        return ClosedSets(requires: requires).visit(limit: limit) { kept in
            body(pending, choice(pending, parts, partsOf, kept))
            return true
        }
    }

    private struct Part {
        let index: Int
        /// One bit, or 0 for the whole effect.
        let unit: UInt8
    }

    private func choice(
        _ pending: Pending, _ parts: [Part], _ partsOf: [[Int]], _ kept: [Bool]
    ) -> Choice {
        var choice = Choice(kept: [Bool](repeating: false, count: pending.effects.count))
        for (index, mine) in partsOf.enumerated() {
            let present = mine.filter { kept[$0] }
            if present.count == mine.count {
                choice.kept[index] = true
            } else if !present.isEmpty {
                let units = present.reduce(UInt8(0)) { $0 | parts[$1].unit }
                choice.torn.append(.init(index: index, units: units))
            }
        }
        return choice
    }
}
