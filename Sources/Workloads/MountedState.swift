import FileTree
import FuseMount
import Glibc
import Recording
import Stage

import struct SystemPackage.Errno

/// The tree that a power loss left, before any recovery, for a person to walk about in.
package struct MountedState {
    package let tree: FileTree
    package let workload: Workload
    package let options: RunnerOptions

    package init(_ tree: FileTree, of workload: Workload, options: RunnerOptions) {
        self.tree = tree
        self.workload = workload
        self.options = options
    }

    /// Starts the person's shell in it, on this terminal; what is changed there is lost when the shell ends.
    ///
    /// - Returns: the shell's exit status.
    package func shell() throws -> Int32 {
        let stage = try FuseStage(avoiding: workload.folder, kind: options.stage)
        defer { stage.close() }
        var lived = LifeOptions()
        lived.mount.mounts = workload.file.mounts
        let life = try stage.life(on: tree, lived)
        let surroundings = Surroundings(
            folder: workload.folder, dataDirectory: stage.dataDirectory,
            runDirectory: stage.runDirectory, seed: options.seed, user: nil,
            mounts: workload.file.mounts, environment: workload.file.environment)
        let shell = getenv("SHELL").map { String(cString: $0) } ?? "/bin/sh"
        var command = try surroundings.resolve([shell])
        command.workingDirectory = stage.dataDirectory
        command.environment["TERM"] = getenv("TERM").map { String(cString: $0) } ?? "dumb"
        let id = try life.startInteractive(command)
        let ended = try life.wait(id, seconds: 1e9, interrupt: nil)
        _ = try life.end()
        if case .exited(let status) = ended.outcome { return status }
        return 1
    }

    /// Mounts it at `folder`, for everybody's eyes, until `interrupt` becomes readable or somebody unmounts it.
    ///
    /// - Parameter ready: called when the mount is there.
    package func mount(at folder: String, until interrupt: CInt, ready: () -> Void) throws {
        var options = MountOptions()
        options.owner = .ordinaryCaller
        let mount = try OpenMount(tree, at: folder, options: options)
        defer { mount.end() }
        mount.server.start(cpu: nil)
        ready()
        while !mount.hasEnded {
            var wait = pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0)
            if poll(&wait, 1, 200) > 0 { return }
        }
    }
}
