import FileTree

extension Storage {
    /// Every closed choice at one crash point at the granularity of atomic units: what the model allows, all of it.
    ///
    /// Exponential in the number of pending units; for litmus tests and small histories.
    ///
    /// - Returns: whether all were visited before `limit`.
    @discardableResult
    package func forEachState(
        at crashPoint: Int, limit: Int = .max, _ body: (CrashState) -> Void
    ) -> Bool {
        let pending = pending(at: crashPoint)
        let parts = Parts(self, pending)
        return ClosedSets(requires: parts.requires(self)).visit(limit: limit) { kept in
            var choice = parts.choice(kept)
            body(CrashState(self, pending, choice))
            if canShowStale(pending, choice) {
                choice.showsStale = true
                body(CrashState(self, pending, choice))
            }
            return true
        }
    }

    /// Whether the model allows the choice: everything kept, and every unit of what is torn, has all that it requires.
    package func isClosed(_ pending: Pending, _ choice: Choice) -> Bool {
        let parts = Parts(self, pending)
        if choice.showsStale, !canShowStale(pending, choice) { return false }
        guard let kept = parts.kept(choice, self) else { return false }
        return ClosedSets(requires: parts.requires(self)).isClosed(kept)
    }

    /// The units of its block that a write in flight may leave with neither old nor new bytes; nil where it damages nothing.
    func damageable(_ effect: Int) -> UInt8? {
        let node = graph.nodes[effect]
        guard stack.tears != .clean, unit < Block.size, !node.isWhole, node.units != 0 else {
            return nil
        }
        switch stack.tears {
        case .clean: return nil
        case .shorn: return node.units
        case .neighbours:
            let all = UInt8(truncatingIfNeeded: (1 << (Block.size / unit)) - 1)
            let others = all & ~node.units
            return others == 0 ? nil : others
        }
    }

    /// The pending effects taken apart into what is whole or absent.
    private struct Parts {
        let pending: Pending
        private var parts: [Part] = []
        private var partsOf: [[Int]] = []
        private let position: [Int: Int]

        private struct Part {
            let index: Int
            /// One bit, or 0 for the whole effect.
            let unit: UInt8
        }

        init(_ storage: Storage, _ pending: Pending) {
            self.pending = pending
            position = storage.positions(pending)
            for (index, effect) in pending.effects.enumerated() {
                let node = storage.graph.nodes[effect]
                let units =
                    node.unitCount > 1
                    ? (0..<8).map { UInt8(1 << $0) }.filter { node.units & $0 != 0 } : [0]
                partsOf.append(Array(parts.count..<parts.count + units.count))
                parts += units.map { Part(index: index, unit: $0) }
            }
        }

        func requires(_ storage: Storage) -> [[Int]] {
            let predecessors = storage.orderPredecessors(pending)
            let flushed = storage.flushedBefore(pending)
            return parts.map { part in
                let node = storage.graph.nodes[pending.effects[part.index]]
                var needed: Set<Int> = []
                for other in node.hard + node.soft {
                    if let index = position[Int(other)] { needed.formUnion(partsOf[index]) }
                }
                if let before = predecessors[part.index] { needed.formUnion(partsOf[before]) }
                for before in flushed[part.index] { needed.formUnion(partsOf[before]) }
                for edge in node.chain {
                    guard let index = position[Int(edge.effect)],
                        part.unit == 0 || edge.units & part.unit != 0
                    else { continue }
                    for other in partsOf[index] {
                        let unit = parts[other].unit
                        let shared = part.unit == 0 ? edge.units : part.unit
                        if unit == 0 || unit & shared != 0 { needed.insert(other) }
                    }
                }
                return needed.sorted()
            }
        }

        func choice(_ kept: [Bool]) -> Choice {
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

        /// - Returns: nil when the choice tears what cannot tear, tears it into all or nothing, or damages what the stack does
        ///   not damage.
        func kept(_ choice: Choice, _ storage: Storage) -> [Bool]? {
            var kept = parts.map { choice.kept[$0.index] }
            for tear in choice.torn {
                let mine = partsOf[tear.index]
                guard !choice.kept[tear.index] else { return nil }
                let node = storage.graph.nodes[pending.effects[tear.index]]
                if let damage = tear.damage {
                    guard let mask = storage.damageable(pending.effects[tear.index]),
                        damage.units & ~mask == 0, damage.units & tear.units == 0,
                        tear.units & ~node.units == 0
                    else { return nil }
                } else {
                    guard mine.count > 1, tear.units != 0, tear.units != node.units,
                        tear.units & ~node.units == 0
                    else { return nil }
                }
                for part in mine {
                    let unit = parts[part].unit
                    kept[part] = unit == 0 ? tear.units == node.units : tear.units & unit != 0
                }
            }
            return kept
        }
    }
}
