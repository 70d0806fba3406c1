import PowerLoss
import Testing

@Suite("Name patterns")
struct NamePatternTests {
    @Test(
        "names that differ in numbers and random letters have one pattern",
        arguments: [
            ("rows/k17", "rows/k#"), ("rows/k1", "rows/k#"), ("MANIFEST-000012", "MANIFEST-#"),
            ("seg001.log", "seg#.log"), ("LOG001", "LOG#"),
            (".git/objects/be/tmp_obj_IOxSOR", ".git/objects/#/tmp_obj_#"),
            (".git/objects/10/3f786850e387550fdab836ed7e6dc881de23001b", ".git/objects/#/#"),
            ("tmp.4fG9xQ", "tmp.#"),
            ("0f8fad5b-d9cb-469f-a165-70867728950e.part", "#-#-#-#-#.part"),
        ])
    func variable(_ path: String, _ pattern: String) {
        #expect(NamePattern.of(path) == pattern)
    }

    @Test(
        "words stay as they are",
        arguments: [
            "", "data.db", "rows/meta.json", "README", "CURRENT", "MyFile", "IndexFile.dat",
            "store.db-wal", "a/b/c", "feed", "cafe.txt", ".", "x//y",
        ])
    func constant(_ path: String) {
        #expect(NamePattern.of(path) == path)
    }
}
