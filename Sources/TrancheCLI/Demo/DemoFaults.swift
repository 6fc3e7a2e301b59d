import Clusters

/// The faults of `demo --faults`, at fixed times of the sale.
struct DemoFaults: Sendable {
    let cluster: LocalCluster

    func run(_ note: (String) -> Void) async {
        await self.after(2_000)
        note("kill -9 unit eu-west")
        self.cluster.kill(.unit("eu-west"))
        await self.after(1_500)
        self.restart(.unit("eu-west"), note)
        await self.after(1_000)
        note("kill -9 the Redis of ap-south")
        self.cluster.kill(.redis("ap-south"))
        await self.after(1_000)
        self.restart(.redis("ap-south"), note)
        await self.after(1_500)
        note("kill -9 the config center")
        self.cluster.kill(.center)
        await self.after(500)
        note("kill -9 the shop")
        self.cluster.kill(.shop)
        await self.after(500)
        note("kill -9 the provider")
        self.cluster.kill(.provider)
        await self.after(500)
        self.restart(.shop, note)
        await self.after(500)
        self.restart(.provider, note)
        self.restart(.center, note)
        await self.after(1_500)
        note("kill -9 the coordinator")
        self.cluster.kill(.coordinator)
        await self.after(1_500)
        self.restart(.coordinator, note)
    }

    private func after(_ milliseconds: Int) async { try? await Task.sleep(for: .milliseconds(milliseconds)) }

    private func restart(_ part: LocalCluster.Part, _ note: (String) -> Void) {
        do {
            try self.cluster.start(part)
            note("started the \(part) again, \(String(describing: part).hasPrefix("redis") ? "empty" : "on its files")")
        } catch { note("the \(part) did not start: \(error)") }
    }
}
