import Basics
import Campaign
import Oracles
import PowerLoss

/// A finding as a file: everything that `perjury replay` needs, and what a person wants to know who opens it.
///
/// The form is JSON, described in `docs/formats.md`. A file is not trusted: reading one checks every member, and what
/// it says is checked again when it is applied to the recording. Its properties are the members of the file.
package struct FindingFile: Equatable, Sendable {
    package static let format = 1

    package var workload: String
    /// Absolute path of the folder with `workload.yaml`; of the folder in which `commands` are started, where there are any.
    package var folder: String
    /// Where the workload was given by `--run` and `--observe`.
    package var commands: Commands?
    /// Relative to the finding's own folder, or absolute.
    package var recording: String
    package var model: String
    package var stack: String
    /// The rules of a model or a stack that is not built in.
    package var ownModel: RuleFields?
    package var ownStack: RuleFields?
    /// What ended the run: below a process or a kernel that dies, the stack keeps its word.
    package var ending: Ending
    package var seed: UInt64
    package var plan: CrashPlan
    package var kind: ViolationKind
    /// Of its cause; nil where it counts for no verdict.
    package var fingerprint: Fingerprint?
    package var story: Story
    /// Of the tree that the plan leaves; nil when it was not taken.
    package var treeHash: UInt64?
    /// Power losses during recovery, one after the other.
    package var recoveries: [Recovery] = []

    /// What a person wants to know, in words. A replay shows it anew, and does not read it.
    package struct Story: Equatable, Sendable {
        package var acknowledged: Int
        package var seen: Int
        package var summary: String
        /// The culprits.
        package var lost: [String]
        package var advice: String
        /// The sync that had failed; nil where none had.
        package var fault: String?

        package init(
            acknowledged: Int, seen: Int, summary: String, lost: [String], advice: String,
            fault: String? = nil
        ) {
            self.acknowledged = acknowledged
            self.seen = seen
            self.summary = summary
            self.lost = lost
            self.advice = advice
            self.fault = fault
        }

        package init(_ finding: Finding) {
            self.init(
                acknowledged: finding.evidence.acknowledged, seen: finding.evidence.seen,
                summary: finding.summary, lost: finding.lost, advice: finding.advice,
                fault: finding.fault)
        }
    }

    package struct Recovery: Equatable, Sendable {
        /// Relative to the finding's own folder, or absolute.
        package var recording: String
        package var plan: CrashPlan
        package var treeHash: UInt64

        package init(recording: String, plan: CrashPlan, treeHash: UInt64) {
            self.recording = recording
            self.plan = plan
            self.treeHash = treeHash
        }
    }

    /// A workload as the options of the command describe it; each part as it was typed.
    package struct Commands: Equatable, Sendable {
        package var run: String
        package var observe: String
        package var promise: String
        package var setup: String?
        package var server: String?
        package var ready: String?
        package var timeout: String?
        /// `NAME=VALUE`, or `NAME` for the value that whoever replays it has.
        package var environment: [String] = []

        package init(run: String, observe: String, promise: String) {
            self.run = run
            self.observe = observe
            self.promise = promise
        }

        var json: JSON {
            var members: [JSON.Member] = [
                .init("run", .string(run)), .init("observe", .string(observe)),
                .init("promise", .string(promise)),
            ]
            for (name, text) in [
                ("setup", setup), ("server", server), ("ready", ready), ("timeout", timeout),
            ] {
                if let text { members.append(.init(name, .string(text))) }
            }
            if !environment.isEmpty {
                members.append(.init("environment", .strings(environment)))
            }
            return .object(members)
        }
    }

    package init(
        workload: String, folder: String, commands: Commands? = nil, recording: String,
        model: String, stack: String, seed: UInt64, plan: CrashPlan, kind: ViolationKind,
        _ story: Story, treeHash: UInt64? = nil, ownModel: RuleFields? = nil,
        ownStack: RuleFields? = nil, ending: Ending = .powerLoss
    ) {
        self.story = story
        self.ending = ending
        self.ownModel = ownModel
        self.ownStack = ownStack
        self.workload = workload
        self.folder = folder
        self.commands = commands
        self.recording = recording
        self.model = model
        self.stack = stack
        self.seed = seed
        self.plan = plan
        self.kind = kind
        self.treeHash = treeHash
    }

    /// - Parameters:
    ///   - recording: as `recording`.
    package init(
        _ finding: Finding, workload: String, folder: String, commands: Commands? = nil,
        recording: String, seed: UInt64, ownModel: RuleFields?, ownStack: RuleFields?
    ) {
        self.init(
            workload: workload, folder: folder, commands: commands, recording: recording,
            model: finding.model, stack: finding.stack, seed: seed, plan: finding.plan,
            kind: finding.kind, Story(finding), treeHash: finding.treeHash, ownModel: ownModel,
            ownStack: ownStack, ending: finding.run.ending)
        fingerprint = finding.cause?.fingerprint
    }

    /// The bytes of the file.
    package var text: String {
        var members: [JSON.Member] = [
            .init("perjuryFinding", .number(Self.format)),
            .init("perjury", .string(perjuryVersion)),
            .init("workload", .string(workload)),
            .init("folder", .string(folder)),
        ]
        if let commands { members.append(.init("commands", commands.json)) }
        members += [
            .init("recording", .string(recording)),
            .init("model", .string(model)),
            .init("stack", .string(stack)),
        ]
        if let ownModel { members.append(.init("modelRules", ownModel.json)) }
        if let ownStack { members.append(.init("stackRules", ownStack.json)) }
        if ending != .powerLoss { members.append(.init("ending", .string(ending.rawValue))) }
        members += [
            .init("seed", .number(seed)),
            .init("plan", plan.json),
            .init("violation", .string(kind.rawValue)),
        ]
        if let fingerprint {
            members.append(.init("fingerprint", .string(fingerprint.description)))
        }
        members += [
            .init("acknowledged", .number(story.acknowledged)),
            .init("seen", .number(story.seen)),
            .init("summary", .string(story.summary)),
            .init("lost", .strings(story.lost)),
            .init("advice", .string(story.advice)),
        ]
        if let fault = story.fault { members.append(.init("fault", .string(fault))) }
        members += [
            // A string, as few readers of JSON keep 64 bits.
            .init("treeHash", .optional(treeHash.map { Escaped.hexadecimal($0) }))
        ]
        if !recoveries.isEmpty {
            members.append(
                .init(
                    "recoveries",
                    .array(
                        recoveries.map {
                            .object([
                                .init("recording", .string($0.recording)),
                                .init("plan", $0.plan.json),
                                .init("treeHash", .string(Escaped.hexadecimal($0.treeHash))),
                            ])
                        })))
        }
        return JSON.object(members).text
    }
}

extension RuleFields {
    fileprivate var json: JSON {
        .object(fields.map { .init($0.key, .string($0.value)) })
    }
}
