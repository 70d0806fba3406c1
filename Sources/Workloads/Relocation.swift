/// A workload's folder that lies elsewhere than when its run was recorded.
package struct Relocation: Hashable, Sendable {
    package let from: String
    package let to: String

    /// - Parameters: absolute paths, without a slash at their end.
    package init(from: String, to: String) {
        self.from = from
        self.to = to
    }

    package var reversed: Relocation { Relocation(from: to, to: from) }

    /// The text with the folder's path changed wherever it stands for that folder or for something in it, not where it is
    /// a part of another path.
    package func moved(_ text: String) -> String {
        guard from != to, from != "/" else { return text }
        var result = ""
        var rest = text[...]
        while let found = rest.firstRange(of: from) {
            let before =
                found.lowerBound == text.startIndex
                ? nil : text[text.index(before: found.lowerBound)]
            let after = rest[found.upperBound...].first
            let isWhole =
                !Self.belongsToPath(before) && (after == "/" || !Self.belongsToPath(after))
            result += rest[..<found.lowerBound] + (isWhole ? to : from)
            rest = rest[found.upperBound...]
        }
        return result + rest
    }

    private static func belongsToPath(_ character: Character?) -> Bool {
        guard let character else { return false }
        return character.isLetter || character.isNumber || "/._-+~@%".contains(character)
    }
}

extension WorkloadIdentity {
    /// As it would be if the workload's folder were there.
    package func moved(_ relocation: Relocation) -> WorkloadIdentity {
        WorkloadIdentity(text: relocation.moved(text))
    }

    /// Both together.
    package func adding(_ other: WorkloadIdentity) -> WorkloadIdentity {
        WorkloadIdentity(text: "\(text)\n\(other.text)")
    }
}

extension Workload {
    /// The same workload, with commands and variables that name its folder by where it was naming where it is.
    package func moved(_ relocation: Relocation) -> Workload {
        var moved = self
        let words = { (words: [String]) in words.map(relocation.moved) }
        moved.file.run = words(file.run)
        moved.file.setup = file.setup.map(words)
        moved.file.observer =
            switch file.observer {
            case .command(let command): .command(words(command))
            case .serve(let command): .serve(words(command))
            case .check(let command): .check(words(command))
            }
        moved.file.server = file.server.map {
            .init(command: words($0.command), ready: $0.ready.map(words), stop: $0.stop.map(words))
        }
        moved.file.environment = file.environment.map {
            var variable = $0
            variable.value = $0.value.map(relocation.moved)
            return variable
        }
        return moved
    }
}
