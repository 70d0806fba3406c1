import Basics
import CSupport
import Glibc
import Reporting
import TestSupport

/// Packs: the manifest's text with its header put right again, or any bytes. What is not refused is what was packed.
final class PackTarget: FuzzTarget {
    private let whole: [UInt8]
    private let manifest: [UInt8]
    private let texts: ByteMutator
    private let bytes: ByteMutator
    private let folder = try! TemporaryFolder()
    private let file = perjury_memory_file("pack")

    init() {
        let place = folder
        let names = [PackManifest.finding, PackManifest.recording, "workload/a/b", "workload/c"]
        for index in names.indices {
            let content = [UInt8](repeating: 7, count: 300 * index)
            try! FileBytes.write(content, to: place.file("\(index)"))
        }
        let path = place.file("pack")
        let output = try! Descriptor(opening: path, O_WRONLY | O_CREAT, mode: 0o600)
        try! PackWriter.write(
            names.enumerated().map { .init(name: $1, path: place.file("\($0)")) },
            PackManifest(
                perjury: "0.1.0", kernel: "Linux",
                programs: [.init(path: "/bin/sh", size: 1, hash: 1)], leftOut: ["x"]),
            to: output)
        whole = try! FileBytes.read(path)
        manifest = Array(whole[512...].prefix { $0 != 0 })
        let words = [
            "..", "/", "../", "workload/", "workload/../", "\\u0000", "finding.json", "end", "{",
            "}", "[", "]", ",", "\"size\": ", "18446744073709551615", "-1", "0", "8589934591",
            "\"path\": \"/etc/x\"", "\"hash\": \"1\"",
        ]
        texts = ByteMutator([manifest], words: words, limit: 3000)
        bytes = ByteMutator([whole], words: words + ["ustar\0" + "00", "\0\0\0\0"], limit: 20_000)
    }

    func mutated(_ random: inout TestRandom) -> [UInt8] {
        guard !random.oneIn(3) else { return bytes.mutated(&random) }
        var archive = TestArchive()
        archive.add(PackManifest.name, texts.mutated(&random))
        return archive.bytes + whole[(512 + (manifest.count + 511) / 512 * 512)...]
    }

    func run(_ input: UnsafeRawBufferPointer) {
        check(ftruncate(file, off_t(input.count)) == 0)
        if let start = input.baseAddress {
            check(pwrite(file, start, input.count, 0) == input.count)
        }
        guard let place = try? TemporaryFolder() else { return check(false, "no folder") }
        mkdir(place.file("in"), 0o700)
        do throws(PackError) {
            _ = try PackReader.unpack("/proc/self/fd/\(file)", into: place.file("in"))
            check(input.elementsEqual(whole), "a pack that was changed is unpacked")
        } catch {
            check(!Escaped.line(error.description).contains("\n"), "more than one line")
        }
        check(namesInFolder(place.path) == ["in"], "something was written outside")
    }
}
