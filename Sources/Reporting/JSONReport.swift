import Campaign
import Oracles
import PowerLoss

/// The report that programs read; `docs/formats.md` has its fields. Version 1.
package struct JSONReport {
    package static let format = 1

    private let campaign: CampaignReport
    private let hasTimes: Bool

    /// - Parameter hasTimes: without, equal runs give equal bytes.
    package init(_ campaign: CampaignReport, hasTimes: Bool = true) {
        self.campaign = campaign
        self.hasTimes = hasTimes
    }

    package var text: String { value.text }

    var value: JSON {
        var members: [JSON.Member] = [
            .init("perjury", .string(perjuryVersion)),
            .init("format", .number(Self.format)),
            .init("seed", .number(campaign.seed)),
            .init("ending", .string(campaign.ending)),
            .init("budget", .string(campaign.budget)),
            .init("workloads", .array(campaign.workloads.map(workload))),
            .init(
                "skipped",
                .array(
                    campaign.skipped.map {
                        .object([
                            .init("name", .string($0.name)), .init("reason", .string($0.reason)),
                        ])
                    })),
            .init("interrupted", .bool(campaign.isInterrupted)),
            .init("exitStatus", .number(campaign.exitStatus.rawValue)),
        ]
        addSeconds(campaign.seconds, to: &members)
        return .object(members)
    }

    private func addSeconds(_ seconds: Double, to members: inout [JSON.Member]) {
        if hasTimes { members.append(.init("seconds", .seconds(seconds))) }
    }

    private func workload(_ report: WorkloadReport) -> JSON {
        var members: [JSON.Member] = [
            .init("name", .string(report.name)),
            .init("promise", .string(report.promise)),
            .init("verdict", .string(report.verdict.word)),
            .init("expected", .bool(report.isExpected)),
            .init("records", .number(report.records)),
            .init("effects", .number(report.effects)),
            .init("acknowledged", .number(report.acknowledged)),
            .init("about", .string(report.about)),
            .init("inconclusive", .optional(report.inconclusive)),
            .init("notes", .strings(report.notes.map(\.words))),
            .init("recording", .optional(report.recordingPath)),
            .init("models", .array(report.models.map(model))),
            .init("findings", .array(report.findings.map(finding))),
        ]
        if !report.examples.isEmpty {
            members.append(.init("examples", .array(report.examples.map(finding))))
        }
        if !report.mounts.isEmpty {
            members += [
                .init("mounts", .strings(report.mounts)),
                .init("mountsAtOnce", .number(report.mountsAtOnce)),
            ]
        }
        if !report.faults.isEmpty {
            members.append(.init("faults", .array(report.faults.map(\.json))))
        }
        if let failed = report.failedSyncs { members.append(.init("failedSyncs", failed.json)) }
        addSeconds(report.seconds, to: &members)
        return .object(members)
    }

    private func model(_ report: ModelReport) -> JSON {
        var members: [JSON.Member] = [
            .init("model", .string(report.model)),
            .init("stack", .string(report.stack)),
            // Outcomes are only counted where the stack permits no promise.
            .init("verdict", .optional(report.verdict?.word)),
            .init("expected", .string(report.isOpen ? "either" : "\(report.expected)")),
            .init("asExpected", .bool(report.isExpected)),
            .init("inconclusive", .optional(report.verdict?.reason)),
            .init("kinds", .strings(report.kinds.map(\.rawValue))),
            .init("crashPoints", .number(report.crashPoints)),
            .init("crashPointsInAll", .number(report.crashPointsInAll)),
            .init("crashPointShapes", .number(report.shapes)),
            .init("crashPointShapesInAll", .number(report.shapesInAll)),
            .init("statesPlanned", .number(report.statesPlanned)),
            .init("statesDistinct", .number(report.statesDistinct)),
            .init("statesObserved", .number(report.statesObserved)),
            .init("exhaustive", .bool(report.exhaustive)),
            .init("outcomes", report.outcomes.json),
        ]
        if report.mappedStores != .none {
            members.append(.init("mappedStores", .string(report.mappedStores.rawValue)))
        }
        if report.recoveriesCut > 0 {
            members += [
                .init("recoveriesCut", .number(report.recoveriesCut)),
                .init("statesAfterRecoveries", .number(report.statesAfterRecoveries)),
            ]
        }
        if let promise = report.judgedAs { members.append(.init("judgedAs", .string(promise))) }
        addSeconds(report.seconds, to: &members)
        return .object(members)
    }

    private func finding(_ finding: Finding) -> JSON {
        var members: [JSON.Member] = [
            .init("violation", .string(finding.kind.rawValue)),
            .init("model", .string(finding.model)),
            .init("stack", .string(finding.stack)),
            .init("crashPoint", .number(finding.plan.crashPoint)),
            .init("lost", .strings(finding.lost)),
            .init("torn", .array(finding.plan.torn.map(\.json))),
            .init("acknowledged", .number(finding.evidence.acknowledged)),
            .init("seen", .number(finding.evidence.seen)),
            .init("count", .number(finding.count)),
            .init("summary", .string(finding.summary)),
            .init("advice", .string(finding.advice)),
            .init("log", .string(finding.evidence.log)),
            .init("plan", .optional(finding.path)),
            .init("replay", .optional(campaign.replayCommand(finding))),
        ]
        if let cause = finding.cause {
            members += [
                .init("fingerprint", .string(cause.fingerprint.description)),
                .init("cause", .strings(cause.parts.map(\.description))),
                .init("asExpected", .bool(finding.isExpected)),
                .init("known", .optional(finding.knownReason)),
            ]
        }
        if let kept = finding.kept { members.append(.init("kept", .string(kept))) }
        if let outcome = finding.evidence.outcome {
            members.append(.init("outcome", .string(outcome.rawValue)))
        }
        if !finding.run.mounts.isEmpty {
            members.append(.init("mounts", .strings(finding.run.mounts)))
        }
        if let fault = finding.fault {
            members += [
                .init("fault", .string(fault)),
                .init("ending", .string(finding.run.ending.rawValue)),
            ]
        }
        return .object(members)
    }
}

extension [Characterisation: Int] {
    var json: JSON {
        .object(
            Characterisation.allCases.compactMap { outcome in
                self[outcome].map { .init(outcome.rawValue, .number($0)) }
            })
    }
}

extension FaultCount {
    package var json: JSON {
        .object([
            .init("fault", .string(text)), .init("matched", .number(matched)),
            .init("fired", .number(fired)),
        ])
    }
}

extension FailedSyncs {
    fileprivate var json: JSON {
        .object([
            .init("error", .string(error)), .init("syncs", .number(syncs)),
            .init("runsInAll", .number(runsInAll)), .init("runs", .array(runs.map(\.json))),
        ])
    }
}

extension FailedSyncs.Run {
    fileprivate var json: JSON {
        .object([
            .init("sync", .number(sync.number)), .init("request", .string(request)),
            .init("pages", .string(sync.failure.name)),
            .init("record", record.map { .number($0) } ?? .null),
            .init("outcome", .string(outcome)), .init("wentOn", .bool(wentOn)),
            .init("inconclusive", .optional(inconclusive)),
            .init("continuations", .array(continuations.map(\.json))),
        ])
    }
}

extension FailedSyncs.Continuation {
    fileprivate var json: JSON {
        .object([
            .init("model", .string(model)), .init("stack", .string(stack)),
            .init("ending", .string(ending.rawValue)), .init("verdict", .optional(verdict?.word)),
            .init("inconclusive", .optional(verdict?.reason)),
            .init("kinds", .strings(kinds.map(\.rawValue))),
            .init("statesPlanned", .number(statesPlanned)), .init("exhaustive", .bool(exhaustive)),
            .init("outcomes", outcomes.json),
        ])
    }
}

extension CrashPlan {
    /// What `plan` holds in a report and in a finding.
    package var json: JSON {
        var members: [JSON.Member] = [
            .init("crashPoint", .number(crashPoint)),
            .init("lost", .strings(lost.map(\.description))),
            .init("torn", .array(torn.map(\.json))),
        ]
        if showsStale { members.append(.init("showsStale", .bool(true))) }
        return .object(members)
    }
}

extension CrashPlan.TornEffect {
    package var json: JSON {
        var members: [JSON.Member] = [
            .init("effect", .string(effect.description)),
            .init("kept", .number(kept)),
        ]
        if let damage {
            members += [
                .init("damaged", .number(damage.units)),
                .init("fill", .string(damage.fill.rawValue)),
            ]
        }
        return .object(members)
    }
}
