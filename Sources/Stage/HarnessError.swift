/// Why the harness could not find something out: what was being done, to what, and what to try. One sentence or two.
package struct HarnessError: Error, CustomStringConvertible, Sendable {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
