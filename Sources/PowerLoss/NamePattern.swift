/// What names have in common that differ only in numbers and random letters.
package enum NamePattern {
    /// `.git/objects/10/tmp_obj_IOxSOR` becomes `.git/objects/#/tmp_obj_#`.
    package static func of(_ path: String) -> String {
        var result = ""
        var token = ""
        for character in path {
            if "/._- ".contains(character) {
                result += reduced(token)
                result.append(character)
                token = ""
            } else {
                token.append(character)
            }
        }
        return result + reduced(token)
    }

    private static func reduced(_ token: String) -> String {
        let hasDigit = token.contains { $0.isNumber }
        let isHexadecimal = token.allSatisfy { $0.isHexDigit }
        if isHexadecimal && (token.count == 2 || (hasDigit && token.count >= 6)) { return "#" }
        let inner = token.dropFirst()
        let isMixed =
            inner.contains { $0.isUppercase || $0.isNumber } && token.contains { $0.isLowercase }
        // What mkstemp makes: six letters and digits at the least.
        if token.count >= 6 && isMixed && token.contains(where: { $0.isUppercase }) { return "#" }
        if token.count == 6 && token.allSatisfy({ $0.isUppercase || $0.isNumber }) && hasDigit {
            return "#"
        }
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
}
