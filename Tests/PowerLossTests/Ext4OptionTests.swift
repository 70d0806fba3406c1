import PowerLoss
import Testing

/// What kernels left of ext4 with other mount options than the default: each state that was seen has to be allowed.
@Suite("Ext4 options")
struct Ext4OptionTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let base: @Sendable (inout Life) -> Void
        let run: @Sendable (inout Life) -> Void
        /// By model, separated by commas.
        let seen: [String: String]

        var testDescription: String { name }
    }

    private static let none: @Sendable (inout Life) -> Void = { _ in }
    private static let old: @Sendable (inout Life) -> Void = {
        $0.create("f")
        $0.write("f", 0, 8192, "O")
    }

    static let rows = [
        Row(
            name: "P1b creat, write", base: none,
            run: {
                $0.create("f")
                $0.write("f", 0, 8192, "N")
            },
            seen: [
                "ext4-nodelalloc": "-, f=N8192", "ext4-journal": "-, f=N8192",
                "ext4-writeback": "-, f=e, f=N8192, f=G8192, f=N4096G4096",
            ]),
        Row(
            name: "P2 write tmp, rename over f", base: old,
            run: {
                $0.create("t")
                $0.write("t", 0, 8192, "N")
                $0.rename("t", "f")
            },
            seen: [
                "ext4-noauto-da-alloc": "f=O8192, f=e, f=Z8192, f=N8192",
                "ext4-nodelalloc": "f=O8192, f=N8192", "ext4-journal": "f=O8192, f=N8192",
                "ext4-writeback": "f=O8192, f=N8192, f=G8192",
            ]),
        Row(
            name: "P2b write tmp, rename to a new name", base: none,
            run: {
                $0.create("t")
                $0.write("t", 0, 8192, "N")
                $0.rename("t", "g")
            },
            seen: [
                "ext4-journal": "-, g=N8192, t=N8192",
                "ext4-writeback": "-, g=e, g=Z8192, g=N8192, g=G8192",
            ]),
        Row(
            name: "P3 append to 5000 bytes",
            base: {
                $0.create("f")
                $0.write("f", 0, 5000, "O")
            },
            run: { $0.append("f", 6000, "N") },
            seen: [
                "ext4-nodelalloc":
                    "f=O5000, f=O5000N3192, f=O5000Z3192, f=O5000N6000, f=O5000Z3192N2808",
                "ext4-journal": "f=O5000, f=O5000N6000",
                "ext4-writeback":
                    "f=O5000, f=O5000N3192, f=O5000Z3192, f=O5000N6000, f=O5000N3192Z2808",
            ]),
        Row(
            name: "P5 truncate, write", base: old,
            run: {
                $0.truncate("f", 0)
                $0.write("f", 0, 8192, "N")
            },
            seen: [
                "ext4-noauto-da-alloc": "f=O8192, f=e, f=Z8192, f=N8192",
                "ext4-nodelalloc": "f=O8192, f=N8192", "ext4-journal": "f=O8192, f=N8192",
                "ext4-writeback": "f=O8192, f=N8192, f=G8192",
            ]),
        Row(
            name: "P7b overwrite block 0, then block 1", base: old,
            run: {
                $0.write("f", 0, 4096, "N")
                $0.write("f", 4096, 4096, "M")
            },
            seen: [
                "ext4-journal": "f=O8192, f=N4096O4096, f=N4096M4096",
                "ext4-writeback": "f=O8192, f=N4096O4096, f=O4096M4096, f=N4096M4096",
            ]),
    ]

    @Test("what was seen is allowed", arguments: rows)
    func seen(row: Row) {
        for (name, text) in row.seen {
            let allowed = states(.named(name)!, .torn4096, base: row.base, row.run)
            for state in text.split(separator: ", ") {
                #expect(allowed.contains(String(state)), "\(name)")
            }
            print("\(row.name), \(name): \(allowed.count) states allowed")
        }
    }

    @Test(
        "data=journal: data does not overtake, and a sync brings the data of other files before it")
    func journal() {
        let overwritten = states(.ext4Journal, .honest, base: Self.old) {
            $0.write("f", 0, 4096, "N")
            $0.write("f", 4096, 4096, "M")
        }
        let synced = states(.ext4Journal) {
            $0.create("a")
            $0.write("a", 0, 4096, "N")
            $0.create("b")
            $0.write("b", 0, 4096, "N")
            $0.fsync("b")
        }

        #expect(overwritten == ["f=O8192", "f=N4096O4096", "f=N4096M4096"])
        #expect(synced == ["a=N4096 b=N4096"])
    }
}
