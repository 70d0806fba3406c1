import FileTree
import FuseMount
import Glibc
import Recording
import Stage

/// What this machine has and lacks of what a campaign needs; each check does the thing itself.
package struct Doctor {
    package struct Check: Sendable {
        package let name: String
        /// nil when all is well; else what is missing and what to try.
        package let problem: String?
        /// Whether nothing works without it.
        package let isRequired: Bool

        package init(name: String, problem: String?, isRequired: Bool) {
            self.name = name
            self.problem = problem
            self.isRequired = isRequired
        }
    }

    /// What workloads need here before anything else.
    ///
    /// - Parameter wanted: the stage that was asked for; nil: the best that can be had.
    package static func checks(of wanted: StageKind?) -> [Check] {
        let name = "a mount for programs"
        if let wanted {
            let obstacle = StageChoice.obstacle(to: wanted)
            let stage = Check(
                name: "\(name), by the stage \(wanted.rawValue)",
                problem: obstacle?.description, isRequired: true)
            return [stage] + (obstacle == nil ? life(on: wanted) : [])
        }
        let best = StageChoice.best
        let worse = best.obstacles.map {
            Check(
                name: "the stage \($0.kind.rawValue)", problem: $0.1.description,
                isRequired: false)
        }
        guard let kind = best.kind else {
            do {
                _ = try StageChoice.chosen()
                return []
            } catch {
                return [Check(name: name, problem: error.description, isRequired: true)] + worse
            }
        }
        let stage = Check(
            name: "\(name), by the stage \(kind.rawValue)", problem: nil, isRequired: true)
        return [stage] + worse + life(on: kind)
    }

    /// What the workloads of a catalogue need.
    package static func checks(of catalogue: Catalogue?) -> [Check] {
        (catalogue?.names ?? []).compactMap { name in
            guard let workload = try? catalogue?.load(name),
                let missing = workload.missingRequirement
            else { return nil }
            return Check(name: "workload \(name)", problem: missing, isRequired: false)
        }
    }

    /// A life of one program that calls sync(2), from mount to unmount.
    private static func life(on kind: StageKind) -> [Check] {
        let name = "a program on the mount, and its end"
        do {
            let stage = try FuseStage(avoiding: "/", kind: kind)
            defer { stage.close() }
            let life = try stage.life(on: FileTree(), LifeOptions())
            let surroundings = Surroundings(
                folder: "/", dataDirectory: stage.dataDirectory, runDirectory: stage.runDirectory,
                seed: 1, user: nil)
            let id = try life.start(try surroundings.resolve(["sync"]))
            let ended = try life.wait(id, seconds: 10, interrupt: nil)
            let recording = try life.end().recording
            let isSeen = (0..<recording.count).contains {
                recording[$0].event == .operation(.sync(.everything))
            }
            return [
                Check(
                    name: name,
                    problem: ended.isSuccess ? nil : "the program `sync` \(ended.outcome)",
                    isRequired: true),
                Check(
                    name: "sync(2) and syncfs(2) are seen (seccomp notifications)",
                    problem: isSeen
                        ? nil : life.syncUnseenReason ?? "the call did not reach the recording",
                    isRequired: false),
            ]
        } catch {
            return [Check(name: name, problem: "\(error)", isRequired: true)]
        }
    }
}
