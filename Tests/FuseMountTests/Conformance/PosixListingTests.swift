import CTestSupport
import FileTree
import FuseMount
import Glibc
import TestSupport
import Testing

import struct SystemPackage.Errno

extension MountTests {
    @Suite("POSIX: listings", .serialized)
    struct PosixListings {
        @Test("names that stay are listed once while others come and go", arguments: Place.allCases)
        func changing(place: Place) throws {
            try place.run { (at) throws in
                let staying = (0..<1500).map { "stay-\($0)" }
                for name in staying { try withFile(at[name]) { _ in } }
                for number in 0..<500 { try withFile(at["go-\(number)"]) { _ in } }
                let directory = try #require(opendir(at.path))
                defer { closedir(directory) }

                var seen: [String: Int] = [:]
                var step = 0
                while let entry = readdir(directory) {
                    seen[nameOf(entry), default: 0] += 1
                    if step < 500 {
                        try check(unlink(at["go-\(499 - step)"]))
                        try withFile(at["come-\(step)"]) { _ in }
                    }
                    step += 1
                }

                #expect(staying.allSatisfy { seen[$0] == 1 })
                #expect(seen.values.allSatisfy { $0 == 1 })
                let left = staying + (0..<500).map { "come-\($0)" }
                #expect(try names(at.path) == left.sorted())
            }
        }

        @Test("seekdir comes back to where telldir was", arguments: Place.allCases)
        func positions(place: Place) throws {
            try place.run { (at) throws in
                for number in 0..<300 { try withFile(at["\(number)"]) { _ in } }
                let directory = try #require(opendir(at.path))
                defer { closedir(directory) }
                var order: [(position: Int, name: String)] = []
                while true {
                    let position = telldir(directory)
                    guard let entry = readdir(directory) else { break }
                    order.append((position, nameOf(entry)))
                }
                #expect(order.count == 302)
                for index in [250, 3, 101, 0, 301, 57] {
                    seekdir(directory, order[index].position)
                    #expect(readdir(directory).map(nameOf) == order[index].name)
                }
            }
        }

        @Test("kinds and inode numbers are those of lstat", arguments: Place.allCases)
        func kinds(place: Place) throws {
            try place.run { (at) throws in
                for number in 0..<600 {
                    let path = at["\(number)"]
                    switch number % 4 {
                    case 0: try withFile(path) { _ in }
                    case 1: try check(mkdir(path, 0o755))
                    case 2: try check(symlink("x", path))
                    default: try check(mkfifo(path, 0o644))
                    }
                }
                for _ in 0..<2 {
                    let directory = try #require(opendir(at.path))
                    defer { closedir(directory) }
                    var count = 0
                    while let entry = readdir(directory) {
                        let name = nameOf(entry)
                        guard name != ".." else { continue }
                        let now = try #require(status(at[name]))
                        #expect(UInt64(entry.pointee.d_ino) == UInt64(now.st_ino))
                        #expect(UInt32(entry.pointee.d_type) == (now.st_mode & S_IFMT) >> 12)
                        count += 1
                    }
                    #expect(count == 601)
                }
            }
        }

        @Test("getdents64 with hardly any room", arguments: Place.allCases)
        func smallBuffers(place: Place) throws {
            try place.run { (at) throws in
                let long = String(repeating: "n", count: 255)
                for name in ["a", "b", long] { try withFile(at[name]) { _ in } }
                let directory = open(at.path, O_RDONLY)
                defer { close(directory) }
                var bytes = [UInt8](repeating: 0, count: 280)
                #expect(failure(list(directory, &bytes, 8)) == .invalidArgument)
                var count = 0
                while try check(list(directory, &bytes, 280)) > 0 { count += 1 }
                #expect(count >= 2)
            }
        }
    }
}

private func list(_ directory: CInt, _ bytes: inout [UInt8], _ room: Int) -> Int {
    bytes.withUnsafeMutableBytes {
        system(
            SYS_getdents64, Int(directory), pointer(UnsafeRawPointer($0.baseAddress!)), room)
    }
}
