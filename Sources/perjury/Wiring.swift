import Campaign
import FileTree
import Glibc
import Oracles
import WorkloadRunner

/// Everything that the command asks of the execution side, in one place.
enum Wiring {
    /// The named workloads, or all of the catalogue.
    static func workloads(_ names: [String], _ places: PlaceOptions) throws -> [Workload] {
        let catalogue = try catalogue(places, isNeeded: names.isEmpty)
        do {
            return try (names.isEmpty ? catalogue?.names ?? [] : names).map { name in
                if let catalogue, catalogue.names.contains(name) {
                    return try catalogue.load(name)
                }
                if name.contains("/") || access(name, F_OK) == 0 { return try Workload.load(name) }
                try Names.check(name, kind: "workload", among: catalogue?.names ?? [])
                preconditionFailure("a name that the catalogue has was loaded")
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(.usage, "\(error)")
        }
    }

    static func catalogue(_ places: PlaceOptions, isNeeded: Bool) throws -> Catalogue? {
        guard let folder = places.workloads ?? Catalogue.defaultFolder else {
            if !isNeeded { return nil }
            throw Failure(.usage, "no folder of workloads is near; name one with --workloads")
        }
        do {
            return try Catalogue(folder: folder)
        } catch {
            if !isNeeded && places.workloads == nil { return nil }
            throw Failure(.usage, "\(error)")
        }
    }

    /// The workload that `--run` and `--observe` describe, in the current folder.
    static func adHoc(run: String, observe: String, promise: String?, folder: String = ".") throws
        -> Workload
    {
        guard let promise = Promise(promise ?? "durable") else {
            throw Failure(
                .usage,
                "there is no promise `\(promise ?? "")`; there are: "
                    + Promise.words.joined(separator: ", "))
        }
        do {
            return try Workload.adHoc(run: run, observe: observe, promise: promise, folder: folder)
        } catch {
            throw Failure(.usage, "\(error)")
        }
    }

    static func subject(_ workload: Workload, out: String, seed: UInt64) throws -> WorkloadSubject {
        try WorkloadSubject(
            workload,
            options: RunnerOptions(out: out, seed: seed, interrupt: Interrupt.descriptor))
    }

    static func recordedRun(_ path: String) throws -> RecordedRun {
        do {
            return try RecordedRun(path: path)
        } catch {
            throw Failure(.usage, "\(error)")
        }
    }

    static var now: Double { MonotonicClock.seconds }

    // MARK: The machine

    /// What keeps workloads from running here, in one sentence; nil when nothing does.
    static func obstacle() -> String? {
        guard access("/dev/fuse", F_OK) == 0 else {
            return "there is no /dev/fuse: `modprobe fuse`, or start the container with "
                + "`--device /dev/fuse --cap-add SYS_ADMIN`"
        }
        do {
            let keeper = try Keeper(root: "/mnt")
            defer { keeper.close() }
            close(try keeper.openDevice())
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// - Throws: a failure that says what the machine lacks.
    static func checkMachine() throws {
        if let obstacle = obstacle() {
            throw Failure(.unavailable, "\(obstacle); `perjury doctor` checks the rest")
        }
    }

    /// What `doctor` tells: each check, and what is wrong or nil.
    static func checks(_ places: PlaceOptions) -> [(name: String, problem: String?)] {
        var checks = [("serving a filesystem: /dev/fuse and the keeper", obstacle())]
        do {
            guard let catalogue = try catalogue(places, isNeeded: true) else { return checks }
            checks.append(("the catalogue \(catalogue.folder)", nil))
            for name in catalogue.names {
                do {
                    if let missing = try catalogue.load(name).missingRequirement {
                        checks.append(("workload \(name)", missing))
                    }
                } catch {
                    checks.append(("workload \(name)", "\(error)"))
                }
            }
        } catch let failure as Failure {
            checks.append(("the catalogue", failure.sentence))
        } catch {
            checks.append(("the catalogue", "\(error)"))
        }
        return checks
    }

    // MARK: Crash states by hand

    /// Opens a shell in a crash state, and waits for its end.
    static func shell(_ workload: Workload, _ tree: FileTree, out: String) throws {
        throw Failure(.unavailable, "`--shell` is not there yet")
    }

    /// Mounts a crash state at `folder` until a person interrupts.
    static func mount(_ tree: FileTree, at folder: String) throws {
        throw Failure(.unavailable, "`--mount` is not there yet")
    }
}
