import Basics
import Campaign
import Oracles
import PowerLoss

extension WorkloadFileReader {
    func observer(
        _ fields: [String: WorkloadFileNode]
    ) throws(WorkloadFileError) -> WorkloadFile.Observer {
        if let check = fields["check"] {
            guard fields["observe"] == nil else {
                throw error(check.line, "`check` replaces `observe`: give one of them")
            }
            return .check(try command(check))
        }
        guard let observe = fields["observe"] else { throw missing("observe") }
        guard case .mapping = observe.node else { return .command(try command(observe)) }
        let inner = try self.fields(of: observe, allowed: ["serve"], in: "observe")
        guard let serve = inner["serve"] else {
            throw error(observe.line, "`observe` must be a command, or have `serve`")
        }
        return .serve(try command(serve))
    }

    /// A promise: a word, or `{bounded-loss: 1s}`.
    func promise(_ value: WorkloadFileNode) throws(WorkloadFileError) -> Promise {
        var word: String
        if case .mapping = value.node {
            let inner = try fields(of: value, allowed: ["bounded-loss"], in: value.name)
            guard let bound = inner["bounded-loss"] else {
                throw error(value.line, "`\(value.name)` is empty")
            }
            return .boundedLoss(nanoseconds: try duration(bound))
        }
        word = try text(value)
        if let promise = Promise(word) { return promise }
        if word.hasPrefix("bounded-loss") {
            throw error(
                value.line,
                "`bounded-loss` needs a duration, as in `\(value.name): {bounded-loss: 1s}`")
        }
        word = shown(word)
        throw error(
            value.line,
            "unknown promise `\(word)`"
                + NearestName.suggestion(for: word, among: Promise.words))
    }

    func expectation(
        _ value: WorkloadFileNode, known: WorkloadFile.KnownNames
    ) throws(WorkloadFileError) -> Expectation {
        guard case .mapping = value.node else {
            return Expectation(general: try outcome(value))
        }
        var expectation = Expectation()
        for (key, entry) in try pairs(of: value) {
            let parts = key.split(
                separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            try check(String(parts[0]), kind: "model", known: known.models, line: entry.line)
            if parts.count > 1 {
                try check(String(parts[1]), kind: "stack", known: known.stacks, line: entry.line)
            }
            expectation.specific[key] = try outcome(entry)
        }
        return expectation
    }

    private func outcome(
        _ value: WorkloadFileNode
    ) throws(WorkloadFileError) -> Expectation.Outcome {
        let text = shown(try text(value), limit: 400)
        do {
            return try Expectation.Outcome(text)
        } catch {
            throw self.error(
                value.line,
                error.sentence
                    + NearestName.suggestion(for: error.word, among: error.known))
        }
    }

    /// Fingerprints of causes, each with why it may come.
    func known(_ value: WorkloadFileNode) throws(WorkloadFileError) -> [Fingerprint: String] {
        var known: [Fingerprint: String] = [:]
        for (key, reason) in try pairs(of: value) {
            guard let fingerprint = Fingerprint(key) else {
                throw error(
                    reason.line,
                    "`\(shown(key))` is not a fingerprint such as `lost-commit-5c1f03aa`: "
                        + "a report names that of each finding")
            }
            known[fingerprint] = try text(reason)
        }
        return known
    }

    func faults(_ value: WorkloadFileNode) throws(WorkloadFileError) -> FaultRequests {
        var faults = FaultRequests()
        for text in try list(value) {
            do {
                try faults.add(text)
            } catch {
                throw self.error(value.line, shown("\(error)", limit: 400))
            }
        }
        return faults
    }

    /// `any`, or the statuses with which a run may end.
    func acceptedExit(_ value: WorkloadFileNode) throws(WorkloadFileError) -> AcceptedExit {
        let words = try list(value)
        if words == ["any"] { return .any }
        let statuses = words.compactMap { UInt8($0) }.map(Int32.init)
        guard !words.isEmpty, statuses.count == words.count else {
            throw error(
                value.line,
                "`\(value.name)` must be `any`, or statuses from 0 to 255 such as `[0, 7]`")
        }
        return .statuses(Set(statuses))
    }

    func waitsForAll(_ value: WorkloadFileNode) throws(WorkloadFileError) -> Bool {
        guard try text(value) == "all" else {
            throw error(value.line, "`\(value.name)` can be `all` only: wait for all processes")
        }
        return true
    }

    /// `{NAME: VALUE}`, or a list of `NAME=VALUE` and of `NAME`, which has the caller's value.
    func environment(
        _ value: WorkloadFileNode
    ) throws(WorkloadFileError) -> [EnvironmentVariable] {
        var variables: [EnvironmentVariable] = []
        func add(_ text: String, _ line: Int?) throws(WorkloadFileError) {
            do throws(EnvironmentVariable.Malformed) {
                variables.append(try EnvironmentVariable(text))
            } catch {
                throw self.error(line, "`\(value.name)`: \(shown(error.sentence, limit: 200))")
            }
        }
        if case .mapping = value.node {
            for (name, node) in try pairs(of: value) {
                guard case .scalar(let scalar) = node.node else {
                    throw error(node.line, "`\(node.name)` must be a text")
                }
                try add("\(name)=\(scalar.string)", node.line)
            }
        } else {
            for text in try list(value) { try add(text, value.line) }
        }
        return variables
    }

    func server(_ value: WorkloadFileNode) throws(WorkloadFileError) -> WorkloadFile.Server {
        let inner = try fields(of: value, allowed: ["command", "ready", "stop"], in: "server")
        guard let command = inner["command"] else {
            throw error(value.line, "`server.command` is missing")
        }
        return WorkloadFile.Server(
            command: try self.command(command),
            ready: try inner["ready"].map(self.command),
            stop: try inner["stop"].map(self.command))
    }

    /// Names of directories, each the storage of a machine.
    func mounts(_ value: WorkloadFileNode) throws(WorkloadFileError) -> [String] {
        let names = try list(value)
        for (index, name) in names.enumerated() {
            let isPlain = name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
            guard isPlain, name.utf8.count <= 64 else {
                throw error(
                    value.line,
                    "`mounts` names `\(shown(name))`: a name has letters, digits, `-` and `_`, 64 at most"
                )
            }
            guard names.firstIndex(of: name) == index else {
                throw error(value.line, "`mounts` names `\(name)` twice")
            }
        }
        guard (2...MachineSet.maximumCount).contains(names.count) else {
            throw error(
                value.line,
                "`mounts` must name 2 to \(MachineSet.maximumCount) directories, one for each machine"
            )
        }
        return names
    }

    func requirements(
        _ value: WorkloadFileNode
    ) throws(WorkloadFileError) -> WorkloadFile.Requirements {
        let inner = try fields(of: value, allowed: ["commands", "packages"], in: "requires")
        var requirements = WorkloadFile.Requirements()
        if let commands = inner["commands"] { requirements.commands = try list(commands) }
        if let packages = inner["packages"] { requirements.packages = try list(packages) }
        return requirements
    }

    func under(
        _ value: WorkloadFileNode, known: WorkloadFile.KnownNames
    ) throws(WorkloadFileError) -> [String: Promise] {
        var promises: [String: Promise] = [:]
        for (stack, entry) in try pairs(of: value) {
            try check(stack, kind: "stack", known: known.stacks, line: entry.line)
            promises[stack] = try promise(entry)
        }
        return promises
    }
}
