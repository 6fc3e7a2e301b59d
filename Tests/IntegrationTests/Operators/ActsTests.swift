import Foundation
import Testing

@Suite("Acts and kills of the center", .timeLimit(.minutes(3))) struct ActsTests {
    private struct Result: Decodable {
        let acts: Int
        let kills: Int
        let lines: Int
        let findings: [String]
    }

    @Test("acts count once and have one line each while the center is killed again and again")
    func actsCountOnce() throws {
        let result = try TestCluster.run(
            "tranche-bench", ["acts", "--acts", "200", "--life-milliseconds", "400", "--json"])
        #expect(result.status == 0, "\(result.output)")
        let figures = try JSONDecoder().decode(Result.self, from: Data(result.output.utf8))
        #expect(figures.findings.isEmpty, "\(figures.findings)")
        #expect(figures.acts == 200 && figures.kills > 0 && figures.lines > 200)
    }
}
