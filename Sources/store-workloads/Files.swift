import Glibc
import WorkloadMarks

/// An open file. The syncs stand alone, so that a store's text shows which it makes.
struct File {
    let descriptor: Int32
    let path: String

    /// Opens an existing file for reading and writing.
    init(path: String) throws { try self.init(path: path, flags: O_RDWR) }

    /// Makes a new file; a file that has the name already is an error.
    init(creating path: String) throws {
        try self.init(path: path, flags: O_RDWR | O_CREAT | O_EXCL)
    }

    private init(path: String, flags: Int32) throws {
        descriptor = open(path, flags | O_CLOEXEC, 0o644)
        self.path = path
        if descriptor < 0 { throw StoreError(call: "open", path: path) }
    }

    func size() throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StoreError(call: "fstat", path: path) }
        return Int(status.st_size)
    }

    func contents() throws -> [UInt8] { try bytes(at: 0, count: size()) }

    /// At most `count` bytes: fewer where the file ends before.
    func bytes(at offset: Int, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + done, count - done, off_t(offset + done))
            }
            if got < 0 { throw StoreError(call: "pread", path: path) }
            if got == 0 { break }
            done += got
        }
        return Array(bytes.prefix(done))
    }

    /// One `pwrite`.
    func write(_ bytes: [UInt8], at offset: Int) throws {
        guard pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count else {
            throw StoreError(call: "pwrite", path: path)
        }
    }

    func truncate(to size: Int) throws {
        guard ftruncate(descriptor, off_t(size)) == 0 else {
            throw StoreError(call: "ftruncate", path: path)
        }
    }

    func sync() throws {
        guard fsync(descriptor) == 0 else { throw StoreError(call: "fsync", path: path) }
    }

    func dataSync() throws {
        guard fdatasync(descriptor) == 0 else { throw StoreError(call: "fdatasync", path: path) }
    }

    func close() throws {
        guard Glibc.close(descriptor) == 0 else { throw StoreError(call: "close", path: path) }
    }
}

func makeDirectory(_ path: String) throws {
    guard mkdir(path, 0o755) == 0 else { throw StoreError(call: "mkdir", path: path) }
}

/// The entries of a directory in the order of their names, without `.` and `..`.
func names(in directory: String) throws -> [String] {
    guard let stream = opendir(directory) else {
        throw StoreError(call: "opendir", path: directory)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Makes the entries of a directory durable.
func syncDirectory(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor < 0 { throw StoreError(call: "open", path: path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw StoreError(call: "fsync", path: path) }
}

func renameFile(_ source: String, to destination: String) throws {
    guard rename(source, destination) == 0 else {
        throw StoreError(call: "rename \(source) to", path: destination)
    }
}

func removeFile(_ path: String) throws {
    guard unlink(path) == 0 else { throw StoreError(call: "unlink", path: path) }
}

/// A left-over may share its inode with a live file (a rename of which only the new name reached the
/// disk), so it is unlinked, never truncated and written again.
func removeLeftOver(_ path: String) throws {
    if unlink(path) != 0 && errno != ENOENT { throw StoreError(call: "unlink", path: path) }
}

/// Writes `bytes` to a new file; a left-over of that name goes first.
func writeNewFile(_ path: String, _ bytes: [UInt8], synced: Bool) throws {
    try removeLeftOver(path)
    let file = try File(creating: path)
    try file.write(bytes, at: 0)
    if synced { try file.sync() }
    try file.close()
}

/// The bytes of the file at `path`.
func contents(ofFile path: String) throws -> [UInt8] {
    let file = try File(path: path)
    let bytes = try file.contents()
    try file.close()
    return bytes
}

extension Array where Element == UInt8 {
    func ends(with suffix: [UInt8]) -> Bool { self.suffix(suffix.count).elementsEqual(suffix) }
}
