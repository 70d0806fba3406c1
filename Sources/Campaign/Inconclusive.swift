/// Why nothing more can be found out, in one sentence.
struct Inconclusive: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
