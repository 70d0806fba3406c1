import Oracles
import PowerLoss

/// Why a file is no finding; one sentence.
package struct FindingFileError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension FindingFile {
    /// Reads a finding's file.
    package init(parsing bytes: [UInt8]) throws(FindingFileError) {
        let json: JSON
        do {
            json = try JSON(parsing: bytes)
        } catch {
            throw FindingFileError("it is not JSON: \(error)")
        }
        guard case .object(let members) = json, let format = json["perjuryFinding"] else {
            throw FindingFileError("it is not a perjury finding")
        }
        guard format == .number(Self.format) else {
            throw FindingFileError(
                "it is a finding of another format; this perjury reads format "
                    + "\(Self.format)")
        }
        let known: Set = [
            "perjuryFinding", "perjury", "workload", "folder", "commands", "recording", "model",
            "stack", "seed", "plan", "violation", "fingerprint", "acknowledged", "seen", "summary",
            "lost",
            "advice", "fault", "treeHash", "modelRules", "stackRules", "ending", "recoveries",
        ]
        if let other = members.first(where: { !known.contains($0.name) }) {
            throw FindingFileError(
                "its member \(JSON.quoted(String(other.name.prefix(40)))) is unknown")
        }
        let reader = Reader(json: json, place: "")
        self.init(
            workload: try reader.path("workload"), folder: try reader.path("folder"),
            commands: try Self.commands(json["commands"]), recording: try reader.path("recording"),
            model: try reader.string("model"), stack: try reader.string("stack"),
            seed: try reader.number("seed"), plan: try Self.plan(json["plan"]),
            kind: try Self.kind(reader), try Self.story(json, reader),
            treeHash: try Self.treeHash(json["treeHash"]),
            ownModel: try Self.rules(json, "modelRules"),
            ownStack: try Self.rules(json, "stackRules"), ending: try Self.ending(json["ending"]))
        recoveries = try Self.recoveries(json["recoveries"])
        fingerprint = try Self.fingerprint(json["fingerprint"])
        guard folder.utf8.first == UInt8(ascii: "/") else {
            throw FindingFileError("its `folder` is not an absolute path")
        }
    }

    private static func story(_ json: JSON, _ reader: Reader) throws(FindingFileError) -> Story {
        Story(
            acknowledged: try reader.number("acknowledged"), seen: try reader.number("seen"),
            summary: try reader.string("summary"), lost: try reader.strings("lost"),
            advice: try reader.string("advice"),
            fault: json["fault"] == nil ? nil : try reader.string("fault"))
    }

    private static func recoveries(_ json: JSON?) throws(FindingFileError) -> [Recovery] {
        guard let json else { return [] }
        guard case .array(let items) = json, !items.isEmpty else {
            throw FindingFileError("its `recoveries` is not a list, or is empty")
        }
        var result: [Recovery] = []
        for item in items {
            let reader = Reader(json: item, place: "recoveries.")
            guard let hash = try treeHash(item["treeHash"]) else {
                throw FindingFileError("its `recoveries.treeHash` is missing")
            }
            result.append(
                Recovery(
                    recording: try reader.path("recording"), plan: try plan(item["plan"]),
                    treeHash: hash))
        }
        return result
    }

    private static func fingerprint(_ json: JSON?) throws(FindingFileError) -> Fingerprint? {
        guard let json, json != .null else { return nil }
        guard case .string(let text) = json, let fingerprint = Fingerprint(text) else {
            throw FindingFileError("its `fingerprint` is not one")
        }
        return fingerprint
    }

    private static func ending(_ json: JSON?) throws(FindingFileError) -> Ending {
        guard let json else { return .powerLoss }
        guard case .string(let text) = json, let ending = Ending(rawValue: text) else {
            throw FindingFileError("its `ending` is unknown")
        }
        return ending
    }

    private static func rules(_ json: JSON, _ name: String) throws(FindingFileError) -> RuleFields?
    {
        guard let rules = json[name] else { return nil }
        guard case .object(let members) = rules else {
            throw FindingFileError("its `\(name)` is not an object")
        }
        let reader = Reader(json: rules, place: "\(name).")
        var fields: [RuleFields.Field] = []
        for member in members {
            fields.append(.init(member.name, try reader.string(member.name)))
        }
        return RuleFields(fields)
    }

    private static func commands(_ json: JSON?) throws(FindingFileError) -> Commands? {
        guard let json, json != .null else { return nil }
        let reader = Reader(json: json, place: "commands.")
        var commands = Commands(
            run: try reader.path("run"), observe: try reader.path("observe"),
            promise: try reader.string("promise"))
        func optional(_ name: String) throws(FindingFileError) -> String? {
            json[name] == nil ? nil : try reader.path(name)
        }
        commands.setup = try optional("setup")
        commands.server = try optional("server")
        commands.ready = try optional("ready")
        commands.timeout = try optional("timeout")
        if json["environment"] != nil { commands.environment = try reader.strings("environment") }
        return commands
    }

    /// The value of `plan`.
    package static func plan(_ json: JSON?) throws(FindingFileError) -> CrashPlan {
        guard let json else { throw FindingFileError("its `plan` is missing") }
        let reader = Reader(json: json, place: "plan.")
        var lost: [EffectID] = []
        for text in try reader.strings("lost") { lost.append(try effect(text)) }
        var torn: [CrashPlan.TornEffect] = []
        for item in try reader.array("torn") {
            let tear = Reader(json: item, place: "plan.torn.")
            let kept: Int = try tear.number("kept")
            guard (0...255).contains(kept) else {
                throw FindingFileError("its `plan.torn.kept` is not below 256")
            }
            torn.append(
                .init(
                    effect: try effect(try tear.string("effect")), kept: UInt8(kept),
                    damage: try damage(item, tear)))
        }
        let named = lost + torn.map(\.effect)
        guard Set(named).count == named.count else {
            throw FindingFileError("its `plan` names an effect twice")
        }
        var showsStale = false
        if let stale = json["showsStale"] {
            guard case .bool(let value) = stale else {
                throw FindingFileError("its `plan.showsStale` is neither true nor false")
            }
            showsStale = value
        }
        return CrashPlan(
            crashPoint: try reader.number("crashPoint"), lost: lost, torn: torn,
            showsStale: showsStale)
    }

    private static func damage(
        _ json: JSON, _ tear: Reader
    ) throws(FindingFileError) -> CrashPlan.Damage? {
        guard json["damaged"] != nil || json["fill"] != nil else { return nil }
        let units: Int = try tear.number("damaged")
        guard (1...255).contains(units) else {
            throw FindingFileError("its `plan.torn.damaged` is not from 1 to 255")
        }
        guard let fill = CrashPlan.Fill(rawValue: try tear.string("fill")) else {
            throw FindingFileError("its `plan.torn.fill` is neither zero nor garbage")
        }
        return .init(units: UInt8(units), fill: fill)
    }

    private static func effect(_ text: String) throws(FindingFileError) -> EffectID {
        guard let id = EffectID(text), id.description == text else {
            throw FindingFileError(
                "its `plan` names \(JSON.quoted(String(text.prefix(40)))), where an "
                    + "effect like \"409.1\" belongs")
        }
        return id
    }

    private static func kind(_ reader: Reader) throws(FindingFileError) -> ViolationKind {
        let text = try reader.string("violation")
        guard let kind = ViolationKind(rawValue: text) else {
            throw FindingFileError(
                "its `violation` \(JSON.quoted(String(text.prefix(40)))) is unknown")
        }
        return kind
    }

    private static func treeHash(_ json: JSON?) throws(FindingFileError) -> UInt64? {
        guard let json, json != .null else { return nil }
        guard case .string(let text) = json, text.utf8.count == 16,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let hash = UInt64(text, radix: 16)
        else {
            throw FindingFileError(
                "its `treeHash` is not 16 lower-case hexadecimal digits")
        }
        return hash
    }

    /// The members of one object.
    private struct Reader {
        let json: JSON
        let place: String

        private func value(_ name: String) throws(FindingFileError) -> JSON {
            guard let value = json[name] else {
                throw FindingFileError("its `\(place)\(name)` is missing")
            }
            return value
        }

        private func wrong(_ name: String, _ what: String) -> FindingFileError {
            FindingFileError("its `\(place)\(name)` is not \(what)")
        }

        func string(_ name: String) throws(FindingFileError) -> String {
            guard case .string(let text) = try value(name) else { throw wrong(name, "a text") }
            return text
        }

        /// A text that is handed to the system: not empty, no NUL.
        func path(_ name: String) throws(FindingFileError) -> String {
            let text = try string(name)
            guard !text.isEmpty, !text.utf8.contains(0) else {
                throw wrong(name, "a text without NUL that has at least one character")
            }
            return text
        }

        func array(_ name: String) throws(FindingFileError) -> [JSON] {
            guard case .array(let values) = try value(name) else { throw wrong(name, "a list") }
            return values
        }

        func strings(_ name: String) throws(FindingFileError) -> [String] {
            var texts: [String] = []
            for value in try array(name) {
                guard case .string(let text) = value else { throw wrong(name, "a list of texts") }
                texts.append(text)
            }
            return texts
        }

        func number<Number: FixedWidthInteger>(_ name: String) throws(FindingFileError) -> Number {
            guard case .integer(let value) = try value(name), value >= 0,
                let number = Number(exactly: value)
            else { throw wrong(name, "a whole number that is not negative") }
            return number
        }
    }
}
