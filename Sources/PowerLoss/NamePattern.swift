/// What names have in common that differ only in numbers and random letters.
package enum NamePattern {
    /// `.git/objects/be/tmp_obj_IOxSOR` becomes `.git/objects/#/tmp_obj_#`.
    package static func of(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).map { name in
            // A directory for the first two digits of a hash.
            if name.count == 2 && name.allSatisfy(\.isHexDigit) { return "#" }
            var result = ""
            var token = ""
            for character in name {
                if "._- ".contains(character) {
                    result += reduced(token)
                    result.append(character)
                    token = ""
                } else {
                    token.append(character)
                }
            }
            return result + reduced(token)
        }.joined(separator: "/")
    }

    private static func reduced(_ token: String) -> String {
        if token.count >= 4 && token.allSatisfy(\.isHexDigit) && token.contains(where: \.isNumber) {
            return "#"
        }
        if isRandom(token) { return "#" }
        var result = ""
        for character in token {
            if !character.isNumber {
                result.append(character)
            } else if result.last != "#" {
                result.append("#")
            }
        }
        return result
    }

    /// What mkstemp makes: six letters and digits. `MyFile`, `README` and `LOG001` are none.
    private static func isRandom(_ token: String) -> Bool {
        guard token.count == 6, token.contains(where: \.isUppercase) else { return false }
        guard let digit = token.firstIndex(where: \.isNumber) else {
            return token.contains(where: \.isLowercase) && !isWords(token)
        }
        return !token[digit...].allSatisfy(\.isNumber)
    }

    /// Whether each word of a name like `MyFile` has two letters or more.
    private static func isWords(_ token: String) -> Bool {
        var lengths: [Int] = []
        for character in token {
            if character.isUppercase || lengths.isEmpty {
                lengths.append(1)
            } else {
                lengths[lengths.count - 1] += 1
            }
        }
        return lengths.allSatisfy { $0 >= 2 }
    }
}
