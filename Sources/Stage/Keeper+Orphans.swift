import Basics
import Glibc

extension Keeper {
    /// Names of the processes that programs have left behind: those that init, or without one the keeper, has inherited, and
    /// their children.
    package var namesOfOrphans: [String] {
        let processes = RunningProcess.all()
        let children = processes.filter { $0.parent == parentOfPrograms }
        // Programs are children of the keeper; init is the one that has number 1 in its namespace.
        let inits = children.filter(\.isInit)
        let inherited =
            inits.isEmpty
            ? children.filter { !processIDs.contains($0.number) && $0.name != Self.agentName } : []
        var family = Set((inits + inherited).map(\.number))
        var names = inherited.map(\.name)
        var generation = family
        while !generation.isEmpty {
            let children = processes.filter {
                generation.contains($0.parent) && !family.contains($0.number)
            }
            names += children.map(\.name)
            generation = Set(children.map(\.number))
            family.formUnion(generation)
        }
        return names.sorted()
    }

    /// As the agent calls itself, which is a child of the keeper too.
    private static let agentName = "perjury-agent"

    /// What the programs of this life have put into `runDirectory`.
    var scratchNames: [String] {
        namesInFolder("/proc/\(processID)/root\(runDirectory)") ?? []
    }
}

/// What /proc/PID/status says of a process that has not ended.
private struct RunningProcess {
    var number: pid_t
    var parent: pid_t
    /// Of the program, at most 15 bytes.
    var name: String
    /// First of its own pid namespace.
    var isInit: Bool

    static func all() -> [RunningProcess] {
        (namesInFolder("/proc") ?? []).compactMap { name in
            pid_t(name).flatMap(RunningProcess.init)
        }
    }

    init?(_ number: pid_t) {
        guard let status = try? Descriptor(opening: "/proc/\(number)/status", O_RDONLY),
            let bytes = try? status.readAll(limit: 64 << 10)
        else { return nil }
        var fields: [Substring: Substring] = [:]
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            fields[parts[0]] = parts[1].drop { $0 == "\t" }
        }
        guard let parent = fields["PPid"].flatMap({ pid_t($0) }), let name = fields["Name"],
            fields["State"]?.first != "Z"
        else { return nil }
        self.number = number
        self.parent = parent
        self.name = String(name)
        isInit = fields["NSpid"]?.split(separator: "\t").last == "1"
    }
}
