import CSupport
import Glibc

/// Where perjury is installed.
package enum Installation {
    /// The folder of the executable that runs this code.
    package static var folder: String? {
        guard let image = perjury_image_path() else { return nil }
        // Without a folder it is an argv[0] that was found in PATH.
        let isPlain = strchr(image, CInt(UInt8(ascii: "/"))) == nil
        let place = isPlain ? "/proc/self/exe" : String(cString: image)
        guard let real = realpath(place, nil) else { return nil }
        defer { free(real) }
        let path = String(cString: real)
        return path.lastIndex(of: "/").map { slash in
            let folder = String(path[..<slash])
            // A test bundle may lie in a folder of its own.
            return folder
        }
    }
}
