import FuseMount
import Glibc
import Oracles
import PowerLoss
import Testing
import Workloads

/// The harness tested by its prey: every toy store with a planted bug is caught under the models and on the stacks that its
/// workload names, every correct twin holds.
@Suite(
    "Planted bugs", .serialized, .enabled(if: MountServer.isAvailable && geteuid() == 0),
    .timeLimit(.minutes(10)))
struct PlantedBugTests {
    @Test("each toy comes out as its workload expects", arguments: Self.toys)
    func toy(_ name: String) throws {
        expectAsExpected(try explore(name, alsoOn: Self.isCorrect(name) ? [.torn4096] : []))
    }

    static let toys: [String] =
        ((try? Catalogue(folder: Catalogue.defaultFolder ?? "Workloads"))?.names ?? [])
        .filter { $0.hasPrefix("toy-") && wanted($0) }

    /// Whether the toy is one that keeps its promise on an honest stack by what it does itself.
    static func isCorrect(_ name: String) -> Bool {
        name.hasSuffix("-fixed")
            || ["toy-pages-full-images", "toy-pages-double-write"].contains(name)
    }

    /// `PERJURY_TOYS=a,b` limits the suite to some, for working on them.
    private static func wanted(_ name: String) -> Bool {
        guard let list = getenv("PERJURY_TOYS") else { return true }
        return String(cString: list).split(separator: ",").contains { name == $0 }
    }

    @Test("each stack has a toy that tells it from an honest one; aliases have none")
    func eachStackHasAToy() throws {
        let catalogue = try Catalogue(folder: #require(Catalogue.defaultFolder))
        let expectations = try catalogue.names.filter { $0.hasPrefix("toy-") }.map {
            try catalogue.load($0).file.expect
        }
        for stack in Stack.all where stack != .honest {
            // Broken there and not on an honest stack, or the reverse.
            let isTold = expectations.contains { expect in
                expect.models.contains { model in
                    guard let there = expect.specific["\(model)/\(stack.name)"],
                        let honest = expect.outcome(model: model)
                    else { return false }
                    return (there == .holds) != (honest == .holds)
                }
            }
            #expect(isTold, "no toy tells \(stack.name) from an honest stack")
        }
    }
}
