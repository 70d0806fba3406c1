import Basics
import FuseMount
import Glibc
import PowerLoss
import Recording
import Reporting
import Workloads

/// What a command answers: when it does, its effect has happened.
package struct ControlAnswer: Sendable {
    package var isDone: Bool
    package var text: String
    package var json: JSON

    init(_ text: String, _ json: JSON = .null) {
        isDone = true
        self.text = text
        self.json = json
    }

    init(refused sentence: String) {
        isDone = false
        text = sentence
        json = .null
    }
}

extension HandMount {
    /// Does one command.
    ///
    /// - Parameters:
    ///   - isGone: whether who asked has gone; then nobody waits any more.
    ///   - quit: called for `quit`, before the answer is given.
    package func answer(
        _ words: [String], isGone: () -> Bool = { false }, quit: () -> Void = {}
    ) -> ControlAnswer {
        do {
            let command = try Command(words)
            switch command {
            case .wait(let id, let seconds): return try wait(id, seconds, isGone)
            case .quit:
                let text = summary
                quit()
                return ControlAnswer(text)
            default: return try commands.hold { try perform(command) }
            }
        } catch let refusal as Refusal {
            return ControlAnswer(refused: refusal.sentence)
        } catch {
            return ControlAnswer(refused: "it could not be done: \(error)")
        }
    }

    /// What was done, and what was armed in vain.
    package var summary: String { locked { $0.summary } }

    private func perform(_ command: Command) throws -> ControlAnswer {
        switch command {
        case .pending:
            let report = try PendingReport(snapshot().recording, options.model, options.stack)
            return ControlAnswer(report.text, report.json)
        case .cut(let kind):
            let cut = try cut(kind)
            return ControlAnswer(cut.text, cut.json)
        case .arm(let action, let moment, let operations, let glob, let number):
            let armed = locked { $0.arm(action, moment, operations, glob, number) }
            return ControlAnswer(
                "armed \(armed.id): \(armed.text)", .object([.init("id", .number(armed.id))]))
        case .disarm(let id): return try disarm(id)
        case .lie(let isOn): return try lie(isOn)
        case .fault(let effect, let operations, let glob, let occurrence):
            let id = locked { $0.faults.add(effect, operations, glob, occurrence) }
            return ControlAnswer(
                "fault \(id): \(effect) \(operations) \(glob) \(occurrence)",
                .object([.init("id", .number(id))]))
        case .faults: return faults()
        case .clearFault(let id):
            guard locked({ $0.faults.remove(id) }) else {
                throw Refusal("there is no fault \(id ?? 0)")
            }
            return ControlAnswer(id.map { "fault \($0) is gone" } ?? "all faults are gone")
        case .evict(let path): return try evict(path)
        case .checkpoint: return try checkpoint()
        case .log(let limit): return try log(limit)
        case .save(let folder): return try save(folder)
        case .wait, .quit: preconditionFailure("answered before")
        }
    }

    private func disarm(_ id: Int?) throws -> ControlAnswer {
        let gone = locked { session in
            let gone = session.armed.filter { $0.isWaiting && (id == nil || $0.id == id) }
            session.armed.removeAll { $0.isWaiting && (id == nil || $0.id == id) }
            return gone
        }
        guard !gone.isEmpty || id == nil else { throw Refusal("nothing is armed as \(id ?? 0)") }
        condition.hold { condition.signal() }
        let text = gone.map { "disarmed \($0.id): \($0.text); \($0.matched) matches came" }
        return ControlAnswer(
            text.isEmpty ? "nothing was armed" : text.joined(separator: "\n"),
            .object([.init("disarmed", .array(gone.map { .number($0.id) }))]))
    }

    // MARK: Waiting

    /// Waits until what was armed has fired and has had its effect.
    private func wait(_ id: Int?, _ seconds: Double?, _ isGone: () -> Bool) throws -> ControlAnswer
    {
        let deadline = seconds.map { MonotonicClock.seconds + $0 }
        while true {
            if let answer = try fired(id) { return answer }
            if hasEnded { throw Refusal("the mount has ended") }
            if isGone() { throw Refusal("nobody waits any more") }
            if let deadline, MonotonicClock.seconds >= deadline {
                throw Refusal(
                    "nothing has fired in time:\n" + locked { $0.summary })
            }
            condition.hold { condition.wait() }
        }
    }

    private func fired(_ id: Int?) throws -> ControlAnswer? {
        try locked { session in
            var isAnyLeft = false
            for index in session.armed.indices {
                let armed = session.armed[index]
                guard id.map({ $0 == armed.id }) ?? !armed.isTold else { continue }
                isAnyLeft = true
                guard case .done(let text, let cut) = armed.state else { continue }
                session.armed[index].isTold = true
                var members: [JSON.Member] = [
                    .init("id", .number(armed.id)), .init("armed", .string(armed.text)),
                ]
                if let cut { members.append(.init("cut", cut.json)) }
                return ControlAnswer(
                    "fired \(armed.id): \(armed.text)\n\(Escaped.lines(text).joined(separator: "\n"))",
                    .object(members))
            }
            guard isAnyLeft else {
                throw Refusal(
                    id.map { "nothing is armed as \($0)" } ?? "nothing is armed to wait for")
            }
            return nil
        }
    }

    // MARK: Lies, faults, checkpoints

    private func lie(_ isOn: Bool?) throws -> ControlAnswer {
        guard let isOn else {
            let now = locked { $0.isLying }
            return ControlAnswer("the drive \(now ? "lies" : "is honest")")
        }
        try betweenRequests { session, _ in session.setLying(isOn) }
        return ControlAnswer(
            isOn
                ? "from now on syncs are answered and cover nothing"
                : "from now on syncs are honest; what was lied about is covered by the next one only"
        )
    }

    private func faults() -> ControlAnswer {
        let (rules, armed) = locked { ($0.faults.rules, $0.armed) }
        let lines =
            rules.map { "fault \($0.id): \($0); matched \($0.matched), fired \($0.fired)" }
            + armed.filter(\.isWaiting).map {
                "armed \($0.id): \($0.text); \($0.matched) matches came"
            }
        return ControlAnswer(
            lines.isEmpty
                ? "there are no faults, and nothing is armed"
                : lines.joined(separator: "\n"),
            .object([
                .init(
                    "faults",
                    .array(
                        rules.map {
                            .object([
                                .init("id", .number($0.id)), .init("rule", .string("\($0)")),
                                .init("matched", .number($0.matched)),
                                .init("fired", .number($0.fired)),
                            ])
                        }))
            ]))
    }

    /// Makes everything durable, whatever the drive does with the program's syncs.
    private func checkpoint() throws -> ControlAnswer {
        let count = try betweenRequests { _, writer in
            try writer.append(.operation(.sync(.everything)))
            return writer.offsets.count
        }
        return ControlAnswer("everything of the \(count) records until now is durable")
    }

    // MARK: The log

    private func log(_ limit: Int) throws -> ControlAnswer {
        let (recording, session) = snapshot()
        let lines = try LogText(
            recording, max(0, recording.count - limit)..<recording.count
        ).lines
        let head = "life \(session.life): \(recording.count) records"
        return ControlAnswer(
            ([head] + lines).joined(separator: "\n"),
            .object([
                .init("life", .number(session.life)), .init("records", .strings(lines)),
            ]))
    }

    /// Writes the recording of this life, and that of the life before with the plan by which it ended.
    private func save(_ folder: String) throws -> ControlAnswer {
        guard folder.hasPrefix("/") else { throw Refusal("save takes an absolute path") }
        var status = stat()
        let parent = folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? ""
        guard stat(parent.isEmpty ? "/" : parent, &status) == 0 else {
            throw Refusal("there is no folder \(parent)")
        }
        guard status.st_dev != device else {
            throw Refusal("\(folder) lies in the mount itself: name a folder elsewhere")
        }
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST, isFolder(folder) else {
            throw Refusal("the folder \(folder) cannot be made")
        }
        guard stat(folder, &status) == 0, status.st_dev != device else {
            throw Refusal("\(folder) is the mount itself: name a folder elsewhere")
        }
        let (recording, session) = snapshot()
        var names = ["life-\(session.life).perjury"]
        try recording.save(to: "\(folder)/\(names[0])")
        if let previous = session.previous {
            let stem = "life-\(session.life - 1)"
            try previous.recording.save(to: "\(folder)/\(stem).perjury")
            let plan = JSON.object([
                .init("model", .string(options.model.name)),
                .init("stack", .string(options.stack.name)), .init("plan", previous.plan.json),
            ])
            try Self.write(plan.text, to: "\(folder)/\(stem).plan.json")
            names += ["\(stem).perjury", "\(stem).plan.json"]
        }
        return ControlAnswer(
            "saved \(names.joined(separator: ", ")) in \(folder)",
            .object([.init("files", .strings(names))]))
    }

    private static func write(_ text: String, to path: String) throws {
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW
        guard let file = try? Descriptor(opening: path, flags, mode: 0o600) else {
            throw Refusal("\(path) cannot be written")
        }
        guard (try? file.writeAll(text)) != nil else {
            throw Refusal("\(path) cannot be written whole")
        }
    }
}
