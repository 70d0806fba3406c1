import CFuse
import FileTree
import Glibc
import Recording

import struct SystemPackage.Errno

/// Looks at what the page cache holds of files with shared mappings.
///
/// The kernel may write a dirty page of a mapping at any moment, and tells the filesystem nothing of it before it does. But a
/// filesystem may ask for pages that are in the cache. So before the write-back of a mapped page is recorded, and before each
/// fsync, the request waits while all cached pages of the files that were written through mappings are fetched. A page that
/// differs from the file is dirty: what it holds is recorded ahead of the request, as something that may have been written
/// from now on. What a page held between two looks, and files of which no mapped page has been written back yet, are not
/// known.
final class DirtyPages {
    private let device: CInt
    private unowned let service: TreeService
    /// Files that the kernel has written back mapped pages of.
    private var files: Set<InodeNumber> = []
    private var looks: [UInt64: Look] = [:]
    private var latest: UInt64 = 0
    private var isComplete = true

    /// A request that waits, and what is still to be fetched before it is answered.
    final class Look {
        let request: UnsafeMutableRawBufferPointer
        /// What the request itself writes back.
        fileprivate let own: (inode: InodeNumber, range: Range<UInt64>)?
        fileprivate var files: [InodeNumber]
        /// Where to go on in the last of them.
        fileprivate var offset: UInt64 = 0
        fileprivate var asked: UInt64 = 0

        fileprivate init(
            _ request: borrowing ReceivedRequest, _ size: Int, _ files: [InodeNumber],
            own: (inode: InodeNumber, range: Range<UInt64>)?
        ) {
            self.request = .allocate(byteCount: size, alignment: 16)
            self.request.copyMemory(
                from: UnsafeRawBufferPointer(start: request.start, count: size))
            self.files = files
            self.own = own
        }

        deinit {
            request.deallocate()
        }
    }

    /// Of one file; what is longer is not looked at.
    static let longest: UInt64 = 16 << 20

    init(device: CInt, _ service: TreeService) {
        self.device = device
        self.service = service
    }

    /// - Parameter size: of the request, in bytes.
    /// - Returns: what there is to look at before the request, for `ask`; nil where there is nothing.
    func look(before request: borrowing ReceivedRequest, _ size: Int) -> Look? {
        let header = request.header
        let number = InodeNumber(header.nodeid)
        guard HiddenFile(number) == nil else { return nil }
        var own: (inode: InodeNumber, range: Range<UInt64>)?
        switch header.opcode {
        case Self.write:
            let write = request.load(as: fuse_write_in.self)
            let (end, overflow) = write.offset.addingReportingOverflow(UInt64(write.size))
            guard write.write_flags & UInt32(FUSE_WRITE_CACHE) != 0, !overflow else { return nil }
            files.insert(number)
            own = (number, write.offset..<end)
        case Self.sync:
            break
        default:
            return nil
        }
        files = files.filter { service.tree[$0] != nil }
        return files.isEmpty ? nil : Look(request, size, files.sorted(), own: own)
    }

    private static let write: UInt32 = 16
    private static let sync: UInt32 = 20
    /// The opcode of what the kernel answers.
    static let reply: UInt32 = 41

    /// Takes pages that were asked for.
    ///
    /// - Returns: the look that has waited for them, when its request need wait no longer.
    func take(_ reply: consuming ReceivedRequest, _ size: Int) -> Look? {
        guard let look = looks.removeValue(forKey: reply.header.unique), let file = look.files.last
        else { return nil }
        let start = MemoryLayout<fuse_in_header>.size + MemoryLayout<fuse_notify_retrieve_in>.size
        let pages = Array(UnsafeRawBufferPointer(start: reply.start, count: size).dropFirst(start))
        // Where they were, records are written now.
        _ = consume reply
        for first in stride(from: 0, to: pages.count, by: Block.size) {
            let place = look.offset + UInt64(first)
            if let own = look.own, own.inode == file, own.range.contains(place) { continue }
            note(pages[first..<min(first + Block.size, pages.count)], of: file, at: place)
        }
        // The kernel ends before the first page that it does not have. The last page of a file may be short.
        let seen = UInt64(pages.count + Block.size - 1) / UInt64(Block.size)
        let isCut = UInt64(pages.count) < look.asked
        look.offset += (seen + (isCut ? 1 : 0)) * UInt64(Block.size)
        return ask(look) ? nil : look
    }

    /// Asks for the next pages.
    ///
    /// - Returns: false when there are no more, and the request need not wait.
    func ask(_ look: Look) -> Bool {
        while let file = look.files.last {
            let size = service.tree[file]?.content.size ?? 0
            if size > Self.longest { giveUp() }
            if look.offset < size, size <= Self.longest {
                look.asked = min(size - look.offset, UInt64(TreeService.maximumTransfer))
                latest += 1
                if Notifications(device: device).fetch(
                    service.node(file, isDirectory: false), at: look.offset,
                    length: UInt32(look.asked), number: latest)
                {
                    looks[latest] = look
                    return true
                }
            }
            look.files.removeLast()
            look.offset = 0
        }
        return false
    }

    /// Records what is in the cache and not in the file.
    private func note(_ page: ArraySlice<UInt8>, of number: InodeNumber, at offset: UInt64) {
        guard !service.isFrozen, service.growthError == nil,
            let content = service.tree[number]?.content, offset + UInt64(page.count) <= content.size
        else { return }
        let range = offset..<offset + UInt64(page.count)
        let bytes = Array(page)
        guard content.bytes(range) != bytes else { return }
        do throws(Errno) {
            service.caller = TreeService.Caller()
            let space = try service.space(bytes.count)
            let placed = bytes.withUnsafeBytes { space.place($0) }
            let write = Operation.write(number, offset: offset, placed, .dirtyPage)
            try service.store(.operation(write), in: space)
        } catch {
            giveUp()
        }
    }

    /// From now on something may be unseen.
    private func giveUp() {
        guard isComplete else { return }
        isComplete = false
        try? service.writer.note(Recording.dirtyPagesNote, Array("not all".utf8))
    }
}
