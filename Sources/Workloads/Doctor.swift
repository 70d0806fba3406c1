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

    package static func checks(catalogue: Catalogue?) -> [Check] {
        var checks = [device]
        if checks[0].problem == nil { checks += namespaces }
        for name in catalogue?.names ?? [] {
            guard let workload = try? catalogue?.load(name),
                let missing = workload.missingRequirement
            else { continue }
            checks.append(Check(name: "workload \(name)", problem: missing, isRequired: false))
        }
        return checks
    }

    private static var device: Check {
        let problem: String? =
            MountServer.isAvailable
            ? nil
            : access("/dev/fuse", F_OK) == 0
                ? "it is there but may not be opened: start the container with --device /dev/fuse --cap-add SYS_ADMIN"
                : "there is none: modprobe fuse, or start the container with --device /dev/fuse --cap-add SYS_ADMIN"
        let user: String? =
            geteuid() == 0
            ? nil : "run perjury as root: without it the mount's files would not be the caller's"
        return Check(name: "/dev/fuse", problem: user ?? problem, isRequired: true)
    }

    /// A life of one program that calls sync(2), from mount to unmount.
    private static var namespaces: [Check] {
        let name = "private mount and process namespaces, a program on a mount"
        do {
            let stage = try FuseStage(avoiding: "/")
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
