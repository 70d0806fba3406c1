import Basics

/// What kept perjury from its work, in one sentence: what was being done, to what, what to try.
public struct PerjuryError: Error, CustomStringConvertible {
    public let sentence: String

    public var description: String { sentence }

    init(_ sentence: String) { self.sentence = sentence }

    init(unknown kind: String, _ name: String, among known: [String]) {
        self.init(
            "there is no \(kind) `\(name)`" + NearestName.suggestion(for: name, among: known))
    }
}

/// Whatever is thrown becomes a `PerjuryError`.
func translatingErrors<Value>(_ body: () throws -> Value) throws(PerjuryError) -> Value {
    do {
        return try body()
    } catch let error as PerjuryError {
        throw error
    } catch {
        throw PerjuryError("\(error)")
    }
}
