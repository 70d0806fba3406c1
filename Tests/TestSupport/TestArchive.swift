/// A ustar archive made by hand, so that what reads archives can be given any.
package struct TestArchive {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// - Parameters:
    ///   - kind: `0` a file, `1` a hard link, `2` a symbolic link, `5` a folder.
    ///   - link: what a link names.
    package mutating func add(
        _ name: String, _ content: [UInt8] = [], kind: Character = "0", mode: Int = 0o600,
        link: String = "", size: Int? = nil
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) {
            let bytes = Array(text.utf8)
            header.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(name, 0)
        put(octal(mode, 7), 100)
        put(octal(0, 7), 108)
        put(octal(0, 7), 116)
        put(octal(size ?? content.count, 11), 124)
        put(octal(0, 11), 136)
        put(String(kind), 156)
        put(link, 157)
        put("ustar\u{0}00", 257)
        put("        ", 148)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0}", 148)
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    package mutating func end() {
        bytes += [UInt8](repeating: 0, count: 1024)
    }
}
