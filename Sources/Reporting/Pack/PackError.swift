/// Why a pack cannot be written or used; one sentence.
package struct PackError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }

    /// Whatever was meant, this is not what was packed.
    static func damaged(_ what: String) -> PackError {
        PackError("it was cut short or changed: \(what); pack the finding again")
    }
}
