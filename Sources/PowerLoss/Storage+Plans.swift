import Recording

/// From crash states to plans, and back.
extension CrashState {
    package var plan: CrashPlan {
        let torn = Set(choice.torn.map(\.index))
        let lost = pending.effects.indices.filter { !choice.kept[$0] && !torn.contains($0) }
        return CrashPlan(
            crashPoint: crashPoint, lost: lost.map { id(ofPending: $0) },
            torn: choice.torn.map {
                .init(effect: id(ofPending: $0.index), kept: $0.units, damage: $0.damage)
            }, showsStale: choice.showsStale)
    }

    private func id(ofPending index: Int) -> EffectID {
        storage.log.effects[pending.effects[index]].id
    }
}

extension Storage {
    /// - Throws: `RecordingError` when the plan names a crash point or effects that are not at risk there, or when the model
    ///   does not allow it.
    package func state(_ plan: CrashPlan) throws(RecordingError) -> CrashState {
        guard (0...lastCrashPoint).contains(plan.crashPoint) else {
            throw RecordingError(
                "the plan's crash point \(plan.crashPoint) is outside the recording, which has \(lastCrashPoint) records"
            )
        }
        let pending = pending(at: plan.crashPoint, losing: machines(of: plan))
        var position: [EffectID: Int] = [:]
        for (index, effect) in pending.effects.enumerated() {
            position[log.effects[effect].id] = index
        }
        var choice = Choice.losingNothing(of: pending)
        for id in plan.lost {
            guard let index = position[id] else { throw Self.notPending(id, plan) }
            choice.kept[index] = false
        }
        for tear in plan.torn {
            guard let index = position[tear.effect] else {
                throw Self.notPending(tear.effect, plan)
            }
            guard graph.nodes[pending.effects[index]].unitCount > 1 || tear.damage != nil else {
                throw RecordingError("the plan tears effect \(tear.effect), which cannot tear")
            }
            choice.kept[index] = false
            choice.torn.append(.init(index: index, units: tear.kept, damage: tear.damage))
        }
        choice.showsStale = plan.showsStale
        guard isClosed(pending, choice) else {
            throw RecordingError(
                "the plan is not one that \(model.name) allows: it keeps an effect and loses what that needs"
            )
        }
        return CrashState(self, pending, choice)
    }

    /// Those that lose something.
    private func machines(of plan: CrashPlan) -> MachineSet {
        guard log.machineCount > 1, !plan.lost.isEmpty || !plan.torn.isEmpty else { return .all }
        return (plan.lost + plan.torn.map(\.effect)).reduce(into: MachineSet()) { machines, id in
            if let effect = log.effect(id) {
                machines.insert(MachineSet(machine: log.machine(ofEffect: effect)))
            }
        }
    }

    private static func notPending(_ id: EffectID, _ plan: CrashPlan) -> RecordingError {
        RecordingError(
            "the plan loses effect \(id), which is not at risk at crash point \(plan.crashPoint)")
    }
}
