import PowerLoss
import Testing

/// Dirty pages of shared mappings that were seen before the kernel wrote them.
@Suite("Dirty pages")
struct DirtyPageTests {
    /// What may be there of two pages, tears left out.
    private func pages(_ model: String, _ life: (inout Life) -> Void) -> Set<String> {
        let all = states(
            .named(model)!,
            base: {
                $0.create("f")
                $0.write("f", 0, 8192, "O")
            }, life)
        return all.filter { state in
            state.dropFirst(2).split { $0.isLetter }.allSatisfy { Int($0)! % 4096 == 0 }
        }
    }

    private static let models = ["posix", "ext4-ordered", "ext4-journal", "xfs", "btrfs"]

    private func seen(_ life: inout Life) {
        life.seeDirtyPage("f", 0, "N")
        life.writeBack("f", 4096, "N")
    }

    @Test(
        "one may be there from when it was seen, without what was written later", arguments: models)
    func early(model: String) {
        let pages = pages(model, seen)

        #expect(pages.isSuperset(of: ["f=O8192", "f=N4096O4096", "f=N8192"]))
        #expect(pages.contains("f=O4096N4096"), "nor does what was written later need it")
    }

    @Test("no sync covers it before the kernel writes it", arguments: models + ["in-order"])
    func notCovered(model: String) {
        let pages = pages(model) {
            seen(&$0)
            $0.fdatasync("f")
        }

        #expect(pages == ["f=O4096N4096", "f=N8192"])
    }

    @Test("what the kernel writes takes its place, and syncs cover that", arguments: models)
    func written(model: String) {
        let write: (inout Life) -> Void = {
            seen(&$0)
            $0.fdatasync("f")
            $0.writeBack("f", 0, "M")
        }

        #expect(pages(model, write) == ["f=O4096N4096", "f=M4096N4096"])
        #expect(
            pages(model) {
                write(&$0)
                $0.fdatasync("f")
            } == ["f=M4096N4096"])
    }

    @Test("a page of new blocks stays whole, and its arrival is the allocation", arguments: models)
    func newBlocks(model: String) {
        func names(seesDirtyPage: Bool) -> Set<String> {
            states(
                .named(model)!,
                base: {
                    $0.create("f")
                    $0.truncate("f", 8192)
                },
                {
                    $0.create("g")
                    if seesDirtyPage { $0.seeDirtyPage("f", 0, "N") }
                    $0.writeBack("f", 0, "N")
                    $0.fdatasync("f")
                })
        }

        #expect(names(seesDirtyPage: true) == names(seesDirtyPage: false))
    }
}
